"""Recordings of a plugin's calls, each for whoever asked for it and as long as they hold on.

Nothing of it is stored here: the lines go to the one who asked, and with them, or with this gateway, it is
over.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.errors import Conflict, NotFound
from gateway.model import PluginId
from gateway.registry.boards import EventBoard, SnapshotBoard
from gateway.registry.recordings import RecordedCall, RecordingBoard
from gateway.registry.store import RegistryStore
from gateway.routing import Recording
from gateway.supervisor.clearing import Clearing

FORMAT = 1
"""Of the lines; raised where those that read an older one would misunderstand."""

_UNREAD = 32 * 2**20
_LOOK = 1.0
_IN_FORCE = 10.0


class RecordedAlready(Conflict):
    key, title = "recorded-already", "The calls of this plugin are being recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose calls (``user``; everybody's where it is None), and when it is enough.

    It ends after ``calls`` calls or ``seconds``; of each body ``most`` bytes are kept.
    """

    user: str | None
    calls: int
    seconds: float
    most: int


class Recordings:
    """``tell`` is called with a plugin when what its routes say has changed."""

    def __init__(
        self,
        store: RegistryStore,
        snapshots: SnapshotBoard,
        events: EventBoard,
        tell: Callable[[PluginId], None],
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._events = events
        self._tell = tell
        self._held: dict[PluginId, Recording] = {}
        self.board = RecordingBoard()

    def of(self, plugin: PluginId) -> Recording | None:
        return self._held.get(plugin)

    async def hold(self, plugin: PluginId, wanted: Wanted) -> AsyncIterator[Mapping[str, Any]]:
        """Lines of docs/record.md: a head once calls are recorded, the calls, and why it ended.

        Raises ``UnknownPlugin`` and :class:`RecordedAlready`.
        """
        record = self._store.plugin(plugin)
        if before := self._held.get(plugin):
            whose = "everybody" if before.user is None else before.user
            raise RecordedAlready(
                f"The calls of {whose} to {plugin} are being recorded.",
                hint="End that recording first.",
                plugin=plugin,
            )
        recording = Recording(id=secrets.token_hex(8), user=wanted.user, most=wanted.most)
        unread = _Unread()
        close = self.board.open(recording.id, unread.put)
        self._held[plugin] = recording
        self._announce(plugin, recording, held=True)
        try:
            await self._in_force(plugin, recording)
            yield {
                "plugway": "recording",
                "format": FORMAT,
                "plugin": plugin,
                "version": self._store.release(record.release_id).release.version,
                "release": record.release_id,
                "of": recording.whose,
                "began": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            async for line in self._lines(plugin, wanted, unread):
                yield line
        finally:
            close()
            del self._held[plugin]
            self._announce(plugin, recording, held=False)

    def _announce(self, plugin: PluginId, recording: Recording, *, held: bool) -> None:
        self._events.emit("plugin.recording", plugin, of=recording.whose, held=held)
        self._tell(plugin)

    async def _in_force(self, plugin: PluginId, recording: Recording) -> None:
        """Every data plane knows of it; one that does not say so is not waited for longer than others do."""
        end = time.monotonic() + _IN_FORCE
        while time.monotonic() < end:
            route = self._snapshots.current.routes.get(plugin)
            if route is not None and route.recording == recording:
                break
            await asyncio.sleep(0.02)
        await self._snapshots.settle()

    async def _lines(
        self, plugin: PluginId, wanted: Wanted, unread: _Unread
    ) -> AsyncIterator[Mapping[str, Any]]:
        end = time.monotonic() + wanted.seconds
        known: set[str] = set()
        calls, why = 0, f"{wanted.calls} calls are recorded."
        clearing = Clearing(known)
        while calls < wanted.calls:
            left = end - time.monotonic()
            if left <= 0:
                why = f"{wanted.seconds:g} seconds have passed."
                break
            call = await unread.get(min(left, _LOOK))
            try:
                # Also those that were in force before: a call may have begun under them.
                values = set(self._store.plugin(plugin).settings.secrets.values())
            except NotFound:
                why = f"{plugin} was uninstalled."
                break
            if not values <= known:
                known |= values
                clearing = Clearing(known)
            if call is not None:
                calls += 1
                yield await asyncio.to_thread(clearing.line, call)
        yield {"end": why, "calls": calls, "missed": unread.missed}


class _Unread:
    """Calls that wait to be written to whoever records them; more than 32 MiB of them are missed."""

    def __init__(self) -> None:
        self._calls: deque[RecordedCall] = deque()
        self._bytes = 0
        self._came = asyncio.Event()
        self.missed = 0

    def put(self, call: RecordedCall | int) -> None:
        if isinstance(call, int):
            self.missed += call
        elif self._bytes > _UNREAD:
            self.missed += 1
        else:
            self._calls.append(call)
            self._bytes += _size(call)
            self._came.set()

    async def get(self, within: float) -> RecordedCall | None:
        """The next; None where none comes within that many seconds."""
        if not self._calls:
            self._came.clear()
            try:
                async with asyncio.timeout(within):
                    await self._came.wait()
            except TimeoutError:
                return None
        call = self._calls.popleft()
        self._bytes -= _size(call)
        return call


def _size(call: RecordedCall) -> int:
    # A head takes some room too.
    return 2048 + len(call.body.content or b"") + len(call.answer.content or b"")
