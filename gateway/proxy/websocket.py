"""WebSockets to plugins: judged like calls, counted, then carried by a Socket."""

from __future__ import annotations

import time
from typing import Any

from plugway.plugin.v1.http_pb2 import HttpRequest

from gateway.errors import PlugwayError
from gateway.model import Access
from gateway.proxy.access import WEBSOCKET, Doorman
from gateway.proxy.counters import WEBSOCKET as METHOD
from gateway.proxy.failures import CallFailed
from gateway.proxy.head import Head, set_context, take
from gateway.proxy.headers import Pairs
from gateway.proxy.paths import has_dot_segments
from gateway.proxy.problems import BadRequest, Problem
from gateway.proxy.socket import HANDSHAKE, SWITCHING, Socket
from gateway.proxy.table import PreparedRoute, PreparedTarget
from gateway.registry.boards import OutcomeBoard


async def deny(problem: Problem, send: Any, request_id: str) -> None:
    """Refuse the handshake with an ordinary HTTP answer."""
    headers = [*problem.headers, (b"x-request-id", request_id.encode())]
    await send({"type": "websocket.http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": problem.body})


class WebSockets:
    """The WebSocket side of the data plane."""

    def __init__(self, doorman: Doorman, outcomes: OutcomeBoard) -> None:
        self._judge_caller = doorman.judge
        self._outcomes = outcomes

    async def serve(self, route: PreparedRoute, path: bytes, scope: Any, receive: Any, send: Any) -> None:
        """One WebSocket; ``path`` is the plugin's."""
        await receive()  # websocket.connect
        request = HttpRequest()
        pairs: Pairs = [(name.lower(), value) for name, value in scope["headers"]]
        head = take([pair for pair in pairs if not pair[0].startswith(HANDSHAKE)], request)
        target = self._judge(route, path, head, pairs, request, scope)
        if isinstance(target, Problem):
            await deny(target, send, head.request_id)
            return
        await self._carry(route, target, head, request, scope, receive, send)

    def _judge(
        self, route: PreparedRoute, path: bytes, head: Head, pairs: Pairs, request: HttpRequest, scope: Any
    ) -> Problem | PreparedTarget:
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
            return refusal or route.overloaded
        request.method = "GET"
        request.path = path
        request.query = scope["query_string"]
        set_context(request, head, scope, route.base_path, judged)
        return target

    async def _carry(
        self,
        route: PreparedRoute,
        target: PreparedTarget,
        head: Head,
        request: HttpRequest,
        scope: Any,
        receive: Any,
        send: Any,
    ) -> None:
        upstream, counters, status = target.least_busy(), target.counters, 500
        route.active[0] += 1
        counters.active += 1
        upstream.active += 1
        started = time.perf_counter()
        socket = Socket(upstream, receive, send)
        try:
            status = await socket.shake_hands(request, scope["subprotocols"], route.limits.timeout, head)
            counters.count(METHOD, status, time.perf_counter() - started)
            if status == SWITCHING:
                await socket.run()
            if socket.failure is not None:
                self._outcomes.failed(upstream.instance_id, socket.failure.words)
            else:
                self._outcomes.ok(upstream.instance_id)
        except CallFailed as failed:
            self._outcomes.failed(upstream.instance_id, failed.words)
            problem = Problem(failed.problem(route.route.plugin_id))
            counters.count(METHOD, problem.status, time.perf_counter() - started)
            await deny(problem, send, head.request_id)
        finally:
            socket.cancel()
            route.active[0] -= 1
            counters.active -= 1
            upstream.release()
