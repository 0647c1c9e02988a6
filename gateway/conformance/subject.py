"""The plugin as a check meets it: one connected instance, what it said of itself, and how to call it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from plugway.plugin.v1 import http_pb2, plugin_pb2
from plugway.plugin.v1.plugin_pb2_grpc import PluginServiceStub

from gateway.conformance.check import Broken, NotApplicable, NotTried
from gateway.conformance.places import Place
from gateway.contract.channel import open_channel
from gateway.contract.manifest import CONTRACT_VERSIONS, read_manifest
from gateway.model import Endpoint, Manifest
from gateway.registry.records import PluginSettings
from gateway.sources.check_table import NONE, CheckTable, split_route

T = TypeVar("T")

UNKNOWN = "plugway-check-no-such-name"
"""A name and path that no plugin has."""

_MOST_FRAMES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """In seconds: for a check, for one answer in it, for the start, and until something quick is seen.

    ``slow`` is what a slow route has to take at least.
    """

    check: float = 30.0
    answer: float = 10.0
    start: float = 60.0
    moment: float = 0.3
    slow: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may be done to the plugin, and with what.

    ``settings`` is one document, secrets and all; None leaves those of the ``[check]`` table. Without
    ``configure`` settings are only judged; without ``drain`` nothing is ended that was not started here.
    """

    routes: CheckTable = CheckTable()
    settings: Mapping[str, Any] | PluginSettings | None = None
    configure: bool = True
    drain: bool = True
    preflight: bool = False
    patience: Patience = field(default_factory=Patience)


@dataclass
class Shared:
    """What is known across instances: secrets that were given away, and how long the slow route takes."""

    canaries: list[str] = field(default_factory=list)
    slow: tuple[float, int] | None = None


