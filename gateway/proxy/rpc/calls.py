"""Native gRPC calls: judged, routed and counted like every other, then passed on frame by frame."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from copy import copy
from typing import Any

from plugway.plugin.v1.plugin_pb2 import HandleRequest

from gateway.errors import PlugwayError
from gateway.model import Access
from gateway.proxy.access import Doorman
from gateway.proxy.calls import Calls
from gateway.proxy.counters import CallMetrics
from gateway.proxy.failures import CallFailed, Failure, refused
from gateway.proxy.head import Head, set_context, take
from gateway.proxy.limits.gate import Permit, TooManyCalls, caller_key
from gateway.proxy.limits.outliers import Outliers
from gateway.proxy.personal import route_for
from gateway.proxy.prepared import PreparedRoute, PreparedTarget
from gateway.proxy.problems import BodyTooSlow, Problem, TimedOut
from gateway.proxy.rpc import fields
from gateway.proxy.rpc.call import RpcCall, access_of, refusal, send_at_once
from gateway.proxy.rpc.deadline import write_timeout
from gateway.proxy.rpc.own import OwnServices, sign_in
from gateway.proxy.rpc.request import Asked, read
from gateway.proxy.rpc.services import ServiceIndex, exporting
from gateway.proxy.rpc.status import DeadlinePassed, UnknownService
from gateway.proxy.table import RouteTable
from gateway.proxy.wire.duplex_stream import DuplexStream

_CLOSE = 0.05
"""Seconds before the client's deadline in which the plugin, which knows it too, may end the call first."""


