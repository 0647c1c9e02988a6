"""The composition root: the only place where the parts of a gateway meet, in the order of a start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from gateway.access.gatekeeper import Gatekeeper
from gateway.back import Announce, open_back
from gateway.home import Home
from gateway.registry.boards import EventBoard, OutcomeBoard, SnapshotBoard
from gateway.registry.circuits import CircuitBoard
from gateway.registry.store import RegistryStore
from gateway.settings import Settings
from gateway.supervisor.collector import Collector
from gateway.supervisor.lifecycle import Lifecycle
from gateway.supervisor.loop import Supervisor
from gateway.supervisor.settling import Settling

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from gateway.figures.counts import Counting


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One running gateway: what a server has to serve, and what tests look at."""

    app: ASGIApp
    end_streams: Callable[[], None]
    gatekeeper: Gatekeeper
    store: RegistryStore
    supervisor: Supervisor
    lifecycle: Lifecycle
    events: EventBoard
    snapshots: SnapshotBoard
    outcomes: OutcomeBoard
    circuits: CircuitBoard


@asynccontextmanager
async def open_gateway(
    settings: Settings, announce: Announce, home: Home | None = None, workers: Counting | None = None
) -> AsyncIterator[Gateway]:
    """Open every part in order and close them in reverse; plugins are started or adopted.

    ``home`` is one that is open already; ``workers`` counts calls where other processes carry them.
    """
    async with AsyncExitStack() as stack:
        back = await open_back(stack, settings, announce, home)
        # Entered before the supervisor starts: the data plane closes after the plugins have stopped.
        after_plugins = await stack.enter_async_context(AsyncExitStack())
        await back.refresh.take()
        await back.supervisor.start()
        stack.push_async_callback(back.supervisor.stop, keep=settings.on_exit == "keep")
        await back.refresh.move(back.rollouts)
        # Imported only now and in a thread: that takes about as long as a plugin's start, which goes on
        # meanwhile.
        await asyncio.to_thread(import_module, "gateway.front")
        from gateway.front import open_front

        front, end_streams = await open_front(after_plugins, back, workers)
        collector = Collector(back.store, back.runtime, back.content, back.lifecycle.turn)
        await collector.start()
        stack.push_async_callback(collector.stop)
        settling = Settling(back.store, back.refresh.verify, back.content)
        await settling.start()
        stack.push_async_callback(settling.stop)
        yield Gateway(
            app=front, end_streams=end_streams, gatekeeper=back.gatekeeper, store=back.store,
            supervisor=back.supervisor, lifecycle=back.lifecycle, events=back.events,
            snapshots=back.snapshots, outcomes=back.outcomes, circuits=back.circuits,
        )  # fmt: skip
