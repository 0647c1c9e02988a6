"""The program ``plugway`` as a user runs it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# As the installed program, less the composition root, which only `serve` needs and which loads slowly.
PROGRAM = (sys.executable, "-c", "from gateway.cli.main import app; app(prog_name='plugway')")
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ran:
    """How it ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without Plugway's settings, and with those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLUGWAY_")}
    return {**kept, **settings}


async def plugway(*words: str, stdin: str = "", **settings: str) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *words,
        cwd=ROOT,
        env=environment(**settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 50)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ran(process.returncode or 0, out.decode(), err.decode())
