"""An author's code as a running plugin: started, replaced at each change, drained.

Its socket is the same one for each start, so whoever calls it needs to be told nothing new: the next
process listens beside it, and takes the name over once it answers.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.authoring.leashed import Leashed
from gateway.authoring.watching import OWN, Watch
from gateway.digests import LEFT_OUT
from gateway.errors import BadInput, Conflict
from gateway.runtimes.launch import host_environment
from gateway.sources.manifest_file import BadManifestFile, ManifestFile, read_manifest_file

START_BUDGET = 60.0
"""Seconds until the author's code has to listen."""

_GRACE = 8.0
_LOOK = 0.02


class CannotRun(BadInput):
    """The author's code cannot be started, or does not come to listen."""

    key, title = "cannot-run", "The plugin does not start"


class Developed(Conflict):
    """Somebody runs the same directory so."""

    key, title = "already-developed", "This directory is being run already"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told what happens. ``line`` gets what the plugin prints, ``word`` what is done to it."""

    line: Callable[[str], None]
    word: Callable[[str], None]
    replaced: Callable[[], Awaitable[None]]
    """Awaited when another process has taken over."""


class Workbench:
    """Where an author's directory runs: a directory of its own for sockets, held by one at a time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        # Short, as a socket's path is; and the same at each start, so that what was left behind is known.
        short = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:12]
        self.place = Path(tempfile.gettempdir()) / f"plugway-dev-{os.getuid()}-{short}"
        self._lock: IO[str] | None = None

    @property
    def socket(self) -> Path:
        return self.place / "s"

    @property
    def url(self) -> str:
        """The ``sourceUrl`` to attach it by."""
        return f"unix://{self.socket}"

    def open(self) -> None:
        """Blocking; raises :class:`Developed` and :class:`CannotRun`."""
        self.place.mkdir(mode=0o700, exist_ok=True)
        if self.place.is_symlink() or self.place.stat().st_uid != os.getuid():
            raise CannotRun(
                f"{self.place} belongs to somebody else.", hint="Set TMPDIR to a directory of yours."
            )
        self._lock = (self.place / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise Developed(
                f"{self.directory} is being run by another 'plugway dev'.", hint="End that one first."
            ) from None

    def close(self) -> None:
        """Blocking."""
        shutil.rmtree(self.place, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()


class Development:
    """The code of one directory, one process after the other."""

    def __init__(self, bench: Workbench, listener: Listener) -> None:
        self._bench = bench
        self._told = listener
        self._running: Leashed | None = None
        self._number = 0
        self._made: Path | None = None
        self._watch = Watch(bench.directory, self._is_built)
        self._ending: set[asyncio.Task[None]] = set()
        self.id = read_manifest_file(bench.directory).id

    async def start(self) -> None:
        """Raises :class:`CannotRun` and ``BadManifestFile``."""
        # What is saved while it starts counts too.
        await self._watch.open()
        await self._replace()

    async def _replace(self) -> None:
        fresh, socket = await self._launch()
        await asyncio.to_thread(socket.replace, self._bench.socket)
        self._running = fresh
        self._watch_end(fresh)

    async def follow(self) -> None:
        """Replace what runs at each change, until cancelled. What cannot start leaves all as it is."""
        while True:
            names = await self._watch.next()
            noticed = time.monotonic()
            self._told.word(f"{_listed(names)} changed")
            before = self._running
            try:
                await self._replace()
            except (CannotRun, BadManifestFile) as error:
                serves = before is not None and before.running
                stays = " What ran before goes on." if serves else " Nothing runs."
                self._told.word(f"{error.detail}{stays}")
                continue
            await self._told.replaced()
            self._told.word(f"reloaded in {time.monotonic() - noticed:.2f} s")
            if before is not None:
                self._end_soon(before)

    async def close(self) -> None:
        """End all of it in good order."""
        await self._watch.close()
        if self._running is not None:
            self._end_soon(self._running)
        if self._ending:
            await asyncio.wait(self._ending)

    async def _launch(self) -> tuple[Leashed, Path]:
        manifest = await asyncio.to_thread(read_manifest_file, self._bench.directory)
        if manifest.id != self.id:
            raise CannotRun(f"plugway.toml now says {manifest.id}, not {self.id}: start 'plugway dev' anew.")
        if manifest.build:
            await self._build(manifest)
        command = await asyncio.to_thread(_command, self._bench.directory, manifest)
        await asyncio.to_thread(_forget_compiled, self._bench.directory)
        self._number += 1
        socket = self._bench.place / str(self._number)
        environment = await asyncio.to_thread(_environment, self._bench, manifest, socket)
        fresh = await Leashed.start(
            command, directory=self._bench.directory, environment=environment,
            heard=self._told.line, grace=_GRACE,
        )  # fmt: skip
        try:
            await _listening(fresh, socket)
        except BaseException:
            self._end_soon(fresh)
            raise
        return fresh, socket

    async def _build(self, manifest: ManifestFile) -> None:
        self._made = self._bench.directory / manifest.command[0]
        self._told.word("building")
        tool = await Leashed.start(
            manifest.build, directory=self._bench.directory, environment=os.environ,
            heard=self._told.line, grace=_GRACE,
        )  # fmt: skip
        try:
            code = await tool.ended()
        except BaseException:
            self._end_soon(tool)
            raise
        if code:
            raise CannotRun(f"Its build ended with exit code {code}.")

    def _is_built(self, path: Path) -> bool:
        """Whether it is the program that a build makes, or in a directory that is the program's own."""
        if self._made is None:
            return False
        place = self._made.parent
        return path == self._made or (place != self._bench.directory and path.is_relative_to(place))

    def _watch_end(self, process: Leashed) -> None:
        async def watch() -> None:
            code = await process.ended()
            if process is self._running:
                self._told.word(f"It ended with exit code {code}; it is started again at the next change.")

        self._keep(asyncio.create_task(watch()))

    def _end_soon(self, process: Leashed) -> None:
        if process is self._running:
            self._running = None
        self._keep(asyncio.create_task(process.end()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _command(directory: Path, manifest: ManifestFile) -> list[str]:
    """With the author's own packages, where there is a ``.venv``."""
    own = directory / ".venv" / "bin" / "python"
    python = str(own) if own.is_file() else sys.executable
    command = [part.replace("{python}", python) for part in manifest.command]
    program = shutil.which(directory / command[0] if "/" in command[0] else command[0])
    if program is None:
        raise CannotRun(f"The command {command[0]!r} of plugway.toml is not there, or may not be executed.")
    return [program, *command[1:]]


def _forget_compiled(directory: Path) -> None:
    """What is edited twice within a second would else be taken from the compiled file of the first."""
    for folder, below, _ in os.walk(directory):
        if "__pycache__" in below:
            shutil.rmtree(Path(folder) / "__pycache__", ignore_errors=True)
        below[:] = [name for name in below if name not in LEFT_OUT]


def _environment(bench: Workbench, manifest: ManifestFile, socket: Path) -> dict[str, str]:
    scratch, volumes = bench.place / "tmp", bench.directory / f"{OWN}-volumes"
    scratch.mkdir(mode=0o700, exist_ok=True)
    for name in manifest.permissions.volumes:
        (volumes / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    return host_environment(str(bench.directory), scratch) | {
        "PLUGWAY_LISTEN": f"unix:{socket}",
        "PLUGWAY_VOLUMES": str(volumes),
        "PLUGWAY_LOG_LEVEL": "info",
        "LANG": "C.UTF-8",
    }


async def _listening(process: Leashed, socket: Path) -> None:
    """Return once it takes connections: a plugin listens only when it is ready to answer."""
    try:
        async with asyncio.timeout(START_BUDGET):
            while process.running:
                with suppress(OSError):
                    _, writer = await asyncio.open_unix_connection(str(socket))
                    writer.close()
                    return
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        raise CannotRun(f"It does not listen on PLUGWAY_LISTEN within {START_BUDGET:g} s.") from None
    raise CannotRun(f"It ended with exit code {await process.ended()} before it listened.")
