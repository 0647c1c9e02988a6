"""Keeps as many workers running as are wanted. Level-triggered: it looks, and does what is missing."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gateway.home import Home
from gateway.settings import Settings
from gateway.workers import records
from gateway.workers.control import Control
from gateway.workers.counts import WorkerMetrics
from gateway.workers.records import Record

log = logging.getLogger(__name__)

LOOK = 0.25
"""Seconds between two looks at the processes."""

ADOPTION = 5.0
"""Seconds for workers of an earlier control process to come forward; they try ten times a second."""

END_GRACE = 8.0
"""Seconds for a worker to finish its calls, of which its server gives them five."""

Announce = Callable[[str, str], None]


@dataclass(slots=True)
class Member:
    """One worker's process. Times are on the steady clock."""

    record: Record
    heard: float
    adopted: bool = False
    met: bool = False
    served_since: float | None = None
    end_by: float | None = None


class Pool:
    """The workers of one home. ``wake`` asks for a look at once."""

    def __init__(
        self,
        home: Home,
        settings: Settings,
        control: Control,
        metrics: WorkerMetrics,
        announce: Announce,
        wake: asyncio.Event,
    ) -> None:
        self._home = home
        self._settings = settings
        self._control = control
        self._metrics = metrics
        self._announce = announce
        self._configuration = ""
        self._members: dict[str, Member] = {}
        self._listener: socket.socket | None = None
        self._failures = 0
        self._held_until = 0.0
        self._wake = wake
        self._task: asyncio.Task[None] | None = None

    async def adopt(self) -> None:
        """Meet the workers that an earlier control process left; the silent among them are ended."""
        now = time.monotonic()
        for record in await asyncio.to_thread(lambda: list(records.read_all(self._home))):
            self._members[record.name] = Member(record, heard=now, adopted=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(ADOPTION):
                while self._members.keys() - self._control.peers.keys():  # noqa: ASYNC110  bounded above
                    await asyncio.sleep(0.01)
        for name, member in list(self._members.items()):
            if name not in self._control.peers:
                self._announce("worker", f"process {member.record.pid} does not answer and is replaced")
                await asyncio.to_thread(records.send, member.record, signal.SIGKILL)
            else:
                self._announce("worker", f"process {member.record.pid} goes on, as it was left")

    async def start(self, listener: socket.socket, configuration: str) -> None:
        """Begin to keep the number of workers: they listen on this, and have that configuration."""
        self._listener, self._configuration = listener, configuration
        self._task = asyncio.create_task(self._run())

    async def stop(self, *, keep: bool) -> None:
        """Let go of the workers, or end them: first in good order, in the end by force."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if not keep:
            await asyncio.to_thread(self._end_all)

    def _end_all(self) -> None:
        # A worker that was started this moment may not have written its record yet.
        for member in self._members.values():
            records.ask_to_end(member.record)
        end = time.monotonic() + END_GRACE
        for member in self._members.values():
            while records.alive(member.record):
                if time.monotonic() > end:
                    records.send(member.record, signal.SIGKILL)
                time.sleep(0.02)
            records.remove(self._home, member.record.name)

    # The loop -------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._look()
                await self._act()
            except Exception:  # It outlives any fault of its parts.
                log.exception("A look at the workers failed; it goes on.")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._wake.wait()

    async def _look(self) -> None:
        living = await asyncio.to_thread(
            lambda: {name for name, member in self._members.items() if records.alive(member.record)}
        )
        now = time.monotonic()
        for name, member in list(self._members.items()):
            if name not in living:
                await self._bury(name, member, now)
        for name, peer in self._control.peers.items():
            # One that was being started when the control process before this one died has no record yet.
            told = Record(name, peer.hello.pid, peer.hello.started_at)
            member = self._members.setdefault(name, Member(told, heard=now, adopted=True))
            member.heard, member.met = peer.heard, True
            if peer.serving and member.served_since is None:
                member.served_since = now
                if not member.adopted:
                    self._announce("worker", f"process {member.record.pid} takes calls")
        self._metrics.serving = sum(map(self._serves, self._staying()))

    async def _bury(self, name: str, member: Member, now: float) -> None:
        del self._members[name]
        self._control.ended(name)
        await asyncio.to_thread(records.remove, self._home, name)
        if member.end_by is not None:
            return
        self._metrics.lost += 1
        lived = 0.0 if member.served_since is None else now - member.served_since
        self._failures = 1 if lived >= self._settings.stable_after else self._failures + 1
        doubled = self._settings.backoff_first * 2.0 ** min(self._failures - 1, 30)
        pause = min(self._settings.backoff_max, doubled)
        self._held_until = now + pause
        self._announce("worker", f"process {member.record.pid} ended; another is started in {pause:g} s")

    async def _act(self) -> None:
        now = time.monotonic()
        for member in self._members.values():
            late = member.end_by is not None and now > member.end_by
            if not late and member.end_by is None and self._hung(member, now):
                self._announce("worker", f"process {member.record.pid} is silent and is replaced")
                late = True
            if late:
                await asyncio.to_thread(records.send, member.record, signal.SIGKILL)
        fresh = [member for member in self._staying() if not self._stale(member)]
        stale = [member for member in self._staying() if self._stale(member)]
        wanted = self._settings.workers
        # Those of other settings are replaced one by one, so that none is missed.
        missing = min(wanted - len(fresh), 1 if stale else wanted)
        if now >= self._held_until:
            for _ in range(missing):
                await self._start_one()
        surplus = sum(map(self._serves, (*fresh, *stale))) - wanted
        if sum(map(self._serves, fresh)) >= wanted:
            surplus = max(surplus, len(stale))
        for member in [*stale, *reversed(fresh)][: max(0, surplus)]:
            member.end_by = now + END_GRACE
            await asyncio.to_thread(records.ask_to_end, member.record)

    async def _start_one(self) -> None:
        assert self._listener is not None
        name = f"w{secrets.token_hex(4)}"
        record = await asyncio.to_thread(records.spawn, self._home, name, self._listener.fileno())
        self._members[name] = Member(record, heard=time.monotonic())
        self._metrics.started += 1

    def _staying(self) -> list[Member]:
        return [member for member in self._members.values() if member.end_by is None]

    def _serves(self, member: Member) -> bool:
        peer = self._control.peers.get(member.record.name)
        return peer is not None and peer.serving

    def _stale(self, member: Member) -> bool:
        """Whether it runs with other settings, or is another version, than this control process."""
        peer = self._control.peers.get(member.record.name)
        return peer is not None and peer.hello.configuration not in ("", self._configuration)

    def _hung(self, member: Member, now: float) -> bool:
        patience = self._settings.worker_silence if member.met else self._settings.start_timeout
        return now - member.heard > patience
