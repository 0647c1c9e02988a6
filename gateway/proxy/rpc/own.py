"""The gRPC services that the gateway itself has: reflection of all plugins' services, and health."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from gateway.access.roles import role_on
from gateway.errors import PlugwayError
from gateway.model import Caller
from gateway.proxy.access import Doorman
from gateway.proxy.body import ClientLeft
from gateway.proxy.head import Head
from gateway.proxy.prepared import PreparedRoute
from gateway.proxy.problems import BadRequest, SignInFirst
from gateway.proxy.rpc.messages import Conversation
from gateway.proxy.rpc.request import Asked
from gateway.proxy.rpc.services import ServiceIndex
from gateway.proxy.rpc.status import UnknownService
from gateway.proxy.table import RouteTable

HEALTH = "grpc.health.v1.Health"
REFLECTION = tuple(f"grpc.reflection.{version}.ServerReflection" for version in ("v1", "v1alpha"))
_IDLE = 300.0
"""Seconds that a conversation may be silent."""


class OwnServices:
    """Tells a caller of those plugins alone with which he may do something."""

    def __init__(self, doorman: Doorman, table: RouteTable, index: Callable[[], ServiceIndex]) -> None:
        self._doorman = doorman
        self._table = table
        self._index = index

    def __contains__(self, service: str) -> bool:
        return service == HEALTH or service in REFLECTION

    async def serve(self, asked: Asked, head: Head, receive: Any, send: Any) -> None:
        caller = self._doorman.identify(head.authorization, None)
        conversation = Conversation(receive, send, head.request_id, _IDLE)
        try:
            async with asyncio.timeout(asked.timeout):
                await self._act(asked, caller, conversation)
        except PlugwayError as error:
            await conversation.end(error)
        except DecodeError:
            await conversation.end(BadRequest("The message is not one of this method."))
        except (ClientLeft, TimeoutError):
            # The client has given up, or is about to.
            return
        else:
            await conversation.end()

    async def _act(self, asked: Asked, caller: Caller | None, conversation: Conversation) -> None:
        if asked.service == HEALTH:
            await self._health(asked.method, caller, conversation)
            return
        if asked.method != "ServerReflectionInfo":
            raise UnknownService(f"{asked.service} has no method {asked.method}.")
        if caller is None:
            raise sign_in("Reflection")
        from gateway.proxy.rpc.reflection import Reflection

        reflection = Reflection(self._visible(caller, asked.plugin))
        while (message := await conversation.read()) is not None:
            await conversation.write(await reflection.answer(message))

    def _visible(self, caller: Caller, plugin: bytes) -> dict[str, PreparedRoute]:
        """By service: the plugin that answers for it, where the caller is something to that plugin."""
        visible = {}
        for name, exporters in self._index().exporters.items():
            able = [one for one in exporters if plugin in (b"", one.key)]
            if able and role_on(caller, able[0].route.plugin_id):
                visible[name] = able[0]
        return visible

    async def _health(self, method: str, caller: Caller | None, conversation: Conversation) -> None:
        from grpc_health.v1 import health_pb2 as pb

        if method == "List":
            if caller is None:
                raise sign_in("The list")
            names = ["", *self._visible(caller, b"")]
            listed = pb.HealthListResponse()
            for name in names:
                status = self._status(name, caller)
                listed.statuses[name].status = status if status is not None else 0
            await conversation.write(listed.SerializeToString())
            return
        if method not in ("Check", "Watch"):
            raise UnknownService(f"{HEALTH} has no method {method}.")
        message = await conversation.read()
        service = pb.HealthCheckRequest.FromString(message or b"").service
        if service and caller is None:
            raise sign_in("The health of a service")
        if method == "Watch":
            await self._watch(service, caller, conversation)
            return
        status = self._status(service, caller)
        if status is None:
            raise _NoSuchService(f"There is no service {service[:200]}.")
        await conversation.write(pb.HealthCheckResponse(status=status).SerializeToString())

    async def _watch(self, service: str, caller: Caller | None, conversation: Conversation) -> None:
        from grpc_health.v1 import health_pb2 as pb

        unknown = pb.HealthCheckResponse.SERVICE_UNKNOWN
        told: int | None = None
        leaving = asyncio.create_task(conversation.client_left())
        try:
            with self._table.follow() as changed:
                while not leaving.done():
                    found = self._status(service, caller)
                    status = unknown if found is None else found
                    if status != told:
                        told = status
                        await conversation.write(pb.HealthCheckResponse(status=status).SerializeToString())
                    waiting = asyncio.create_task(changed.wait())
                    await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                    changed.clear()
            raise ClientLeft
        finally:
            leaving.cancel()

    def _status(self, service: str, caller: Caller | None) -> int | None:
        """1 where calls are taken, 2 where not; None where the caller knows of no such service."""
        if not service:
            return 1
        if caller is None:
            return None
        route = self._visible(caller, b"").get(service)
        return None if route is None else 1 if route.problem is None else 2


class _NoSuchService(UnknownService):
    """Health says NOT_FOUND where other services say UNIMPLEMENTED."""

    status = 404


def sign_in(what: str) -> SignInFirst:
    return SignInFirst(
        f"{what} needs a valid token.", hint="Send the metadata 'authorization: Bearer TOKEN'."
    )
