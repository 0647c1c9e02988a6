"""WebSockets to plugins: judged like calls, counted, then carried by a Socket."""

from __future__ import annotations

import time
from typing import Any

from plugway.plugin.v1.http_pb2 import HttpRequest

from gateway.errors import PlugwayError
from gateway.model import Access
from gateway.proxy import unconfigured
from gateway.proxy.access import WEBSOCKET, Doorman
from gateway.proxy.access_log import AccessLog, Line
from gateway.proxy.counters import WEBSOCKET as METHOD
from gateway.proxy.counters import CallMetrics
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.head import Head, set_context, take
from gateway.proxy.headers import Pairs
from gateway.proxy.limits.gate import Permit, caller_key
from gateway.proxy.limits.outliers import Outliers
from gateway.proxy.paths import has_dot_segments
from gateway.proxy.prepared import PreparedRoute, PreparedTarget
from gateway.proxy.problems import BadRequest, Problem
from gateway.proxy.reroute import RouteOf, elsewhere
from gateway.proxy.socket import HANDSHAKE, SWITCHING, Socket
from gateway.proxy.tracing import Spans, Tracing


async def deny(problem: Problem, send: Any, request_id: str) -> None:
    """Refuse the handshake with an ordinary HTTP answer."""
    headers = [*problem.headers, (b"x-request-id", request_id.encode())]
    await send({"type": "websocket.http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": problem.body})


class Opening:
    """A handshake on its way, and who is asked to take it now."""

    __slots__ = (
        "head", "permit", "request", "route", "spans", "started", "status", "stream", "target", "upstream",
    )  # fmt: skip

    def __init__(
        self, route: PreparedRoute, target: PreparedTarget, head: Head, request: HttpRequest
    ) -> None:
        self.route = route
        self.target = target
        self.upstream = target.least_busy()
        self.head = head
        self.request = request
        self.started = time.perf_counter()
        self.permit: Permit | None = None
        self.stream = False
        self.status = 0
        self.spans: Spans | None = None

    def line(self) -> Line:
        """What the log says of it at its end."""
        took, template = time.perf_counter() - self.started, self.target.templates.find(self.request.path)
        return Line(
            time.time() - took, self.head.request_id, self.head.trace_id, self.route.route.plugin_id,
            self.target.target.release_id, template, "WEBSOCKET", unconfigured.told(self.status), took, 0,
            self.request.context.user, unconfigured.WORDS if self.status == unconfigured.STATUS else "",
        )  # fmt: skip

    def end_spans(self, spans: Spans) -> None:
        target = self.target.target
        spans.end(
            route=self.target.templates.find(self.request.path), release=target.release_id,
            version=target.version, instance=self.upstream.instance_id, status=unconfigured.told(self.status),
            broken="",
        )  # fmt: skip

    def count(self, status: int) -> None:
        self.status = status
        template = self.target.templates.find(self.request.path)
        self.target.counts.route(template).count(METHOD, status, time.perf_counter() - self.started)


