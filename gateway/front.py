"""What callers meet: the data plane, the management API and the console, as one application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from prometheus_client import REGISTRY
from prometheus_client.registry import Collector
from starlette.types import ASGIApp

from gateway.access.cors import Cors
from gateway.api.app import create_api
from gateway.api.parts import Parts
from gateway.back import Back
from gateway.console.app import create_console
from gateway.figures.counts import Counting
from gateway.figures.history import History
from gateway.figures.sampler import Sampler
from gateway.model import PluginState
from gateway.oidc.provider import OidcProvider
from gateway.outside import open_outside
from gateway.proxy.access_log import AccessLog
from gateway.proxy.app import DataPlane
from gateway.proxy.preflight import CorsGate
from gateway.proxy.split import Front
from gateway.proxy.tracing import open_tracing
from gateway.registry.boards import EventBoard
from gateway.registry.circuits import CircuitReport


def _tell(events: EventBoard, report: CircuitReport) -> None:
    words = report.words_at(time.time())
    events.emit("instance.circuit", report.plugin, instance=report.instance, state=report.state, reason=words)


def _states(back: Back) -> dict[str, PluginState]:
    return {record.id: back.supervisor.status(record.id).state for record in back.store.plugins()}


async def open_front(
    stack: AsyncExitStack, back: Back, workers: Counting | None = None
) -> tuple[ASGIApp, Callable[[], None]]:
    """The application, and what ends its event streams. ``stack`` closes the data plane.

    ``workers`` counts the calls where other processes carry them: then the application is the
    management side alone.
    """
    data_plane = None if workers is not None else await _data_plane(stack, back)
    if data_plane is not None:
        _register(stack, data_plane.limit_metrics)
    counting: Counting | None = data_plane.metrics if data_plane is not None else workers
    assert counting is not None
    _register(stack, counting)
    back.circuits.on_report(lambda report: _tell(back.events, report))
    history = History()
    sampler = Sampler(history, counting.totals, lambda: _states(back), back.settings.figures_step)
    sampler.start()
    stack.push_async_callback(sampler.stop)
    outside = await open_outside(stack, back)
    parts = Parts(
        store=back.store, supervisor=back.supervisor, lifecycle=back.lifecycle, market=outside.market,
        trust=outside.trust, verification=outside.verification, bundles=outside.bundles,
        sources=outside.sources,
        snapshots=back.snapshots, events=back.events, gatekeeper=back.gatekeeper, tokens=back.tokens,
        audit=back.store.audit, oidc=OidcProvider(back.settings),
        settings=back.settings,
        runtime_choice=back.runtime_choice, runtime=back.runtime, rollouts=back.rollouts,
        circuits=back.circuits, history=history,
    )  # fmt: skip
    management = create_api(parts, create_console())
    origins = back.settings.api_origins
    app: ASGIApp = CorsGate(management, Cors(origins)) if origins else management
    if data_plane is not None:
        app = Front(data_plane, app)
    return app, management.state.streams.close


def _register(stack: AsyncExitStack, collector: Collector) -> None:
    REGISTRY.register(collector)
    stack.callback(REGISTRY.unregister, collector)


async def _data_plane(stack: AsyncExitStack, back: Back) -> DataPlane:
    tracing = await asyncio.to_thread(open_tracing, back.settings)
    data_plane = DataPlane(
        snapshots=back.snapshots, outcomes=back.outcomes, gatekeeper=back.gatekeeper.reader,
        content=back.content, settings=back.settings, asset_key=back.gatekeeper.asset_key,
        circuits=back.circuits, log=AccessLog.of(back.settings), tracing=tracing,
        recordings=back.supervisor.recordings.board,
    )  # fmt: skip
    stack.push_async_callback(data_plane.close)
    return data_plane
