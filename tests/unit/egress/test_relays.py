"""All relays of a gateway in their thread: what comes and goes, and what a next gateway finds."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from gateway.egress.destinations import Destination
from gateway.egress.relays import Relays
from gateway.home import Home
from gateway.model import InstanceId
from gateway.settings import Settings
from tests.unit.egress.kit import OWNER, Serve, answered, ask, echo

Start = Callable[[], Awaitable[Relays]]
ONE, TWO = InstanceId("one.1"), InstanceId("two.1")


@pytest.fixture
def home() -> Iterator[Home]:
    directory = Path(tempfile.mkdtemp(prefix="pw-relays-"))
    home = Home(directory)
    yield home
    shutil.rmtree(home.run_root, ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
async def start(home: Home) -> AsyncIterator[Start]:
    made: list[Relays] = []

    async def one() -> Relays:
        made.append(Relays(home, Settings.model_validate({"home": home.path}), OWNER))
        await asyncio.to_thread(made[-1].start)
        return made[-1]

    yield one
    for relays in made:
        await asyncio.to_thread(relays.close)


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < end, "it did not come true in time"
        await asyncio.sleep(0.01)


async def test_instances_come_and_go(home: Home, start: Start, serve: Serve) -> None:
    to = await serve(echo)
    relays = await start()
    relays.apply({ONE: frozenset({to}), TWO: frozenset()})
    await until(home.egress_socket(TWO).exists)
    reader, writer = await ask(home.egress_socket(ONE), to)
    assert await answered(reader) == "200 Connection established"
    other, its = await ask(home.egress_socket(TWO), to)
    assert (await answered(other)).startswith("403 "), "what one was granted is not the other's"
    status = relays.status(TWO)
    assert status is not None
    assert (status.granted, status.refusals) == ((), 1)
    relays.apply({TWO: frozenset({to})})
    assert await reader.read() == b""
    await until(lambda: not home.egress_socket(ONE).parent.exists())
    assert relays.status(ONE) is None
    writer.close()
    its.close()


async def test_a_next_gateway_serves_on_the_same_mounted_directory(
    home: Home, start: Start, serve: Serve
) -> None:
    to = await serve(echo)
    first = await start()
    first.apply({ONE: frozenset({to})})
    place = home.egress_socket(ONE)
    await until(place.exists)
    mounted = place.parent.stat().st_ino
    reader, writer = await ask(place, to)
    await answered(reader)
    await asyncio.to_thread(first.close)
    assert await reader.read() == b"", "nothing is left hanging by a gateway that ends"
    writer.close()
    left = home.egress_socket(TWO).parent
    left.mkdir()
    second = await start()
    second.apply({ONE: frozenset({to})})
    await until(lambda: place.exists() and not left.exists())
    assert place.parent.stat().st_ino == mounted, "a container has this one mounted"
    reader, writer = await ask(place, to)
    assert await answered(reader) == "200 Connection established"
    writer.close()


async def test_a_relay_that_cannot_open_says_so_and_the_others_do(home: Home, start: Start) -> None:
    blocked = home.egress_socket(ONE).parent
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file in the way")
    relays = await start()
    wanted: dict[InstanceId, frozenset[Destination]] = {ONE: frozenset(), TWO: frozenset()}
    relays.apply(wanted)
    await until(home.egress_socket(TWO).exists)
    await until(lambda: bool((found := relays.status(ONE)) and found.problem))
    blocked.unlink()
    relays.apply(wanted)
    await until(home.egress_socket(ONE).exists)
    await until(lambda: not ((found := relays.status(ONE)) and found.problem))
