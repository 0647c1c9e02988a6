"""A gateway that is told to end before it serves: the plugins start first, and none may be left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.processes import of_home
from tests.running import ROOT, gateway, until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_nothing_is_left_of_a_start_that_is_broken_off(tmp_path: Path, number: int) -> None:
    home = tmp_path / "home"
    async with gateway(home, settings={"PLUGWAY_INSTALL": "notes"}) as first:
        await first.healthy("notes")
    mark = (home / "home.id").read_text().strip()
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0", "--home", str(home)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLUGWAY_")}
    process = await asyncio.create_subprocess_exec(
        *command, "--runtime", "process", cwd=ROOT, env=environment, start_new_session=True,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(lambda: of_home(mark), "the plugin to begin")
        process.send_signal(number)
        # 0 where it had come as far as to serve.
        assert await asyncio.wait_for(process.wait(), 20) in (0, 1, 130, 128 + number)
        assert of_home(mark) == []
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
