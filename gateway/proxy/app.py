"""The data plane: a bare ASGI application that carries calls to plugins."""

from __future__ import annotations

import asyncio
from copy import copy
from typing import TYPE_CHECKING, Any

from gateway.errors import PlugwayError
from gateway.model import Access
from gateway.proxy.access import Doorman, Identifies
from gateway.proxy.access_log import AccessLog
from gateway.proxy.assets import Content
from gateway.proxy.calls import Calls
from gateway.proxy.counters import CallMetrics
from gateway.proxy.head import plain_head
from gateway.proxy.headers import Pairs
from gateway.proxy.limits.metrics import LimitMetrics
from gateway.proxy.limits.outliers import Outliers
from gateway.proxy.limits.overload import Capacity, LoopLag
from gateway.proxy.personal import route_for
from gateway.proxy.problems import Overloaded, Problem, UnknownPlugin
from gateway.proxy.table import RouteTable
from gateway.proxy.tracing import Tracing
from gateway.proxy.typed.catalog import TypedCatalog
from gateway.proxy.ui import UiFiles
from gateway.proxy.upstream import Upstream
from gateway.proxy.websocket import WebSockets, deny
from gateway.registry.boards import OutcomeBoard, SnapshotBoard
from gateway.registry.circuits import CircuitBoard
from gateway.registry.recordings import RecordingBoard
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.proxy.rpc.calls import RpcCalls

_SHEDDING = Problem(Overloaded("The gateway has more to do than it can.", reason="shedding", retry_after=2.0))


class DataPlane:
    """Serves ``/plugins/{id}/api/...`` and ``/plugins/{id}/ui/...`` for HTTP and WebSockets.

    Must be made in the event loop that runs it. ``metrics`` and ``limit_metrics`` are collectors for a
    prometheus registry. ``asset_key`` signs the capabilities of UI assets. Of ``processes`` that share
    the work each keeps its part of every limit.
    """

    def __init__(
        self,
        *,
        snapshots: SnapshotBoard,
        outcomes: OutcomeBoard,
        gatekeeper: Identifies,
        content: Content,
        settings: Settings,
        asset_key: bytes,
        circuits: CircuitBoard | None = None,
        processes: int = 1,
        log: AccessLog | None = None,
        tracing: Tracing | None = None,
        recordings: RecordingBoard | None = None,
    ) -> None:
        self.metrics = CallMetrics()
        self._doorman = Doorman(gatekeeper, settings)
        self._lag = LoopLag(settings.shed_lag)
        circuits = circuits or CircuitBoard()
        capacity = Capacity(max(1, settings.max_calls // processes), settings.max_streams // processes)
        self.limit_metrics = LimitMetrics(self._lag, capacity, circuits)
        self._outliers = Outliers(outcomes, circuits)
        self._table = RouteTable(self.metrics, self._retire, capacity, processes, TypedCatalog(content).of)
        self._calls = Calls(
            self._doorman, outcomes, self._outliers, settings, self._table.find, self.metrics, log, tracing,
            recordings,
        )  # fmt: skip
        self._log, self._tracing = log, tracing
        self._rpc: RpcCalls | None = None
        self._uis = UiFiles(
            content, self._doorman, settings, asset_key, log, self._table.find, lambda: self._lag.share > 0
        )
        self.prompt = self._uis.prompt
        self._sockets = WebSockets(
            self._doorman, self._outliers, self._table.find, self.metrics, log, tracing
        )
        self._unsubscribe = snapshots.subscribe(self._table.update)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        # ["", "plugins", id, "api", the rest]
        parts: list[bytes] = scope["raw_path"].split(b"/", 4)
        if self._lag.share and self._lag.sheds():
            self.metrics.refuse("", _SHEDDING.reason)
            await _SHEDDING.send(send)
            return
        route = self._table.routes.get(parts[2]) if len(parts) > 3 else None
        if route is None:
            await self._unknown(parts, scope, send)
            return
        rest = b"/" + parts[4] if len(parts) > 4 else b""
        # A path with a capability says itself which bundle is meant, whoever asks.
        if route.personal is not None and not (parts[3] == b"ui" and rest.startswith(b"/~")):
            route = route_for(route, self._doorman, scope["headers"])
        if parts[3] == b"api":
            await self._calls.serve(route, rest or b"/", scope, receive, send)
        elif parts[3] == b"ui":
            await self._uis.serve(route, rest, scope, send)
        else:
            await self._unknown(parts, scope, send)

    async def rpc(self, scope: Any, receive: Any, send: Any) -> None:
        """One gRPC call, of whichever service; its path names no plugin."""
        if self._rpc is None:
            # Most gateways never see one.
            from gateway.proxy.rpc.calls import RpcCalls

            self._rpc = RpcCalls(self._doorman, self._calls, self._outliers, self._table, self.metrics)
        if self._lag.share and self._lag.sheds():
            self.metrics.refuse("", _SHEDDING.reason)
            await self._rpc.refuse(copy(_SHEDDING.error), scope, send)
            return
        await self._rpc.serve(scope, receive, send)

    async def _websocket(self, scope: Any, receive: Any, send: Any) -> None:
        parts: list[bytes] = scope["raw_path"].split(b"/", 4)
        route = self._table.routes.get(parts[2]) if len(parts) > 3 and parts[3] == b"api" else None
        if route is not None:
            route = route_for(route, self._doorman, scope["headers"])
            rest = b"/" + parts[4] if len(parts) > 4 else b"/"
            await self._sockets.serve(route, rest, scope, receive, send)
            return
        await receive()
        problem, request_id = self._no_such(parts, "GET", scope["headers"])
        await deny(problem, send, request_id)

    def _retire(self, upstream: Upstream) -> None:
        self._outliers.forget(upstream)
        upstream.retire()

    async def _unknown(self, parts: list[bytes], scope: Any, send: Any) -> None:
        problem, request_id = self._no_such(parts, scope["method"], scope["headers"])
        await problem.send(send, request_id.encode())

    def _no_such(self, parts: list[bytes], method: str, headers: Pairs) -> tuple[Problem, str]:
        """404, but only to those who may know which plugins there are."""
        head = plain_head(headers)
        plugin = parts[2].decode("latin-1")[:63] if len(parts) > 2 else ""
        judged = self._doorman.judge(Access.USER, method, head, headers, plugin)
        if isinstance(judged, PlugwayError):
            return Problem(judged), head.request_id
        error = UnknownPlugin(
            "There is no plugin or part of a plugin at this path.",
            plugin=plugin,
            hint="GET /api/v1/plugins lists the plugins that are installed.",
        )
        return Problem(error), head.request_id

    async def close(self) -> None:
        """Take no more snapshots and let go of all channels."""
        self._unsubscribe()
        self._lag.close()
        await self._calls.close()
        await asyncio.gather(*(upstream.close() for upstream in self._table.upstreams()))
        if self._log is not None:
            await asyncio.to_thread(self._log.close)
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
