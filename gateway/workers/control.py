"""The control process's end of the streams: workers come and go, and each is told what it has to know."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from gateway.access.gatekeeper import Gatekeeper
from gateway.access.table import AccessTable
from gateway.errors import Internal
from gateway.model import InstanceId
from gateway.proxy.access_log import AccessLog, to_stderr
from gateway.registry.boards import OutcomeBoard, SnapshotBoard
from gateway.registry.circuits import CircuitBoard
from gateway.registry.recordings import RecordingBoard
from gateway.routing import Snapshot
from gateway.windows import Window
from gateway.workers.counts import WorkerMetrics
from gateway.workers.feed import Feed
from gateway.workers.link import BEAT, TICK
from gateway.workers.messages import (
    PROTOCOL,
    Access,
    Ack,
    Beat,
    Behind,
    Circuit,
    CircuitGone,
    Counted,
    Failed,
    Garbled,
    Good,
    Hello,
    Logged,
    Measured,
    Message,
    Recorded,
    Serving,
    Uncounted,
    Unrecorded,
    Unserved,
    Used,
    Watched,
    Welcome,
    encode,
)
from gateway.workers.stream import Stream, accept

log = logging.getLogger(__name__)

LAG = 2.0
"""Seconds for which a worker that does not confirm a table holds up those who wait for it."""


_MOST_LINES = 256
"""Reports of workers, of 500 lines at most each, that wait to be written."""


class CannotMeetWorkers(Internal):
    key, title = "cannot-meet-workers", "The sockets for workers cannot be made"


class Peer:
    """One connected worker. ``heard`` and ``behind_since`` are on the steady clock."""

    def __init__(self, hello: Hello, stream: Stream) -> None:
        self.hello = hello
        self.stream = stream
        self.serving = hello.serving
        self.heard = time.monotonic()
        self.behind_since: float | None = None
        self.acknowledged = (-1, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boards:
    """What workers follow; there once the gateway is open."""

    snapshots: SnapshotBoard
    outcomes: OutcomeBoard
    circuits: CircuitBoard
    recordings: RecordingBoard
    gatekeeper: Gatekeeper


class Control:
    """Listens for workers. ``changed`` is called when one came, began to serve or went."""

    def __init__(self, path: Path, metrics: WorkerMetrics, changed: Callable[[], None]) -> None:
        self._path = path
        self._metrics = metrics
        self._changed = changed
        self._feed = Feed()
        self._boards: Boards | None = None
        self._welcome: Welcome | None = None
        self._watched = Watched()
        self._spans: dict[InstanceId, tuple[Window, int]] = {}
        self._span = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._undo: list[Callable[[], None]] = []
        self._socket: socket.socket | None = None
        self._cut_off: dict[str, float] = {}
        self._log = AccessLog("text", True, to_stderr, most=_MOST_LINES)
        self.peers: dict[str, Peer] = {}
        self.listener: socket.socket | None = None
        """A copy of the socket that workers of an earlier control process listen on."""

    async def open(self) -> None:
        """Take connections; raises :class:`CannotMeetWorkers`."""
        self._socket = listening(self._path)
        self._spawn(self._accept(self._socket))
        self._spawn(self._beat())

    def feed(self, boards: Boards, welcome: Welcome) -> None:
        """Tell every worker, now and from now on, what is on the boards."""
        self._boards, self._welcome = boards, welcome
        self._metrics.circuits = boards.circuits
        self._feed.snapshot = boards.snapshots.current
        self._undo = [
            boards.snapshots.subscribe(self._publish),
            boards.snapshots.followed(self._followed),
            boards.gatekeeper.board.subscribe(self._access),
        ]
        for peer in self.peers.values():
            self._inform(peer)

    async def close(self) -> None:
        for undo in self._undo:
            undo()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._log.close)
        if self._socket is not None:
            self._socket.close()
            self._path.unlink(missing_ok=True)
        if self.listener is not None:
            self.listener.close()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Workers come and go --------------------------------------------------------

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, _ = await loop.sock_accept(listener)
            except OSError:  # Out of descriptors, for a while.
                await asyncio.sleep(TICK)
                continue
            self._spawn(self._meet(peer))

    async def _meet(self, connection: socket.socket) -> None:
        try:
            stream, listener = await accept(connection)
        except OSError:
            return
        self._keep(listener)
        name = ""
        try:
            hello = await stream.read()
            if isinstance(hello, Hello) and hello.protocol == PROTOCOL:
                name = hello.name
                await self._serve(Peer(hello, stream))
        except Garbled as error:
            log.warning("Worker %s cannot be understood: %s", name or "?", error)
        finally:
            if (known := self.peers.get(name)) is not None and known.stream is stream:
                del self.peers[name]
                self._cut_off[name] = time.monotonic()
            self._changed()
            await stream.close()

    def _keep(self, listener: socket.socket | None) -> None:
        if self.listener is None:
            self.listener = listener
        elif listener is not None:
            listener.close()

    async def _serve(self, peer: Peer) -> None:
        if (before := self.peers.get(peer.hello.name)) is not None:
            before.stream.abort()
        self.peers[peer.hello.name] = peer
        self._cut_off.pop(peer.hello.name, None)
        self._inform(peer)
        self._changed()
        while (message := await peer.stream.read()) is not None:
            peer.heard = time.monotonic()
            if isinstance(message, Logged):
                self._log.add(message.lines)
            elif isinstance(message, Recorded | Unrecorded):
                self._take_recorded(message)
            else:
                self._take(peer, message)

    def _take(self, peer: Peer, message: Message) -> None:
        boards = self._boards
        match message:
            case Ack():
                peer.acknowledged = (message.epoch, message.number)
                peer.behind_since = None if self._follows(peer, self._feed.snapshot) else peer.heard
            case Behind():
                peer.stream.write(self._feed.whole())
            case Serving():
                peer.serving = True
                self._changed()
            case Counted() | Uncounted() | Unserved() | Beat():
                self._metrics.take(peer.hello.name, message)
            case Failed() if boards is not None:
                boards.outcomes.failed(message.instance, message.reason)
                self._watch()
            case Good() if boards is not None:
                boards.outcomes.ok(message.instance)
            case Circuit() if boards is not None:
                boards.circuits.report(message.report, peer.hello.name)
            case CircuitGone() if boards is not None:
                boards.circuits.forget(message.instance, message.incarnation, peer.hello.name)
            case Used() if boards is not None:
                boards.gatekeeper.reader.used_elsewhere(message.times)
            case Measured() if boards is not None:
                window, span = self._spans.get(message.instance, (None, 0))
                if window is not None and span == message.span:
                    window.take(message.calls, message.errors, message.buckets)
            case _:
                pass

    def _take_recorded(self, message: Recorded | Unrecorded) -> None:
        if self._boards is None:
            return
        if isinstance(message, Recorded):
            self._boards.recordings.put(message.call)
        else:
            self._boards.recordings.miss(message.recording, message.calls)

    # What they are told ---------------------------------------------------------

    def _inform(self, peer: Peer) -> None:
        """All that a worker has to know, in the order in which it needs it."""
        if self._boards is None or self._welcome is None:
            return
        peer.stream.send(self._welcome)
        peer.stream.send(Access(table=self._boards.gatekeeper.board.current.dump()))
        peer.behind_since = time.monotonic()
        peer.stream.write(self._feed.whole())
        peer.stream.send(self._watched)

    def _publish(self, snapshot: Snapshot) -> None:
        if snapshot is self._feed.snapshot:
            return
        frame = self._feed.change_to(snapshot)
        for peer in self.peers.values():
            peer.behind_since = peer.behind_since or time.monotonic()
            peer.stream.write(frame)

    def _follows(self, peer: Peer, table: Snapshot) -> bool:
        return peer.acknowledged[0] == table.epoch and peer.acknowledged[1] >= table.number

    def _followed(self, table: Snapshot) -> bool:
        """Whether every worker confirmed it that is not hung; one whose stream broke may go on with calls."""
        late = time.monotonic() - LAG
        return all(
            self._follows(peer, table) or (peer.behind_since is not None and peer.behind_since < late)
            for peer in self.peers.values()
        ) and all(since < late for since in self._cut_off.values())

    def ended(self, name: str) -> None:
        """The worker's process is gone: nobody waits for it any more."""
        self._cut_off.pop(name, None)
        self._metrics.ended(name)
        if self._boards is not None:
            self._boards.circuits.leave(name)

    def _access(self, table: AccessTable) -> None:
        self._send_all(encode(Access(table=table.dump())))

    def _send_all(self, frame: bytes) -> None:
        for peer in self.peers.values():
            peer.stream.write(frame)

    def _watch(self) -> None:
        """Pass on which instances are doubted, and which a rollout wants measured anew."""
        assert self._boards is not None
        outcomes = self._boards.outcomes
        for instance in self._spans.keys() - outcomes.windows.keys():
            del self._spans[instance]
        for instance, window in outcomes.windows.items():
            if instance not in self._spans or self._spans[instance][0] is not window:
                self._span += 1
                self._spans[instance] = window, self._span
        measured = {instance: span for instance, (_, span) in self._spans.items()}
        watched = Watched(doubted=outcomes.doubted, measured=measured)
        if watched != self._watched:
            self._watched = watched
            self._send_all(encode(watched))

    async def _beat(self) -> None:
        beat = encode(Beat())
        while True:
            self._send_all(beat)
            for _ in range(round(BEAT / TICK)):
                await asyncio.sleep(TICK)
                if self._boards is not None:
                    self._watch()


def listening(path: Path) -> socket.socket:
    """A Unix socket that only this user may connect to; raises :class:`CannotMeetWorkers`."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise CannotMeetWorkers(f"{path}: {error.strerror}.") from error
    listener.setblocking(False)
    return listener
