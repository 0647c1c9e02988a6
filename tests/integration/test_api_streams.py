"""Event streams over a real server: resumed, kept alive, ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.api.streams import Streams
from tests.fakes.management import Bed, Line, management
from tests.fakes.serving import serving


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    async with management(tmp_path) as bed:
        yield bed


class Reader:
    """Reads one event stream; ``events`` waits for the next ones, heartbeats apart."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._blocks = self._read()

    async def _read(self) -> AsyncIterator[str]:
        rest = ""
        async for text in self.response.aiter_text():
            rest += text
            *blocks, rest = rest.split("\n\n")
            for block in blocks:
                yield block

    async def block(self) -> str:
        async with asyncio.timeout(10):
            return await anext(self._blocks)

    async def event(self) -> dict[str, str]:
        while True:
            block = await self.block()
            if "data:" in block:
                return dict(line.split(": ", 1) for line in block.split("\n"))

    async def ended(self) -> bool:
        async with asyncio.timeout(10):
            async for block in self._blocks:
                assert "data:" not in block
        return True


@asynccontextmanager
async def following(bed: Bed, path: str = "/api/v1/events", **headers: str) -> AsyncIterator[Reader]:
    headers["authorization"] = f"Bearer {bed.token}"
    async with (
        serving(bed.app) as base,
        httpx.AsyncClient() as client,
        client.stream("GET", base + path, headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        reader = Reader(response)
        assert await reader.block() == "retry: 2000"
        yield reader


def of(event: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(event["data"])
    return document


async def test_events_come_as_they_happen(bed: Bed) -> None:
    bed.events.emit("plugin.state", "notes", state="starting")
    async with following(bed) as reader:
        emitted = bed.events.emit("plugin.state", "notes", state="healthy", reason="two\nlines")
        event = await reader.event()
    assert (event["id"], event["event"]) == (str(emitted.id), "plugin.state")
    assert of(event)["data"] == {"state": "healthy", "reason": "two\nlines"}
    assert of(event)["plugin"] == "notes"
    assert of(event)["at"].endswith("Z")


async def test_only_the_plugin_asked_for(bed: Bed) -> None:
    async with following(bed, "/api/v1/events?plugin=notes") as reader:
        bed.events.emit("plugin.state", "redis-management")
        bed.events.emit("plugin.removed", "notes")
        assert (await reader.event())["event"] == "plugin.removed"


async def test_a_stream_goes_on_where_it_was(bed: Bed) -> None:
    seen = bed.events.emit("a")
    missed = [bed.events.emit(name) for name in ("b", "c")]
    async with following(bed, **{"last-event-id": str(seen.id)}) as reader:
        later = bed.events.emit("d")
        ids = [int((await reader.event())["id"]) for _ in range(3)]
    assert ids == [*(event.id for event in missed), later.id]


@pytest.mark.parametrize("emitted", [0, 3, 1500])
@pytest.mark.parametrize("last", [0, 2**60])
async def test_who_missed_events_is_told(bed: Bed, emitted: int, last: int) -> None:
    for number in range(emitted):
        bed.events.emit("old", number=number)
    async with following(bed, **{"last-event-id": str(last)}) as reader:
        assert (await reader.event())["event"] == "stream.reset"
        bed.events.emit("new")
        assert (await reader.event())["event"] == "new"


async def test_an_impossible_last_id_is_refused(bed: Bed) -> None:
    async with bed.client() as client:
        for last in ("x", "-1", "1.5"):
            answer = await client.get("/api/v1/events", headers={"last-event-id": last})
            assert answer.status_code == 422


async def test_silence_is_filled_with_heartbeats(bed: Bed) -> None:
    streams: Streams = bed.app.state.streams
    assert streams.heartbeat == 15.0
    streams.heartbeat = 0.05
    async with following(bed) as reader:
        assert [(await reader.block()).strip() for _ in range(3)] == [":"] * 3
        bed.events.emit("a")
        assert (await reader.event())["event"] == "a"


async def test_streams_end_when_the_gateway_does(bed: Bed) -> None:
    async with following(bed) as reader:
        bed.app.state.streams.close()
        assert await reader.ended()
    # A page that comes back meanwhile is let go at once, so that the server can stop.
    async with following(bed) as late:
        assert await late.ended()


async def test_a_client_that_leaves_is_forgotten(bed: Bed) -> None:
    async with following(bed):
        assert len(bed.events._queues) == 1
    # The server has ended, in good order, so every answer has too.
    assert not bed.events._queues


async def test_a_client_that_does_not_read_holds_nobody_up(bed: Bed) -> None:
    async with following(bed) as reader:
        for number in range(3000):
            bed.events.emit("flood", number=number)
        last = bed.events.emit("last")
        while True:
            event = await reader.event()
            if event["event"] == "last":
                break
        assert int(event["id"]) == last.id


async def test_logs_follow_as_events(bed: Bed) -> None:
    await bed.install("notes")
    bed.supervisor.lines = [Line(1.0, "notes.1", "one"), Line(2.0, "notes.1", "two")]
    path = "/api/v1/plugins/notes/logs?follow=true"
    async with following(bed, path, accept="text/event-stream") as reader:
        assert [of(await reader.event())["text"] for _ in range(2)] == ["one", "two"]
        assert await reader.ended()