class WebSockets:
    """The WebSocket side of the data plane."""

    def __init__(
        self,
        doorman: Doorman,
        outliers: Outliers,
        route_of: RouteOf,
        metrics: CallMetrics,
        log: AccessLog | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._judge_caller = doorman.judge
        self._prove = doorman.prove
        self._route_of = route_of
        self._outliers = outliers
        self._metrics = metrics
        self._log = log
        self._tracing = tracing

    async def serve(self, route: PreparedRoute, path: bytes, scope: Any, receive: Any, send: Any) -> None:
        """One WebSocket; ``path`` is the plugin's."""
        await receive()  # websocket.connect
        request = HttpRequest()
        pairs: Pairs = [(name.lower(), value) for name, value in scope["headers"]]
        head = take([pair for pair in pairs if not pair[0].startswith(HANDSHAKE)], request)
        opening = self._judge(route, path, head, pairs, request, scope)
        if isinstance(opening, Problem):
            await deny(opening, send, head.request_id)
            return
        await self._carry(opening, scope, receive, send)

    def _judge(
        self, route: PreparedRoute, path: bytes, head: Head, pairs: Pairs, request: HttpRequest, scope: Any
    ) -> Problem | Opening:
        plugin = route.route.plugin_id
        if has_dot_segments(path):
            return Problem(BadRequest("The path must not contain '.' or '..' as a segment.", plugin=plugin))
        target = route.choose(head.release, pairs)
        access = target.rules.access("GET", path) if target is not None else Access.USER
        judged = self._judge_caller(access, WEBSOCKET, head, pairs, plugin)
        if isinstance(judged, PlugwayError):
            return Problem(judged)
        refusal = route.refusal(head.release)
        if refusal is not None or target is None:
            return self._refuse(plugin, refusal or route.overloaded)
        request.method = "GET"
        request.path = path
        request.query = scope["query_string"]
        set_context(request, head, scope, route.base_path, judged, plugin)
        self._prove(request.context, plugin, target.target.release_id)
        opening = Opening(route, target, head, request)
        if self._tracing is not None:
            opening.spans = self._tracing.begin(head, pairs, "GET", request.context)
        if route.gate is not None:
            permit = route.gate.admit("GET", path, caller_key(judged, scope.get("client")), time.monotonic())
            if isinstance(permit, PlugwayError):
                return self._refuse(plugin, Problem(permit))
            opening.permit = permit
        return opening

    def _refuse(self, plugin: str, problem: Problem) -> Problem:
        self._metrics.refuse(plugin, problem.reason)
        return problem

    async def _carry(self, opening: Opening, scope: Any, receive: Any, send: Any) -> None:
        route = opening.route
        route.active[0] += 1
        route.capacity.free -= 1
        try:
            try:
                await self._through(opening, scope, receive, send)
            except CallFailed as failed:
                if failed.failure is not Failure.REFUSED or not self._go_elsewhere(opening):
                    raise
                await self._through(opening, scope, receive, send)
        except CallFailed as failed:
            problem = Problem(failed.problem(route.route.plugin_id))
            opening.count(problem.status)
            await deny(problem, send, opening.head.request_id)
        finally:
            route.leave(opening.stream)
            if opening.permit is not None:
                opening.permit.release()
            if opening.spans is not None:
                opening.end_spans(opening.spans)
            if self._log is not None and (self._log.all_calls or 500 <= opening.status < unconfigured.STATUS):
                self._log.add(opening.line())

    async def _through(self, opening: Opening, scope: Any, receive: Any, send: Any) -> None:
        """By one upstream; raises :class:`CallFailed` before anything was answered."""
        target, upstream, head = opening.target, opening.upstream, opening.head
        counts, began = target.counts, time.perf_counter()
        counts.active += 1
        upstream.active += 1
        socket = Socket(upstream, receive, send)
        try:
            limit = opening.route.limits.timeout
            status = await socket.shake_hands(opening.request, scope["subprotocols"], limit, head)
            opening.count(status)
            if status == SWITCHING:
                opening.stream = opening.stream or opening.route.outlast()
                await socket.run()
            if socket.failure is not None:
                self._outliers.failed(target, upstream, began, socket.failure)
            else:
                self._outliers.ok(target, upstream, began)
        except CallFailed as failed:
            self._outliers.failed(target, upstream, began, failed)
            raise
        finally:
            socket.cancel()
            counts.active -= 1
            upstream.release()

    def _go_elsewhere(self, opening: Opening) -> bool:
        tried, path = (opening.target, opening.upstream), opening.request.path
        found = elsewhere(self._route_of, opening.route, tried, opening.head, "GET", path)
        if found is None:
            return False
        if opening.spans is not None:
            opening.spans.retried(Failure.REFUSED.value, opening.upstream.instance_id)
        opening.target, opening.upstream = found
        release = opening.target.target.release_id
        self._prove(opening.request.context, opening.route.route.plugin_id, release)
        return True
