"""Plugins that hang, die, or speak something else: only they suffer."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.call_limits import Limits
from gateway.model import Endpoint, InstanceId, ReleaseId
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import Plane, endpoint, route, until
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Endpoint]]:
    """A plugin in a process of its own."""
    address = f"unix:{tmp_path}/child.sock"
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.contract_plugin", address), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), 30) == b"ready\n"
    yield child, endpoint(address, "child")
    if child.returncode is None:
        child.kill()
    await child.wait()


async def test_a_hung_plugin_is_504_and_hurts_no_other(
    plugin: ContractPlugin,
    plane: Plane,
    client: httpx.AsyncClient,
    process: tuple[asyncio.subprocess.Process, Endpoint],
) -> None:
    child, at = process
    plane.publish(route(at, plugin="hung", limits=Limits(timeout=1.0)))
    assert (await client.get("/plugins/hung/api/x")).status_code == 200
    child.send_signal(signal.SIGSTOP)
    try:
        hanging = [asyncio.create_task(client.get("/plugins/hung/api/x")) for _ in range(20)]
        for _ in range(20):
            assert (await client.get("/plugins/notes/api/x")).status_code == 200
        assert {answer.status_code for answer in await asyncio.gather(*hanging)} == {504}
        assert plane.outcomes.failures(InstanceId("child"))[0] >= 20
    finally:
        child.send_signal(signal.SIGCONT)
    await until_good(client, "/plugins/hung/api/x")


async def until_good(client: httpx.AsyncClient, path: str) -> None:
    async with asyncio.timeout(10):
        while (await client.get(path)).status_code != 200:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.05)


async def test_a_plugin_killed_in_a_call_is_503_at_once(
    plugin: ContractPlugin,
    plane: Plane,
    client: httpx.AsyncClient,
    process: tuple[asyncio.subprocess.Process, Endpoint],
) -> None:
    child, at = process
    plane.publish(route(at, plugin="dying"))
    await client.get("/plugins/dying/api/x")
    hanging = asyncio.create_task(client.post("/plugins/dying/api/hang"))
    await until(lambda: plane.data_plane.metrics.of("dying", "1.0.0", "r1").active == 1)
    await asyncio.sleep(0.1)
    child.kill()
    answer = await asyncio.wait_for(hanging, 10)
    assert (answer.status_code, answer.json()["reason"]) == (503, "unhealthy")
    assert (await client.get("/plugins/notes/api/x")).status_code == 200


async def test_safe_calls_go_on_at_another_instance(
    plane: Plane, client: httpx.AsyncClient, one: Endpoint, tmp_path: Path
) -> None:
    server = await serve(one.address, ContractPlugin())
    plane.publish(route(endpoint(f"unix:{tmp_path}/gone.sock", "gone"), one))
    for _ in range(5):
        assert (await client.get("/plugins/notes/api/x")).status_code == 200
    assert plane.outcomes.failures(InstanceId("gone"))[0] >= 1
    await server.stop(None)


async def test_a_plugin_that_restarts_in_good_order_fails_no_call(
    plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    """GOAWAY: what the old process did not take is sent to the new one."""
    server = await serve(one.address, ContractPlugin())
    plane.publish(route(one))
    assert (await client.get("/plugins/notes/api/x")).status_code == 200
    await server.stop(0.1)
    server = await serve(one.address, ContractPlugin())
    assert (await client.post("/plugins/notes/api/x")).status_code == 200
    await server.stop(None)


GARBAGE: list[Callable[[asyncio.StreamWriter], object]] = [
    lambda writer: writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10),
    lambda writer: writer.write(bytes(range(256)) * 100),
    lambda writer: writer.write(b"\xff" * 9),
    lambda writer: writer.write(b"\0\0\4\1\4\0\0\0\1\xff\xff\xff\xff"),
    lambda writer: writer.write(b"\0\0\x08\6\0\0\0\0\012345678" * 20_000),
    lambda writer: writer.close(),
]


@pytest.mark.parametrize("garbage", range(len(GARBAGE)))
async def test_garbage_is_an_error_in_words_and_nothing_more(
    plane: Plane, client: httpx.AsyncClient, tmp_path: Path, garbage: int
) -> None:
    done = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        GARBAGE[garbage](writer)
        while not reader.at_eof() and not writer.is_closing():
            await reader.read(65536)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        done.set()

    server = await asyncio.start_unix_server(speak, f"{tmp_path}/g.sock")
    plane.publish(route(endpoint(f"unix:{tmp_path}/g.sock"), limits=Limits(timeout=3.0)))
    answer = await client.get("/plugins/notes/api/x")
    assert answer.status_code in (502, 503)
    assert answer.json()["plugin"] == "notes"
    async with asyncio.timeout(10):
        await done.wait()
    server.close()


async def test_a_release_is_kept_to_where_the_page_asks_for_it(
    plane: Plane, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    plugins, servers, targets = [], [], []
    for number in (1, 2):
        at = endpoint(f"unix:{tmp_path}/r{number}.sock", f"i{number}")
        plugins.append(ContractPlugin())
        servers.append(await serve(at.address, plugins[-1]))
        weight = 100 if number == 2 else 0
        targets.append(replace(route(at).targets[0], release_id=ReleaseId(f"r{number}"), weight=weight))
    plane.publish(replace(route(), targets=tuple(targets)))
    for _ in range(5):
        await client.get("/plugins/notes/api/x")
        await client.get("/plugins/notes/api/x", headers={"x-plugway-release": "r1"})
    assert [len(plugin.calls) for plugin in plugins] == [5, 5]
    # A page of a release that is gone must not meet another one's API.
    gone = await client.get("/plugins/notes/api/x", headers={"x-plugway-release": "gone"})
    assert gone.json()["reason"] == "release-retired"
    assert [len(plugin.calls) for plugin in plugins] == [5, 5]
    for server in servers:
        await server.stop(None)
