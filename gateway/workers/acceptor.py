"""Taking connections from the shared socket so that no worker has many while another has few.

The system gives a connection to whoever is quickest, and in a rush that is whoever is awake: one worker.
So each tells the others how many it has, and one with more than the least waits a moment first.
"""

from __future__ import annotations

import asyncio
import mmap
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

DEFER = 0.002
"""Seconds that one with more connections leaves to the others; one of them may be dead or hung."""

LOOK = 0.5
"""Seconds between two looks at who the others are."""

_PAUSE = 0.1
_COUNT = struct.Struct("=I")
_SUFFIX = ".load"


class Loads:
    """Numbers of connections, each in a file of its worker that the others map. In a thread: made, closed."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._file = load_file(directory, name)
        self._file.write_bytes(_COUNT.pack(0))
        self._mine = _mapped(self._file, mmap.ACCESS_WRITE)
        self._others: dict[str, mmap.mmap] = {}

    def put(self, count: int) -> None:
        _COUNT.pack_into(self._mine, 0, count)

    def least(self) -> int | None:
        """The fewest that another worker has; None where there is no other."""
        return min((_COUNT.unpack_from(other)[0] for other in self._others.values()), default=None)

    def look(self) -> None:
        """Find out who the others are. Blocks on files."""
        files = {file.name: file for file in self._directory.glob(f"*{_SUFFIX}") if file != self._file}
        known = {name: mapped for name, mapped in self._others.items() if name in files}
        for name in files.keys() - known.keys():
            with suppress(OSError, ValueError):  # Removed a moment ago, or not written yet.
                known[name] = _mapped(files[name], mmap.ACCESS_READ)
        self._others = known

    def close(self) -> None:
        self._mine.close()
        self._file.unlink(missing_ok=True)


def load_file(directory: Path, name: str) -> Path:
    return directory / f"{name}{_SUFFIX}"


def _mapped(file: Path, access: int) -> mmap.mmap:
    with file.open("r+b" if access == mmap.ACCESS_WRITE else "rb") as opened:
        return mmap.mmap(opened.fileno(), _COUNT.size, access=access)


class Acceptor:
    """Takes connections between :meth:`start` and :meth:`stop`; ``connections`` is how many there are."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        connections: Callable[[], int],
        loads: Loads,
    ) -> None:
        self._listener = listener
        self._protocol = protocol
        self._tls = tls
        self._connections = connections
        self._loads = loads
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await asyncio.to_thread(self._loads.look)
        self._looking = asyncio.create_task(self._look())
        self._listen()

    def stop(self) -> None:
        """Take no more; those that wait are for the others."""
        if self._looking is not None:
            self._looking.cancel()
        if self._later is not None:
            self._later.cancel()
        self._loop.remove_reader(self._listener.fileno())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self._count()
            await asyncio.to_thread(self._loads.look)

    def _count(self) -> int:
        count = self._connections() + len(self._opening)
        self._loads.put(count)
        return count

    def _listen(self) -> None:
        self._later = None
        self._loop.add_reader(self._listener.fileno(), self._come)

    def _come(self) -> None:
        least = self._loads.least()
        if least is not None and self._count() > least:
            self._wait(DEFER, self._take_late)
        else:
            self._take()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._later = self._loop.call_later(seconds, then)

    def _take_late(self) -> None:
        self._listen()
        self._take()

    def _take(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except BlockingIOError:
            return  # Another one was quicker.
        except ConnectionError:
            return  # Whoever came has left.
        except OSError:
            # Out of descriptors: some are given back as calls end.
            self._wait(_PAUSE, self._listen)
            return
        peer.setblocking(False)
        opening = self._loop.create_task(self._open(peer))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        self._count()

    async def _open(self, peer: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, peer, ssl=self._tls)
        except (OSError, ssl.SSLError):
            peer.close()
