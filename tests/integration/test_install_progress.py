"""What is being done while a plugin is fetched, who is told of it, and how it is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.command import PROGRAM, ROOT, environment
from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned, install_agreed
from tests.fakes.web import Page, Web
from tests.fetched import (
    PATH,
    SETTINGS,
    archive,
    definition,
    external,
    publish,
    publish_half,
    publish_slowly,
    there,
)
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(120)


@dataclass
class Bed:
    running: RunningGateway
    web: Web
    base: str

    async def fetching(self) -> None:
        """Wait until half of the file has been written."""
        await until(lambda: PATH.format(version="1.0.0") in self.web.paths(), "the fetch to begin")
        await until(lambda: external(self.running.home), "something to be written")

    async def nothing_left(self) -> None:
        await until(lambda: not external(self.running.home), "what was fetched to go", 10)
        await until(lambda: not self.web.sending, "the fetch to end", 10)
        assert not await there(self.running)

    async def next_try(self) -> None:
        publish(self.web, "1.0.0")
        await install_agreed(self.running, definition(self.base))
        await self.running.healthy("panel")


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    web = Web()
    allow_unsigned(tmp_path / "home", "panel")
    async with serving(web) as base, gateway(tmp_path / "home", settings=SETTINGS) as running:
        yield Bed(running, web, base)


async def test_each_step_is_an_event(bed: Bed) -> None:
    content = archive("1.0.0", **{"noise.bin": os.urandom(3_000_000)})

    async def body() -> AsyncIterator[bytes]:
        third = len(content) // 3
        for part in (content[:third], content[third : 2 * third], content[2 * third :]):
            yield part
            await asyncio.sleep(0.7)

    bed.web.pages[PATH.format(version="1.0.0")] = Page(body, headers={"content-length": str(len(content))})
    told: list[dict[str, Any]] = []
    listening = asyncio.create_task(listen(bed.running, told))
    await until(lambda: told, "the stream to be open")
    await install_agreed(bed.running, definition(bed.base))
    await until(lambda: told[-1].get("step") == "starting", "the last step")
    listening.cancel()
    steps = [event["step"] for event in told[1:]]
    assert list(dict.fromkeys(steps)) == ["finding", "fetching", "checking", "judging", "starting"]
    words = [event["text"] for event in told[1:] if event["step"] == "fetching"]
    assert len(words) >= 3, words
    assert words[-1].endswith(" of 3.0 MB"), words
    assert len(set(words)) == len(words), "each says that more has come"
    await bed.running.healthy("panel")


async def listen(running: RunningGateway, told: list[dict[str, Any]]) -> None:
    """Keep what ``plugin.install`` events say; the first entry says that the stream is open."""
    async with running.client.stream("GET", "/api/v1/events", params={"plugin": "panel"}) as stream:
        async for line in stream.aiter_lines():
            if not told:
                told.append({})
            if line.startswith("data:"):
                event = json.loads(line.removeprefix("data:"))
                if event["type"] == "plugin.install":
                    told.append(event["data"])


@pytest.mark.parametrize("path", ["/api/v1/plugins/preview", "/api/v1/plugins"])
async def test_a_client_that_leaves_ends_the_fetch(bed: Bed, path: str) -> None:
    publish_half(bed.web, "1.0.0")
    asking = asyncio.create_task(bed.running.client.post(path, json=definition(bed.base)))
    await bed.fetching()
    asking.cancel()
    await bed.nothing_left()
    await bed.next_try()


async def test_the_command_line_shows_it_and_ctrl_c_leaves_nothing(bed: Bed, tmp_path: Path) -> None:
    publish_slowly(bed.web, "1.0.0", 400, 0.2, 100_000)
    file = tmp_path / "panel.json"
    file.write_text(json.dumps(definition(bed.base)))
    variables = {**environment(PLUGWAY_URL=bed.running.base, PLUGWAY_HOME=str(bed.running.home))}
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "install", str(file), "--yes", cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**variables, "TERM": "xterm-256color", "COLUMNS": "110"},
    )  # fmt: skip
    os.close(theirs)
    drawn = bytearray()

    def read() -> None:
        # The terminal is gone (EIO) once the program has ended.
        with contextlib.suppress(OSError):
            while block := os.read(ours, 65536):
                drawn.extend(block)

    reading = asyncio.create_task(asyncio.to_thread(read))
    try:
        words = re.compile(rb"panel: fetching \d+\.\d of 40\.0 MB")
        await until(lambda: len(set(words.findall(drawn))) > 1, "two lines of progress")
        await bed.fetching()
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 20) == 130, drawn.decode()
        await bed.nothing_left()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reading
        os.close(ours)
    await bed.next_try()