class RpcCalls:
    """The gRPC side of the data plane."""

    def __init__(
        self, doorman: Doorman, calls: Calls, outliers: Outliers, table: RouteTable, metrics: CallMetrics
    ) -> None:
        self._doorman = doorman
        self._calls = calls
        self._outliers = outliers
        self._table = table
        self._metrics = metrics
        self._indexed: Mapping[bytes, PreparedRoute] = {}
        self._index = ServiceIndex({})
        self._own = OwnServices(doorman, table, lambda: self.index)

    @property
    def index(self) -> ServiceIndex:
        """Of the table as it is now."""
        if self._indexed is not self._table.routes:
            self._indexed = self._table.routes
            self._index = ServiceIndex(self._table.routes)
        return self._index

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """One call, of whichever kind."""
        message = HandleRequest()
        head = take(scope["headers"], message.request)
        try:
            asked = read(scope)
            if asked.service in self._own:
                await self._own.serve(asked, head, receive, send)
                return
            call, permit = await self._admit(asked, message, head, scope, receive, send)
        except PlugwayError as error:
            await send_at_once(send, refusal(error, head.request_id))
            return
        await self._calls.counted(call, permit, self._carry)

    async def refuse(self, error: PlugwayError, scope: Any, send: Any) -> None:
        head = take(scope["headers"], HandleRequest().request)
        await send_at_once(send, refusal(error, head.request_id))

    async def _admit(
        self, asked: Asked, message: HandleRequest, head: Head, scope: Any, receive: Any, send: Any
    ) -> tuple[RpcCall, Permit | None]:
        """The call, as far as its caller may make it now; raises ``PlugwayError``."""
        route = route_for(self._find(asked, head), self._doorman, scope["headers"], head)
        target = exporting(route, route.choose(head.release, scope["headers"]), asked.service)
        if target is not None and target.typed is not None and target.typed.api is None:
            await target.typed.load()
        try:
            return self._let_in(route, target, asked, message, head, scope, receive, send)
        except PlugwayError as error:
            self._calls.note_refused(Problem(error), route, target, scope, asked.path, head)
            raise

    def _find(self, asked: Asked, head: Head) -> PreparedRoute:
        """Whose service it is; a stranger is not told which there are."""
        try:
            return self.index.find(asked.service, asked.plugin)
        except PlugwayError:
            if self._doorman.identify(head.authorization, head.cookie) is None:
                raise sign_in("This service") from None
            raise

    def _let_in(
        self,
        route: PreparedRoute,
        target: PreparedTarget | None,
        asked: Asked,
        message: HandleRequest,
        head: Head,
        scope: Any,
        receive: Any,
        send: Any,
    ) -> tuple[RpcCall, Permit | None]:
        plugin = route.route.plugin_id
        level = access_of(target, asked.path) if target is not None else Access.USER
        judged = self._doorman.judge(level, "POST", head, scope["headers"], plugin)
        if isinstance(judged, PlugwayError):
            raise judged
        if (problem := route.refusal(head.release)) is not None:
            self._metrics.refuse(plugin, problem.reason)
            raise copy(problem.error)
        if target is None:
            raise UnknownService(f"No release of {plugin} that takes calls exports {asked.service}.")
        request = message.request
        request.method, request.path = "POST", asked.path
        set_context(request, head, scope, route.base_path, judged, plugin)
        self._doorman.prove(request.context, plugin, target.target.release_id)
        if judged is None and head.authorization is not None:
            request.headers.add(name=b"authorization", value=head.authorization)
        permit: Permit | None = None
        if route.gate is not None:
            who = caller_key(judged, scope.get("client"))
            admitted = route.gate.admit("POST", asked.path, who, time.monotonic())
            if isinstance(admitted, TooManyCalls):
                self._metrics.refuse(plugin, admitted.reason)
                raise admitted
            permit = admitted
        call = RpcCall(route, target, message, head, receive, send)
        if asked.timeout is not None:
            call.deadline = asyncio.get_running_loop().time() + asked.timeout
        self._calls.trace(call, scope["headers"])
        return call, permit

    async def _carry(self, call: RpcCall) -> None:
        request, limits = call.request, call.route.limits
        call.task = asyncio.current_task()
        try:
            async with asyncio.timeout_at(call.deadline):
                if call.single:
                    # As a rule that is all of it, and no task has to wait for more.
                    await self._first(call, limits.body_idle)
                if request.complete:
                    self._calls.running.begin(call)
                stream = await self._calls.tried(call, self._begin)
                try:
                    await self._answer(call, stream)
                finally:
                    stream.close()
        except TimeoutError:
            raise _passed(call) from None
        finally:
            request.close()
            self._calls.running.end(call)

    async def _first(self, call: RpcCall, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                await call.request.next()
        except TimeoutError:
            raise _slow(call, within) from None

    async def _begin(self, call: RpcCall) -> DuplexStream:
        """One attempt, up to the head of the answer."""
        if not call.request.repeatable:
            raise refused()
        connection = await call.upstream.duplex()
        loop = asyncio.get_running_loop()
        head = fields.outgoing(call.message.request, call.head)
        if call.deadline is not None:
            head.append((b"grpc-timeout", write_timeout(call.deadline - loop.time())))
        stream = await connection.open(call.path, head)
        try:
            await call.request.pass_to(stream)
            await self._head(call, stream)
            if stream.empty and stream.trailers is not None and fields.is_refusal(stream.trailers):
                raise refused()
        except BaseException as error:
            stream.close()
            if isinstance(error, CallFailed):
                await self._failed(call, error)
            raise
        call.request.is_taken()
        return stream

    async def _failed(self, call: RpcCall, failed: CallFailed) -> None:
        if call.deadline is not None and asyncio.get_running_loop().time() > call.deadline - _CLOSE:
            raise _passed(call) from None
        if failed.failure is Failure.REFUSED:
            # Who takes it instead may be of another release, which must be known by then.
            newest = self._table.find(call.route.key) or call.route
            for target in newest.targets:
                if target.typed is not None and target.typed.api is None:
                    await target.typed.load()

    async def _head(self, call: RpcCall, stream: DuplexStream) -> None:
        limits = call.route.limits
        limit = limits.timeout if call.single else limits.stream_idle
        while True:
            try:
                async with asyncio.timeout(limit):
                    await stream.wait_for_head()
                return
            except TimeoutError:
                if not _quiet(call, limit):
                    continue
                if call.request.waits:
                    raise _slow(call, limit) from None
                raise CallFailed(Failure.TIMED_OUT, f"did not answer within {limit:g} seconds") from None

    async def _answer(self, call: RpcCall, stream: DuplexStream) -> None:
        assert stream.head is not None
        try:
            head = fields.first(stream.head, call.head.request_id)
            if stream.trailers_only:
                fields.last(stream.trailers)
                await call.answer_at_once(head)
                return
            await call.begin(head)
            await self._messages(call, stream)
            await call.end(fields.last(stream.trailers))
        except CallFailed as failed:
            self._outliers.failed(call.target, call.upstream, call.started, failed)
            raise

    async def _messages(self, call: RpcCall, stream: DuplexStream) -> None:
        idle = call.route.limits.stream_idle
        while not stream.empty:
            if data := stream.take():
                call.sent += len(data)
                await call.send({"type": "http.response.body", "body": data, "more_body": True})
                continue
            try:
                async with asyncio.timeout(idle):
                    await stream.wait_for_more()
            except TimeoutError:
                if _quiet(call, idle):
                    raise TimedOut(
                        f"Nothing was sent either way for {idle:g} seconds.",
                        plugin=call.route.route.plugin_id,
                        reason="idle",
                    ) from None


def _quiet(call: RpcCall, limit: float) -> bool:
    return asyncio.get_running_loop().time() - call.request.moved >= limit


def _slow(call: RpcCall, within: float) -> BodyTooSlow:
    return BodyTooSlow(
        f"Nothing of the request came for {within:g} seconds.", plugin=call.route.route.plugin_id
    )


def _passed(call: RpcCall) -> DeadlinePassed:
    return DeadlinePassed(
        "The deadline of the call has passed.", plugin=call.route.route.plugin_id, reason="deadline"
    )
