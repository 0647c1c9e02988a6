"""The way to each server under the settings in force."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from plugway_sdk.web.connections import Connections

from minio_management.problems import NotConfigured, in_words
from minio_management.s3 import Clients
from minio_management.settings import Connection, Settings

THREADS = 32
"""Calls to servers at a time; further ones wait their turn."""
UPLOADS = 8
"""Uploads at a time: each has a thread, and a part in memory, for as long as it lasts."""

ADMINISTERING = 2
"""Administrative calls at a time: the key for each body is made with 64 MiB of memory, as MinIO wants it."""

T = TypeVar("T")


class Threads:
    """How many calls run at a time."""

    def __init__(self) -> None:
        self.all = CapacityLimiter(THREADS)
        self.administering = CapacityLimiter(ADMINISTERING)
        self.uploads = CapacityLimiter(UPLOADS)


class Link:
    """One server, for looking or for changing. Nothing connects before a call needs it."""

    def __init__(self, name: str, connection: Connection, threads: Threads, *, writing: bool) -> None:
        self.name, self.connection, self.writing = name, connection, writing
        self._threads = threads
        self._clients: Clients | None = None
        self._lock = Lock()

    async def run(self, work: Callable[[Clients], T], threads: CapacityLimiter | None = None) -> T:
        """What ``work`` gives in a thread; raises :class:`Refusal` for what the server or the way says."""

        def working() -> T:
            with in_words(self.connection):
                return work(self._opened())

        return await to_thread.run_sync(working, limiter=threads or self._threads.all)

    async def administer(self, work: Callable[[Clients], T]) -> T:
        """The same for administrative calls whose bodies are encrypted."""
        return await self.run(work, self._threads.administering)

    def _opened(self) -> Clients:
        if not (self.connection.access_key and self.connection.secret_key.get_secret_value()):
            raise NotConfigured(
                f"The connection '{self.name}' has no access key with its secret key yet.",
                hint="Enter both in the plugin's settings.",
            )
        with self._lock:
            if self._clients is None:
                self._clients = Clients(self.connection, writing=self.writing)
            return self._clients

    def close(self) -> None:
        """Close connections that are idle; those in use end with their calls."""
        if self._clients is not None:
            self._clients.close()


class Links(Connections[Connection]):
    """Links to all the servers. A server may be away when the plugin starts, and come and go later."""

    def __init__(self) -> None:
        super().__init__(Settings(), "MinIO", NotConfigured)
        self._open: dict[tuple[str, bool], Link] = {}
        self._threads = Threads()

    @property
    def uploads(self) -> CapacityLimiter:
        return self._threads.uploads

    def use(self, settings: Settings) -> None:
        """Take new settings. Calls that run finish under the old ones."""
        self.settings = settings
        self.close()

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def reader(self, name: str) -> Link:
        """For looking."""
        return self._link(*self.pick(name), writing=False)

    def writer(self, name: str) -> Link:
        """For changing; raises ReadOnly while the connection's switch is on."""
        return self._link(*self.pick_writable(name), writing=True)

    def fresh(self, name: str) -> Link:
        """With connections of its own, to find out whether the settings work now; close it."""
        return Link(*self.pick(name), self._threads, writing=False)

    def _link(self, name: str, connection: Connection, *, writing: bool) -> Link:
        link = self._open.get((name, writing))
        if link is None:
            link = self._open[name, writing] = Link(name, connection, self._threads, writing=writing)
        return link
