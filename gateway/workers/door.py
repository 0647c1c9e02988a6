"""The control process's way to its callers: workers on the port, and a socket for what they pass on."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager

from gateway import __version__
from gateway.home import Home
from gateway.settings import Settings
from gateway.workers.control import Boards, Control, listening
from gateway.workers.counts import WorkerMetrics
from gateway.workers.messages import PROTOCOL, Welcome
from gateway.workers.pool import Announce, Pool
from gateway.workers.sockets import control_socket, front_socket


class Door:
    """``public`` is the socket on the port, ``behind`` the one for what workers pass on."""

    def __init__(
        self,
        home: Home,
        control: Control,
        pool: Pool,
        metrics: WorkerMetrics,
        public: socket.socket,
        behind: socket.socket,
    ) -> None:
        self.home = home
        self.metrics = metrics
        self.public = public
        self.behind = behind
        self._control = control
        self._pool = pool

    async def follow(self, settings: Settings, boards: Boards) -> None:
        """Feed the workers from these boards, and keep as many of them as are wanted."""
        welcome = Welcome(
            configuration=configuration_of(settings, self.public, boards.gatekeeper.asset_key),
            settings=settings_for_workers(settings),
        )
        self._control.feed(boards, welcome)
        await self._pool.start(self.public, welcome.configuration)

    async def close(self, *, keep: bool) -> None:
        """Let the workers finish their calls and end; with ``keep`` they go on without this process."""
        await self._pool.stop(keep=keep)


@asynccontextmanager
async def open_door(
    settings: Settings, announce: Announce, listen: Callable[[str, int], socket.socket]
) -> AsyncIterator[Door]:
    """Take the home, then the port: from workers that an earlier control process left, else anew."""
    home = await asyncio.to_thread(Home(settings.home).open)
    metrics, wake = WorkerMetrics(), asyncio.Event()
    control = Control(control_socket(home), metrics, wake.set)
    pool = Pool(home, settings, control, metrics, announce, wake)
    try:
        await control.open()
        await pool.adopt()
        with _public(control.listener, settings, listen) as public, _behind(home) as behind:
            yield Door(home, control, pool, metrics, public, behind)
    except asyncio.CancelledError:
        await pool.stop(keep=settings.on_exit == "keep")
        raise
    finally:
        # What an earlier control process left goes on where this one cannot begin.
        await pool.stop(keep=True)
        await control.close()
        home.close()


@contextmanager
def _public(
    left: socket.socket | None, settings: Settings, listen: Callable[[str, int], socket.socket]
) -> Iterator[socket.socket]:
    """The socket on the port: the one that workers were left with, where that is the right one."""
    same = left is not None and _same(left, settings)
    public = left.dup() if left is not None and same else listen(settings.host, settings.port)
    with closing(public):
        yield public


@contextmanager
def _behind(home: Home) -> Iterator[socket.socket]:
    path = front_socket(home)
    with closing(listening(path)) as behind:
        try:
            yield behind
        finally:
            path.unlink(missing_ok=True)


def _same(left: socket.socket, settings: Settings) -> bool:
    """Whether a socket that is there already listens where it should."""
    host, port = left.getsockname()[:2]
    return bool(host == settings.host and settings.port in (0, port))


def settings_for_workers(settings: Settings) -> dict[str, object]:
    """Workers have no use for the database, nor for its password."""
    values = settings.model_dump(mode="json", exclude={"database_url"})
    return values | {"home": str(settings.home.resolve())}


def configuration_of(settings: Settings, public: socket.socket, asset_key: bytes) -> str:
    """A digest of all that a worker cannot be told anew while it runs."""
    values = settings_for_workers(settings)
    # Given as 0 it is another one after a restart; the socket says which it is.
    del values["port"]
    text = json.dumps([PROTOCOL, __version__, public.getsockname(), values], sort_keys=True)
    return hashlib.sha256(text.encode() + asset_key).hexdigest()
