"""Calls to plugins over HTTP: judged, carried, answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from plugway.plugin.v1.plugin_pb2 import HandleRequest, HandleResponse

from gateway.errors import PlugwayError
from gateway.model import Access, Caller
from gateway.proxy.access import Doorman
from gateway.proxy.access_log import AccessLog, Line
from gateway.proxy.answer import BODILESS, announced, complete_head, open_head
from gateway.proxy.body import Body, ClientLeft
from gateway.proxy.call import Call
from gateway.proxy.compress import LEAST, may_shrink, strong_tags
from gateway.proxy.counters import CallMetrics, method_class
from gateway.proxy.exchange import Upload
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.head import Head, set_context, take
from gateway.proxy.headers import Pairs
from gateway.proxy.limits.gate import Permit, TooManyCalls, caller_key
from gateway.proxy.limits.outliers import Outliers
from gateway.proxy.paths import has_dot_segments
from gateway.proxy.preflight import answer_preflight
from gateway.proxy.problems import PASSED_METHODS, BadRequest, MethodRefused, Problem
from gateway.proxy.record import Recorders
from gateway.proxy.reroute import Place, RouteOf, elsewhere
from gateway.proxy.retries import may_retry
from gateway.proxy.running import RunningCalls
from gateway.proxy.stream import BrokenOff, Rest, send_parts
from gateway.proxy.table import PreparedRoute, PreparedTarget
from gateway.proxy.templates import OTHER
from gateway.proxy.tracing import Tracing
from gateway.proxy.typed.service import TypedCalls
from gateway.proxy.unconfigured import STATUS as NOT_CONFIGURED
from gateway.proxy.unconfigured import Heard, judged
from gateway.registry.boards import OutcomeBoard
from gateway.registry.recordings import RecordingBoard
from gateway.settings import Settings

T = TypeVar("T")
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
        self._route_of = route_of
        self._outcomes = outcomes
        self._outliers = outliers
        self._metrics = metrics
        self._log = log
        self._tracing = tracing
        self._unary_bytes = settings.unary_bytes
        self._compresses = settings.compression == "on"
        self.running = RunningCalls()
        self._typed = TypedCalls(self.tried, self.running)

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
                await self._upload(call, body, first)
                return
            call.message.body = first
        self.running.begin(call)
        try:
            await self._answer(call, await self.tried(call, _handle))
        finally:
            self.running.end(call)

    async def tried(self, call: C, ask: Callable[[C], Awaitable[T]]) -> T:
        """What ``ask`` gives, tried again where that is safe; raises :class:`CallFailed`."""
        try:
            answer = await ask(call)
        except CallFailed as failed:
            self._outliers.failed(call.target, call.upstream, call.started, failed)
            if not may_retry(failed, call.method) or not self._go_elsewhere(call, failed):
                raise
            began = time.perf_counter()
            try:
                answer = await ask(call)
            except CallFailed as again:
                self._outliers.failed(call.target, call.upstream, began, again)
                raise
        self._outliers.ok(call.target, call.upstream, call.started)
        call.route.budget.earn()
        return answer

    def _go_elsewhere(self, call: Call, failed: CallFailed) -> bool:
        """Where nobody else is there, to the same again.

        Says whether the call may be tried: a refused one has been no work to anybody, so
        another instance takes it at no cost; anything else is paid from the budget.
        """
        found = self._elsewhere(call)
        free = found is not None and failed.failure is Failure.REFUSED
        if not free and not call.route.budget.spend():
            return False
        self._metrics.retry(call.route.route.plugin_id)
        if call.spans is not None:
            call.spans.retried(failed.failure.value, call.upstream.instance_id)
        if found is not None:
            self._move(call, found)
        return True

    def _move(self, call: Call, place: Place) -> None:
        call.move(*place)
        # What proves who calls holds for one release only.
        context, release = call.message.request.context, call.target.target.release_id
        self._prove(context, call.route.route.plugin_id, release)

    def _elsewhere(self, call: Call) -> Place | None:
        tried, path = (call.target, call.upstream), call.message.request.path
        found = elsewhere(self._route_of, call.route, tried, call.head, call.method, path)
        return found if found is None or call.may_move(found[0]) else None

    async def _answer(self, call: Call, answer: HandleResponse) -> None:
        if answer.continuation:
            await self._stream(call, answer)
            return
        body = answer.body
        status = answer.response.status
        if call.accept and len(body) < LEAST and call.method != "HEAD":
            call.accept = b""  # Too short to be looked at.
        if call.trailers and answer.trailers and not _bodiless(call, status):
            await self._answer_with_trailers(call, answer)
            return
        headers = complete_head(answer.response, call.head.request_id, call.method, len(body))
        await call.begin_answer(status, headers)
        if status == 503:
            call.status = judged(status, headers, body)
        if status in BODILESS:
            body = b""
        await call.send_part({"type": "http.response.body", "body": body})

    async def _answer_with_trailers(self, call: Call, answer: HandleResponse) -> None:
        headers, declared = open_head(answer.response, call.head.request_id)
        if declared is not None and declared != len(answer.body):
            raise CallFailed(Failure.GARBAGE, f"declared {declared} bytes and sent {len(answer.body)}")
        headers += announced(answer.response.headers)
        status = answer.response.status
        await call.begin_answer(status, headers, trailers=True)
        if status == 503:
            call.status = judged(status, headers, answer.body)
        await call.send_part({"type": "http.response.body", "body": answer.body})
        await call.end_answer(answer.trailers)

    async def _stream(self, call: Call, answer: HandleResponse) -> None:
        headers, declared = open_head(answer.response, call.head.request_id)
        if declared is not None:
            headers.append((b"content-length", b"%d" % declared))
        idle = call.route.limits.stream_idle
        rest = Rest(call.upstream, answer)
        try:
            if _bodiless(call, answer.response.status):
                await call.begin_answer(answer.response.status, headers)
                await call.send({"type": "http.response.body", "body": b""})
                return
            call.watch()
            if call.trailers:
                headers += announced(answer.response.headers)
            await call.begin_answer(answer.response.status, headers, trailers=call.trailers)
            call.outlast(headers)
            async with aclosing(rest.parts(idle)) as parts:
                await _send_rest(call, headers, parts, declared, idle)
            if call.trailers:
                await call.end_answer(rest.trailers)
        finally:
            rest.close()

    async def _upload(self, call: Call, body: Body, first: bytes) -> None:
        limits = call.route.limits
        other = self._elsewhere(call)
        if call.upstream.retired and other is not None:
            # It was replaced while the body began to come in.
            self._move(call, other)
        upload = Upload(call.upstream, call.message.request, body)
        try:
            upload.start(first, wait=other is not None)
            try:
                response = await upload.head(limits.timeout)
            except CallFailed as failed:
                upload = await self._upload_elsewhere(call, body, upload, failed)
                response = await upload.head(limits.timeout)
            headers, declared = open_head(response, call.head.request_id)
            if declared is not None:
                headers.append((b"content-length", b"%d" % declared))
            if not upload.complete:
                # What is left of the body must not be taken for the next request.
                headers.append((b"connection", b"close"))
            trailers = call.trailers and not _bodiless(call, response.status)
            if trailers:
                headers += announced(response.headers)
            await call.begin_answer(response.status, headers, trailers=trailers)
            call.outlast(headers)
            async with aclosing(upload.parts(limits.stream_idle)) as parts:
                await _send_rest(call, headers, parts, declared, limits.stream_idle)
            if trailers:
                await call.end_answer(upload.trailers)
            self._outliers.ok(call.target, call.upstream, call.started)
        except CallFailed as failed:
            self._outliers.failed(call.target, call.upstream, call.started, failed)
            raise
        finally:
            await upload.close()

    async def _upload_elsewhere(self, call: Call, body: Body, upload: Upload, failed: CallFailed) -> Upload:
        """Begin it anew where it was refused and all that was read of it is still held; else raise."""
        await upload.close()
        held = upload.held
        if failed.failure is not Failure.REFUSED or held is None:
            raise failed
        refusing = call.target, call.upstream
        if not self._go_elsewhere(call, failed):
            raise failed
        self._outliers.failed(*refusing, call.started, failed)
        again = Upload(call.upstream, call.message.request, body)
        again.start(held, wait=False)
        return again


async def _send_rest(
    call: Call, headers: Pairs, parts: AsyncIterator[bytes], declared: int | None, idle: float
) -> None:
    """The body of an answer that has begun with these headers, see :func:`send_parts`."""
    if call.status != 503:
        await send_parts(call.send_part, parts, declared, idle)
        return
    heard = Heard(call.send_part)
    await send_parts(heard.send, parts, declared, idle)
    call.status = judged(call.status, headers, heard.body)


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


def _bodiless(call: Call, status: int) -> bool:
    return call.method == "HEAD" or status in BODILESS
