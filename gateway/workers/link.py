"""A worker's end of the stream: it follows the control process, and outlives it."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from types import MappingProxyType

import psutil

from gateway.access.reader import AccessReader
from gateway.access.table import AccessTable
from gateway.proxy.access_log import to_stderr, trim_stderr
from gateway.proxy.counters import CallMetrics
from gateway.proxy.limits.metrics import LimitMetrics
from gateway.registry.boards import SnapshotBoard
from gateway.routing import Snapshot
from gateway.workers.counts import Unsent
from gateway.workers.messages import (
    Access,
    Ack,
    Beat,
    Behind,
    Garbled,
    Hello,
    Logged,
    Message,
    Routes,
    Serving,
    Used,
    Watched,
    Welcome,
)
from gateway.workers.outcomes import ToldCircuits, ToldOutcomes
from gateway.workers.recordings import ToldRecordings
from gateway.workers.stream import Stream, connect

log = logging.getLogger(__name__)

TICK = 0.1
"""Seconds between two reports of what is measured for a rollout."""

BEAT = 0.5
"""Seconds between two signs of life, both ways."""

SILENCE = 5.0
"""Seconds without a word after which the control process counts as away."""


_MOST_KEPT = 10 * 2**20
"""Bytes of the workers' own log, beyond which it begins anew."""


def _memory() -> int:
    """Resident bytes of this process."""
    return int(psutil.Process().memory_info().rss)


class Link:
    """Keeps the worker's boards as the control process's are, for as long as :meth:`run` runs."""

    def __init__(self, path: str, listener: socket.socket, hello: Callable[[Welcome | None], Hello]) -> None:
        self._path = path
        self._listener = listener
        self._hello = hello
        self.snapshots = SnapshotBoard()
        self.outcomes = ToldOutcomes(self._tell)
        self.circuits = ToldCircuits(self._tell)
        self.recordings = ToldRecordings(self._tell)
        self.callers = AccessReader()
        self.asset_key = b""
        self.welcome: Welcome | None = None
        self._unsent: Unsent | None = None
        self._limits: LimitMetrics | None = None
        self._stream: Stream | None = None
        self._known = asyncio.Event()
        self._has_callers = self._has_routes = False
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()

    @property
    def away_for(self) -> float:
        """Seconds since the control process was heard."""
        return self._loop.time() - self._heard

    @property
    def away(self) -> bool:
        return self._stream is None or self.away_for > SILENCE

    async def known(self) -> Welcome:
        """Returns when there is all that serving needs: settings, callers and routes."""
        await self._known.wait()
        assert self.welcome is not None
        return self.welcome

    def count(self, metrics: CallMetrics, limits: LimitMetrics) -> None:
        """Report these counters from now on, and how close the limits are."""
        self._unsent, self._limits = Unsent(metrics), limits

    def pass_lines(self) -> Callable[[bytes], None]:
        """What takes lines of the log, in any thread: the control process writes them among its own."""

        def write(lines: bytes) -> None:
            if self.away:
                trim_stderr(_MOST_KEPT)
                to_stderr(lines)
                return
            with suppress(RuntimeError):  # The loop has ended before its last lines.
                self._loop.call_soon_threadsafe(self._tell, Logged(lines=lines))

        return write

    def serves(self) -> None:
        """Tell that calls are taken from now on."""
        self._tell(Serving())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._follow(await connect(self._path, self._listener))
            except OSError:
                pass  # It is not there, or not yet again.
            except Exception:  # A worker that could not be told anything any more would be of no use.
                log.exception("Following the control process failed; it is tried again.")
            await asyncio.sleep(TICK)

    async def _follow(self, stream: Stream) -> None:
        stream.send(self._hello(self.welcome))
        self._stream = stream
        if self._unsent is not None:
            self._unsent.forget()
        self.circuits.repeat()
        telling = asyncio.create_task(self._report(stream))
        try:
            while (message := await stream.read()) is not None:
                self._heard = self._loop.time()
                self._take(message)
        except Garbled as error:
            log.error("The control process cannot be understood: %s", error)
        finally:
            self._stream = None
            telling.cancel()
            # Nobody is left who would sum them up.
            self.outcomes.watch(Watched())
            await stream.close()

    def _take(self, message: Message) -> None:
        match message:
            case Welcome():
                self.welcome = self.welcome or message
            case Access():
                table = AccessTable.load(message.table)
                self.callers.update(table)
                self.asset_key = table.asset_key
                self._has_callers = True
            case Routes():
                self._take_routes(message)
            case Watched():
                self.outcomes.watch(message)
            case _:
                pass
        if self.welcome is not None and self._has_callers and self._has_routes:
            self._known.set()

    def _take_routes(self, change: Routes) -> None:
        before = self.snapshots.current
        if change.base is None:
            routes = {}
        elif (change.epoch, change.base) == (before.epoch, before.number):
            routes = dict(before.routes)
        else:
            self._tell(Behind())
            return
        for gone in change.gone:
            routes.pop(gone, None)
        routes.update((route.plugin_id, route) for route in change.put)
        table = MappingProxyType(routes)
        self.snapshots.take(Snapshot(epoch=change.epoch, number=change.number, routes=table))
        self._has_routes = True
        self._tell(Ack(epoch=change.epoch, number=change.number))

    def _tell(self, message: Message) -> bool:
        """Whether it is on its way."""
        if self._stream is None or self._stream.stuffed:
            return False
        self._stream.send(message)
        return True

    async def _report(self, stream: Stream) -> None:
        beats = round(BEAT / TICK)
        while True:
            for tick in range(beats):
                await asyncio.sleep(TICK)
                if stream.stuffed:
                    continue
                for measured in self.outcomes.measurements():
                    stream.send(measured)
                if tick == beats - 1:
                    self.report()

    def report(self) -> None:
        """Tell what was counted since the last time; a sign of life even where that is nothing."""
        free, lag, share = self._limits.now if self._limits is not None else (0, 0.0, 0.0)
        self._tell(Beat(free=free, lag=lag, share=share, cpu=time.process_time(), memory=_memory()))
        if self._stream is not None and not self._stream.stuffed and (times := self.callers.take_used()):
            self._stream.send(Used(times=times))
        for counted in self._unsent.changed() if self._unsent is not None else ():
            self._tell(counted)

    async def close(self) -> None:
        """A last report, sent."""
        if self._stream is not None:
            self.report()
            await self._stream.flush()
