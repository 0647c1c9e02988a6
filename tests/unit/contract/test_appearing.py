"""Waiting for the socket of a plugin that starts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.contract.appearing import pause
from tests.running import PATIENCE

HOUR = 3600.0


@pytest.mark.parametrize("waited", [0.0, 1.0])
async def test_it_ends_when_the_socket_is_there(tmp_path: Path, waited: float) -> None:
    waiting = asyncio.create_task(pause(f"unix:{tmp_path}/plugin.sock", HOUR, waited))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    # A link leads nowhere yet, and is refused later: what counts is that there is something to be asked.
    (tmp_path / "plugin.sock").symlink_to(tmp_path / "nowhere")
    async with asyncio.timeout(PATIENCE):
        assert await waiting is True


@pytest.mark.parametrize("there", [False, True])
async def test_it_ends_by_itself(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "plugin.sock").touch()
    async with asyncio.timeout(PATIENCE):
        assert await pause(f"unix:{tmp_path}/plugin.sock", 0.05) is False
        assert await pause("127.0.0.1:1", 0.01) is False


async def test_a_socket_that_was_there_before_ends_nothing(tmp_path: Path) -> None:
    """It may be that of a process that has gone: asking is then what there is to do, at the usual pace."""
    (tmp_path / "plugin.sock").touch()
    waiting = asyncio.create_task(pause(f"unix:{tmp_path}/plugin.sock", HOUR))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])
