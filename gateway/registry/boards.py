"""Where the supervisor and the data planes meet: snapshots, events, call outcomes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gateway.model import InstanceId, PluginId
from gateway.routing import Route, Snapshot
from gateway.windows import Window

SnapshotListener = Callable[[Snapshot], None]


class SnapshotBoard:
    """Holds the current routing table and tells subscribers of each new one.

    Listeners are called in the event loop, in the order they subscribed, and must not block.
    """

    def __init__(self, epoch: int = 0, number: int = 0) -> None:
        self._current = Snapshot(epoch=epoch, number=number)
        self._listeners: list[SnapshotListener] = []
        self._followers: list[Callable[[Snapshot], bool]] = []

    @property
    def current(self) -> Snapshot:
        return self._current

    def publish(self, routes: Mapping[PluginId, Route]) -> Snapshot:
        """Publish a table; one equal to the current is not published again."""
        if dict(routes) == dict(self._current.routes):
            return self._current
        fresh = Snapshot(
            epoch=self._current.epoch,
            number=self._current.number + 1,
            routes=MappingProxyType(dict(routes)),
        )
        self.take(fresh)
        return fresh

    def take(self, snapshot: Snapshot) -> None:
        """Hold a table that was published elsewhere, and tell the subscribers."""
        self._current = snapshot
        for listener in tuple(self._listeners):
            listener(snapshot)

    def subscribe(self, listener: SnapshotListener) -> Callable[[], None]:
        """Call ``listener`` now and on every change; returns how to stop that."""
        self._listeners.append(listener)
        listener(self._current)
        return lambda: self._listeners.remove(listener)

    def followed(self, by: Callable[[Snapshot], bool]) -> Callable[[], None]:
        """Add data planes of other processes: ``by`` says whether all of them follow that table, or a later.

        It must not stay false for long, whatever becomes of them. Returns how to take them away.
        """
        self._followers.append(by)
        return lambda: self._followers.remove(by)

    @property
    def settled(self) -> bool:
        """Whether calls follow the current table everywhere; those of this process do at once."""
        return self._settled(self._current)

    async def settle(self) -> None:
        """Returns when what is the current table now is followed everywhere, or a later one."""
        table = self._current
        while not self._settled(table):  # noqa: ASYNC110  that time has passed counts too, and tells nobody
            await asyncio.sleep(0.005)

    def _settled(self, table: Snapshot) -> bool:
        return all(by(table) for by in self._followers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something an operator may want to see. ``id`` grows; ``at`` is Unix time."""

    id: int
    at: float
    type: str
    plugin: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class EventBoard:
    """The last events, and a stream of those to come. A slow reader loses its oldest, never blocks."""

    def __init__(self, keep: int = 1000) -> None:
        self._ring: deque[Event] = deque(maxlen=keep)
        self._queues: set[asyncio.Queue[Event]] = set()
        # Ids go on growing over a restart, so that Last-Event-ID of an old page stays behind.
        self._next = int(time.time() * 1000)

    def emit(self, type_: str, plugin: str = "", **data: Any) -> Event:
        event = Event(id=self._next, at=time.time(), type=type_, plugin=plugin, data=data)
        self._next += 1
        self._ring.append(event)
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)
        return event

    def since(self, last_id: int) -> list[Event]:
        return [event for event in self._ring if event.id > last_id]

    async def follow(self, last_id: int | None = None) -> AsyncGenerator[Event, None]:
        """Events after ``last_id`` (or from now on), without a gap between old and new."""
        queue: asyncio.Queue[Event] = asyncio.Queue(maxsize=1000)
        self._queues.add(queue)
        try:
            for event in self.since(last_id) if last_id is not None else ():
                last_id = event.id
                yield event
            while True:
                event = await queue.get()
                if last_id is None or event.id > last_id:
                    yield event
        finally:
            self._queues.discard(queue)


class OutcomeBoard:
    """The passive voice: how real calls ended, by instance. Cheap enough for the proxy path.

    The data plane calls :meth:`ok` and :meth:`failed` (transport failures and 5xx made
    by the gateway, never a plugin's own answer); the supervisor reads and resets.
    """

    def __init__(self) -> None:
        self.windows: dict[InstanceId, Window] = {}
        """Instances that a rollout wants measured; empty most of the time, so that calls cost nothing."""
        self._failures: dict[InstanceId, tuple[int, str]] = {}
        self._listeners: list[Callable[[InstanceId], None]] = []

    def measured(self, instance: InstanceId, seconds: float, failed: bool) -> None:
        """How long a call's answer took to begin, and whether it was a 5xx, from whomever."""
        if window := self.windows.get(instance):
            window.add(seconds, failed)

    def ok(self, instance: InstanceId) -> None:
        if self._failures:
            self._failures.pop(instance, None)

    def failed(self, instance: InstanceId, reason: str) -> None:
        count, _ = self._failures.get(instance, (0, ""))
        self._failures[instance] = (count + 1, reason)
        for listener in self._listeners:
            listener(instance)

    def failures(self, instance: InstanceId) -> tuple[int, str]:
        """Failures in a row and the last reason; (0, "") where all is well."""
        return self._failures.get(instance, (0, ""))

    @property
    def doubted(self) -> frozenset[InstanceId]:
        """Instances of which the last call that was heard of failed."""
        return frozenset(self._failures)

    def forget(self, instance: InstanceId) -> None:
        self._failures.pop(instance, None)

    def on_failure(self, listener: Callable[[InstanceId], None]) -> None:
        self._listeners.append(listener)
