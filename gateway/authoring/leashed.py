"""Processes that end with this one, however it ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gateway.authoring import leash

_LONGEST_LINE = 2**20


class Leashed:
    """One process, and every line that it prints told to ``heard``."""

    def __init__(self, process: asyncio.subprocess.Process, heard: Callable[[str], None]) -> None:
        self._process = process
        self._reading = asyncio.create_task(self._read(heard))

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        heard: Callable[[str], None],
        grace: float,
        remove: Path | None = None,
    ) -> Leashed:
        """``grace`` seconds to end in good order; ``remove`` is a directory that goes with it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", leash.__file__, str(grace), str(remove or ""), *command,
            cwd=directory, env=dict(environment), stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, limit=_LONGEST_LINE,
            # Ctrl-C is for us, who end it in order.
            start_new_session=True,
        )  # fmt: skip
        return cls(process, heard)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def ended(self) -> int:
        """Wait for its end and its last line; its exit code, or 128 and the number of a signal."""
        code = await self._process.wait()
        await asyncio.wait([self._reading])
        return code

    async def end(self) -> None:
        """In good order where it can."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self.ended()

    async def _read(self, heard: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        lines = self._process.stdout
        while True:
            try:
                line = await lines.readline()
            except ValueError:
                continue  # Longer than anybody reads: left out.
            if not line:
                return
            heard(line.decode(errors="replace").rstrip("\r\n"))
