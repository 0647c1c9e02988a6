"""Calls to plugins over HTTP: judged, carried, answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from plugway.plugin.v1.plugin_pb2 import HandleRequest, HandleResponse

from gateway.errors import PlugwayError
from gateway.model import Access, Caller
from gateway.proxy.access import Doorman
from gateway.proxy.access_log import AccessLog, Line
from gateway.proxy.answering import send_answer
from gateway.proxy.attempts import Attempts
from gateway.proxy.body import Body, ClientLeft
from gateway.proxy.call import Call
from gateway.proxy.compress import may_shrink, strong_tags
from gateway.proxy.counters import CallMetrics, method_class
from gateway.proxy.failures import CallFailed
from gateway.proxy.head import Head, set_context, take
from gateway.proxy.headers import Pairs
from gateway.proxy.limits.gate import Permit, TooManyCalls, caller_key
from gateway.proxy.limits.outliers import Outliers
from gateway.proxy.paths import has_dot_segments
from gateway.proxy.preflight import answer_preflight
from gateway.proxy.prepared import PreparedRoute, PreparedTarget
from gateway.proxy.problems import PASSED_METHODS, BadRequest, MethodRefused, Problem
from gateway.proxy.record import Recorders
from gateway.proxy.reroute import RouteOf
from gateway.proxy.running import RunningCalls
from gateway.proxy.stream import BrokenOff
from gateway.proxy.templates import OTHER
from gateway.proxy.tracing import Tracing
from gateway.proxy.typed.service import TypedCalls
from gateway.proxy.unconfigured import STATUS as NOT_CONFIGURED
from gateway.proxy.uploads import Uploads
from gateway.registry.boards import OutcomeBoard
from gateway.registry.recordings import RecordingBoard
from gateway.settings import Settings

C = TypeVar("C", bound=Call)
_LONGEST_ACCEPT = 256
_REFUSED_METHODS = frozenset({"TRACE", "CONNECT"})


class Calls:
    """The HTTP side of the data plane, for ``/plugins/{id}/api/...``."""

    def __init__(
        self,
        doorman: Doorman,
        outcomes: OutcomeBoard,
        outliers: Outliers,
        settings: Settings,
        route_of: RouteOf,
        metrics: CallMetrics,
        log: AccessLog | None = None,
        tracing: Tracing | None = None,
        recordings: RecordingBoard | None = None,
    ) -> None:
        self._recorders = Recorders(recordings or RecordingBoard())
        self._judge_caller = doorman.judge
        self._prove = doorman.prove
        self._outcomes = outcomes
        self._metrics = metrics
        self._log = log
        self._tracing = tracing
        self._unary_bytes = settings.unary_bytes
        self._compresses = settings.compression == "on"
        self.running = RunningCalls()
        attempts = Attempts(doorman, outliers, route_of, metrics)
        self.tried = attempts.tried
        self._typed = TypedCalls(self.tried, self.running)
        self._uploads = Uploads(attempts, outliers)

    async def close(self) -> None:
        await self.running.close()

    async def serve(self, route: PreparedRoute, path: bytes, scope: Any, receive: Any, send: Any) -> None:
        """One call; ``path`` is the plugin's, as the client encoded it."""
        if route.cors is not None:
            asked = route.cors.preflight(scope["method"], scope["headers"])
            if asked is not None:
                await answer_preflight(asked, send)
                return
            send = route.cors.dress(scope["headers"], send)
        message = HandleRequest()
        request = message.request
        head = take(scope["headers"], request)
        method: str = scope["method"]
        target = route.choose(head.release, scope["headers"])
        judged = self._judge(route, target, method, path, head, scope["headers"])
        if isinstance(judged, PlugwayError):
            await self._refuse(Problem(judged), route, target, path, head, scope, send)
            return
        refusal = route.refusal(head.release)
        if refusal is not None or target is None:
            refusal = refusal or route.overloaded
            self._metrics.refuse(route.route.plugin_id, refusal.reason)
            await self._refuse(refusal, route, target, path, head, scope, send)
            return
        request.method = method
        request.path = path
        request.query = scope["query_string"]
        set_context(request, head, scope, route.base_path, judged, route.route.plugin_id)
        self._prove(request.context, route.route.plugin_id, target.target.release_id)
        if judged is None and head.authorization is not None:
            # A public route may have callers of its own; what names one of ours stays here.
            request.headers.add(name=b"authorization", value=head.authorization)
        permit: Permit | None = None
        if route.gate is not None:
            who = caller_key(judged, scope.get("client"))
            admitted = route.gate.admit(method, path, who, time.monotonic())
            if isinstance(admitted, TooManyCalls):
                self._metrics.refuse(route.route.plugin_id, admitted.reason)
                await self._refuse(Problem(admitted), route, target, path, head, scope, send)
                return
            permit = admitted
        call = Call(route, target, message, head, method, receive, send)
        if self._compresses and (head.accept or head.if_match):
            _prepare(call, judged, scope)
        self.trace(call, scope["headers"])
        call.trailers = "http.response.trailers" in scope.get("extensions", ())
        if route.recording is not None:
            carried = self.counted(call, permit, self._carry)
            await self._recorders.follow(route.recording, call, carried)
            return
        await self.counted(call, permit, self._carry)

    async def _refuse(
        self,
        problem: Problem,
        route: PreparedRoute,
        target: PreparedTarget | None,
        path: bytes,
        head: Head,
        scope: Any,
        send: Any,
    ) -> None:
        """Answer a call that is not passed on."""
        self.note_refused(problem, route, target, scope, path, head)
        await problem.send(send, head.request_id.encode())

    def trace(self, call: Call, headers: Pairs) -> None:
        """Begin its spans, where there are any; from then on its context names them."""
        if self._tracing is not None:
            context = call.message.request.context
            call.spans = self._tracing.begin(call.head, headers, call.method, context)

    def note_refused(
        self,
        problem: Problem,
        route: PreparedRoute,
        target: PreparedTarget | None,
        scope: Any,
        path: bytes,
        head: Head,
    ) -> None:
        """Log and trace a call that is not passed on."""
        if self._log is None and self._tracing is None:
            return
        plugin, method = route.route.plugin_id, scope["method"]
        template = OTHER if target is None else target.templates.find(path)
        if self._log is not None and self._log.all_calls:
            release = "" if target is None else target.target.release_id
            who = (head.request_id, head.trace_id, plugin, release, template, method)
            how = (problem.status, 0.0, len(problem.body), "", problem.reason or "not passed on")
            self._log.add(Line(time.time(), *who, *how))
        if self._tracing is not None:
            self._tracing.refused(head, scope["headers"], method, plugin, template, problem.status)

    def _judge(
        self,
        route: PreparedRoute,
        target: PreparedTarget | None,
        method: str,
        path: bytes,
        head: Head,
        headers: list[tuple[bytes, bytes]],
    ) -> Caller | PlugwayError | None:
        plugin = route.route.plugin_id
        if has_dot_segments(path):
            return BadRequest("The path must not contain '.' or '..' as a segment.", plugin=plugin)
        if method in _REFUSED_METHODS:
            refused = f"{method} is not passed on to plugins."
            return MethodRefused(refused, plugin=plugin, allow=PASSED_METHODS)
        access = target.rules.access(method, path) if target is not None else Access.USER
        return self._judge_caller(access, method, head, headers, plugin)

    async def counted(self, call: C, permit: Permit | None, carry: Callable[[C], Awaitable[None]]) -> None:
        """Run a call within the plugin's limit, and count how it ended."""
        active, capacity = call.route.active, call.route.capacity
        active[0] += 1
        capacity.free -= 1
        call.target.counts.active += 1
        call.upstream.active += 1
        try:
            await carry(call)
        except CallFailed as failed:
            await call.refuse(failed.problem(call.route.route.plugin_id))
        except PlugwayError as error:
            await call.refuse(error, close=True)
        except ClientLeft:
            # The answer stays unfinished, so the server closes the connection under it.
            call.broken = "the client left"
        except BrokenOff as error:
            call.broken, call.failed = str(error), True
        except asyncio.CancelledError:
            call.broken = "the client left"
            if not call.left:
                raise
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        finally:
            call.route.leave(call.stream)
            if permit is not None:
                permit.release()
            counts = call.target.counts
            counts.active -= 1
            call.upstream.release()
            if call.status:
                took = call.began - call.started
                counts.route(call.template).count(method_class(call.method), call.status, took)
                if self._outcomes.windows:
                    self._outcomes.measured(call.upstream.instance_id, took, failed=call.status >= 500)
            if call.spans is not None or self._log is not None:
                self._tell(call)

    def _tell(self, call: Call) -> None:
        """Traces and the log, at its end."""
        if call.spans is not None:
            call.end_spans(call.spans)
        if self._log is None:
            return
        if self._log.all_calls or 500 <= call.status < NOT_CONFIGURED or call.failed:
            self._log.add(call.line())

    async def _carry(self, call: Call) -> None:
        if call.target.typed is not None and await self._typed.carry(call):
            return
        head = call.head
        if head.length or head.chunked:
            body = Body(call.receive, call.route.limits, call.route.route.plugin_id)
            if head.length > call.route.limits.max_body:
                raise body.too_large()
            up_to = self._unary_bytes if head.length <= self._unary_bytes else 0
            first = await body.begin(up_to, call.route.limits.timeout)
            if not body.complete:
                await self._uploads.carry(call, body, first)
                return
            call.message.body = first
        self.running.begin(call)
        try:
            await send_answer(call, await self.tried(call, _handle))
        finally:
            self.running.end(call)


def _prepare(call: Call, caller: Caller | None, scope: Any) -> None:
    """See to it that the answer may be compressed."""
    if call.head.if_match:
        for header in call.message.request.headers:
            if header.name == b"if-match":
                header.value = strong_tags(header.value)
    if len(call.head.accept) < _LONGEST_ACCEPT and scope["http_version"] != "1.0":
        call.accept = call.head.accept if may_shrink(caller, scope["headers"]) else b""


def _handle(call: Call) -> Awaitable[HandleResponse]:
    return call.upstream.handle(call.message, call.route.limits.timeout)