class Subject:
    """One instance. ``memo`` holds what checks of its scene have seen together."""

    def __init__(self, place: Place, plan: Plan, endpoint: Endpoint, shared: Shared) -> None:
        self.place = place
        self.plan = plan
        self.patience = plan.patience
        self.endpoint = endpoint
        self.channel = open_channel(endpoint)
        # The stub's types know no metadata and no readers, which every call here needs.
        self.plugin: Any = PluginServiceStub(self.channel)
        self._health: Any = health_pb2_grpc.HealthStub(self.channel)
        self._manifest: Manifest | None = None
        self._numbers = itertools.count(1)
        self.described: plugin_pb2.DescribeResponse | None = None
        self.configured = False
        self.shared = shared
        self.memo: dict[str, Any] = {}
        self.revision = 1

    async def close(self) -> None:
        await self.channel.close()

    async def once(self, key: str, act: Callable[[Subject], Awaitable[T]]) -> T:
        """What ``act`` saw the first time; raises anew what it raised."""
        if key not in self.memo:
            self.memo[key] = asyncio.ensure_future(act(self))
        task: asyncio.Task[T] = self.memo[key]
        if task.cancelled():
            raise Broken("What this is about did not come to an end in time; see the check before.")
        return await task

    # What it says of itself

    async def describe(self, *versions: int) -> plugin_pb2.DescribeResponse:
        request = plugin_pb2.DescribeRequest(
            contract_versions=versions or CONTRACT_VERSIONS, gateway_version="check"
        )
        call = self.plugin.Describe(request, timeout=self.patience.answer)
        answer: plugin_pb2.DescribeResponse = await self.answer(call, "Describe")
        return answer

    async def learn(self) -> None:
        """Ask once; a check of its own tells what is wrong with the answer."""
        self.described = await self.describe()
        self._manifest = await asyncio.to_thread(read_manifest, self.described)

    @property
    def manifest(self) -> Manifest:
        """Raises :class:`NotTried` where it could not be read."""
        if self._manifest is None:
            raise NotTried("its manifest could not be read")
        return self._manifest

    @property
    def schema(self) -> Mapping[str, Any]:
        """Raises :class:`NotApplicable` for a plugin without settings."""
        if self.manifest.settings_schema is None:
            raise NotApplicable("it has no settings")
        return self.manifest.settings_schema

    @property
    def instance_id(self) -> str:
        """As it was started; what it says itself where it was started elsewhere."""
        if self.place.renewable:
            return self.endpoint.instance_id
        return self.described.instance_id if self.described else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Those that its health has to know."""
        return tuple(dict.fromkeys(("", self.manifest.plugin_id, self.instance_id)))

    # Health

    async def health(self, name: str) -> int:
        request = health_pb2.HealthCheckRequest(service=name)
        answer = await self.answer(
            self._health.Check(request, timeout=self.patience.answer), "the health check"
        )
        return int(answer.status)

    def watch(self, name: str) -> Any:
        return self._health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=self.patience.answer)

    async def answer(self, call: Any, what: str) -> Any:
        found = await call
        if found is None:
            # grpc.aio answers None where the bytes could not be parsed as the message.
            raise Broken(f"Its answer to {what} is not a message of the contract.")
        return found

    # Settings

    async def settings(self) -> PluginSettings:
        """Those to hand over, secrets apart."""
        given = self.plan.settings
        if isinstance(given, PluginSettings):
            return given
        # Imported here, as the command line lists its commands without it.
        from gateway.supervisor.settings_split import take_apart

        values = dict(self.plan.routes.settings if given is None else given)
        manifest = self.manifest
        return take_apart(manifest.settings_schema or {}, values, PluginSettings(), manifest.settings_version)

    async def configure(
        self,
        settings: PluginSettings,
        *,
        dry_run: bool = False,
        text: str | None = None,
        schema_version: int | None = None,
    ) -> plugin_pb2.ConfigureResponse:
        """Hand over settings; ``text`` is sent in place of their JSON. Never for real without leave."""
        request = plugin_pb2.ConfigureRequest(
            settings_json=json.dumps(dict(settings.values)) if text is None else text,
            secrets=settings.secrets,
            schema_version=settings.schema_version if schema_version is None else schema_version,
            revision=self.revision,
            dry_run=dry_run or not self.plan.configure,
        )
        call = self.plugin.Configure(request, timeout=self.patience.answer)
        answer: plugin_pb2.ConfigureResponse = await self.answer(call, "Configure")
        return answer

    # Calls

    def head(self, method: str, path: str, query: str = "", **headers: str) -> http_pb2.HttpRequest:
        """As a gateway sends it, from an administrator."""
        fields = {"host": "plugway.check", "accept": "*/*", **headers}
        return http_pb2.HttpRequest(
            method=method,
            path=path.encode(),
            query=query.encode(),
            headers=[
                http_pb2.HttpHeader(name=name.replace("_", "-").encode(), value=value.encode())
                for name, value in fields.items()
            ],
            context=http_pb2.CallContext(
                request_id=f"check-{next(self._numbers)}",
                user="plugway-check",
                role="admin",
                base_path=f"/plugins/{self._manifest.plugin_id if self._manifest else 'check'}/api",
                client_address="127.0.0.1",
                scheme="http",
                host="plugway.check",
            ),
        )

    def route(self, name: str, method: str = "GET", **headers: str) -> http_pb2.HttpRequest:
        """The head of a call at the route that ``[check]`` names so."""
        return self.head(*split_route(str(getattr(self.plan.routes, name)), method), **headers)

    def usual(self) -> http_pb2.HttpRequest:
        """A call that answers at once; where none is named, whatever lies at the root."""
        named = self.plan.routes.call
        return self.route("call") if named not in ("", NONE) else self.head("GET", "/")

    async def handle(
        self,
        head: http_pb2.HttpRequest,
        body: bytes = b"",
        *,
        timeout: float = 0.0,  # noqa: ASYNC109 - it becomes the gRPC deadline, which also tells the plugin
    ) -> plugin_pb2.HandleResponse:
        request = plugin_pb2.HandleRequest(request=head, body=body)
        call = self.plugin.Handle(request, timeout=timeout or self.patience.answer)
        answer: plugin_pb2.HandleResponse = await self.answer(call, "Handle")
        if not 200 <= answer.response.status <= 599:
            raise Broken(
                f"It answered with {answer.response.status}, which is no HTTP status from 200 to 599."
            )
        return answer

    async def give_up(self, continuation: str) -> None:
        """As the gateway does with the rest of an answer that nobody wants."""
        if continuation:
            request = plugin_pb2.ReadBodyRequest(continuation=continuation, discard=True)
            await self.plugin.ReadBody(request, timeout=self.patience.answer).read()

    def exchange(self) -> Any:
        return self.plugin.Exchange(timeout=self.patience.check)

    async def frames(self, call: Any, what: str) -> AsyncIterator[Any]:
        """Read to the end; raises :class:`Broken` where a frame does not come, or too many do."""
        for _ in range(_MOST_FRAMES):
            frame = await self.within(call.read(), what)
            if frame is aio.EOF:
                return
            yield frame
        raise Broken(f"{what} did not come among {_MOST_FRAMES} messages: it floods its caller.")

    async def refused(self, act: Awaitable[Any], *codes: grpc.StatusCode) -> grpc.StatusCode | None:
        """The status that ``act`` failed with; None where it succeeded. Others than ``codes`` are raised."""
        try:
            await act
        except aio.AioRpcError as error:
            if codes and error.code() not in codes:
                raise
            return error.code()
        return None

    async def within(self, act: Awaitable[T], what: str, seconds: float = 0.0) -> T:
        """Raises :class:`Broken` where ``what`` does not come in time."""
        seconds = seconds or self.patience.answer
        try:
            async with asyncio.timeout(seconds):
                return await act
        except TimeoutError:
            raise Broken(f"{what} did not come within {seconds:g} s.") from None
