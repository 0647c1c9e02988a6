"""Limits as a client meets them, through a real server and a plugin in a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import websockets

from gateway.call_limits import Limits, Quotas, Rate, RouteQuota
from gateway.model import Access, Endpoint, RouteRule
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import AUTH, TOKEN, Plane, endpoint, route, running_plane, until
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures


def quotas(**said: object) -> Limits:
    return Limits(quotas=Quotas(**said))  # type: ignore[arg-type]


@asynccontextmanager
async def process(address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.contract_plugin", address), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert await asyncio.wait_for(child.stdout.readline(), 60) == b"ready\n"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_429_says_when_and_that_is_true(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    plane.publish(route(one, limits=quotas(rate=Rate(per_second=0.5, burst=3))))
    answers = [await client.get("/plugins/notes/api/x") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    document = refused.json()
    assert refused.headers["content-type"] == "application/problem+json"
    assert (document["type"], document["reason"]) == ("urn:plugway:problem:too-many-calls", "rate")
    wait = int(refused.headers["retry-after"])
    assert wait in (1, 2)
    await asyncio.sleep(wait)
    assert (await client.get("/plugins/notes/api/x")).status_code == 200
    assert len(plugin.calls) == 4, "what is refused never reaches the plugin"


async def test_limits_count_for_websockets_too(plugin: ContractPlugin, plane: Plane, one: Endpoint) -> None:
    plane.publish(route(one, limits=quotas(user_concurrent=1)))
    url = f"ws://127.0.0.1:{plane.port}/plugins/notes/api/ws"
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with websockets.connect(url, additional_headers=headers):
        with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
            await websockets.connect(url, additional_headers=headers)
        assert refused.value.response.status_code == 429
    await until(lambda: plane.data_plane._table.routes[b"notes"].streams == [0])
    async with websockets.connect(url, additional_headers=headers):
        pass


async def test_a_route_and_callers_without_a_name_have_their_own(
    plugin: ContractPlugin, plane: Plane, one: Endpoint
) -> None:
    limits = quotas(
        user_rate=Rate(per_second=0.01, burst=1),
        routes=(
            RouteQuota(path="/import", methods=frozenset({"POST"}), rate=Rate(per_second=0.01, burst=1)),
        ),
    )
    public = (RouteRule(path_prefix="/", access=Access.PUBLIC),)
    plane.publish(route(one, rules=public, limits=limits))
    async with (
        httpx.AsyncClient(base_url=plane.url) as nobody,
        httpx.AsyncClient(base_url=plane.url, headers=AUTH) as somebody,
    ):
        assert (await nobody.get("/plugins/notes/api/x")).status_code == 200
        assert (await somebody.post("/plugins/notes/api/import")).status_code == 200
        refused = await nobody.post("/plugins/notes/api/import")
        assert refused.status_code == 429
        assert (await somebody.get("/plugins/notes/api/x")).json()["reason"] == "user-rate"


async def test_a_call_that_ends_badly_gives_its_place_back(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    plane.publish(route(one, limits=replace(quotas(user_concurrent=1), timeout=0.5)))
    for path in ("/fail", "/hang", "/status/500"):
        assert (await client.get(f"/plugins/notes/api{path}")).status_code >= 500
    with pytest.raises(httpx.TimeoutException):
        await client.get("/plugins/notes/api/hang", timeout=0.2)
    await until(lambda: plane.data_plane._table.routes[b"notes"].active == [0])
    assert (await client.get("/plugins/notes/api/x")).status_code == 200
    assert plane.data_plane._table.routes[b"notes"].capacity.free == 4096


@pytest.mark.timeout(180)
async def test_500_calls_that_wait_for_a_stopped_plugin_leave_its_neighbour_alone(tmp_path: Path) -> None:
    """The whole gateway takes 600: without a share of its own the stopped one would hold 512 of them."""
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(running_plane(tmp_path / "home", max_calls=600))
        stopped = f"unix:{tmp_path}/stopped.sock"
        child = await stack.enter_async_context(process(stopped))
        neighbour = ContractPlugin()
        server = await serve(f"unix:{tmp_path}/neighbour.sock", neighbour)
        stack.push_async_callback(server.stop, None)
        plane.publish(
            route(endpoint(stopped, "stopped"), plugin="stopped", limits=Limits(timeout=120.0)),
            route(endpoint(f"unix:{tmp_path}/neighbour.sock", "neighbour"), plugin="neighbour"),
        )
        wide = httpx.Limits(max_connections=None)
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=plane.url, headers=AUTH, timeout=150, limits=wide)
        )
        assert (await client.get("/plugins/stopped/api/x")).status_code == 200
        child.send_signal(signal.SIGSTOP)
        waiting = [asyncio.create_task(client.get("/plugins/stopped/api/x")) for _ in range(500)]
        prepared = plane.data_plane._table.routes
        refused = [task for task in waiting if task.done()]

        def settled() -> bool:
            refused[:] = [task for task in waiting if task.done()]
            return len(refused) + prepared[b"stopped"].active[0] == 500

        await until(settled, 60)
        assert prepared[b"stopped"].active[0] == 300, "the half of 600"
        assert {(t.result().status_code, t.result().json()["reason"]) for t in refused} == {(503, "crowded")}
        assert all(t.result().headers["retry-after"] for t in refused)
        answers = Counter([(await client.get("/plugins/neighbour/api/x")).status_code for _ in range(100)])
        assert answers == {200: 100}
        together = await asyncio.gather(*(client.get("/plugins/neighbour/api/x") for _ in range(100)))
        assert Counter(answer.status_code for answer in together) == {200: 100}
        child.send_signal(signal.SIGCONT)
        ended = await asyncio.gather(*(task for task in waiting if task not in refused))
        assert {answer.status_code for answer in ended} == {200}
        await until(lambda: prepared[b"stopped"].capacity.free == 600)


async def test_a_flapping_instance_among_three_is_taken_out_and_comes_back(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(running_plane(tmp_path / "home"))
        addresses = [f"unix:{tmp_path}/{number}.sock" for number in range(3)]
        for address in addresses[1:]:
            stack.push_async_callback((await serve(address, ContractPlugin())).stop, None)
        flapping = addresses[0]
        plane.publish(route(*(endpoint(address, f"i{n}") for n, address in enumerate(addresses))))
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=plane.url, headers=AUTH, timeout=60)
        )
        board = plane.data_plane._outliers._board
        target = plane.data_plane._table.routes[b"notes"].first
        assert target is not None
        upstream = target.upstreams[0]
        statuses = []
        while not board.all():
            statuses.append((await client.post("/plugins/notes/api/x")).status_code)
            assert len(statuses) < 200
        (report,) = board.all()
        assert (report.instance, report.state) == ("i0", "open")
        assert statuses == [200] * 5, "what never reached it goes elsewhere; five in a row take it out"
        after = [(await client.post("/plugins/notes/api/x")).status_code for _ in range(50)]
        assert set(after) == {200}
        assert plane.data_plane.metrics._retried == {"notes": 5}, "nobody meets it while it is out"
        metrics = {
            (sample.name, sample.labels.get("state")): sample.value
            for family in plane.data_plane.limit_metrics.collect()
            for sample in family.samples
        }
        assert metrics["plugway_instance_circuit", "open"] == 1.0
        assert metrics["plugway_ejections_total", None] == 1.0
        # Tried while it is still away: a reading call goes elsewhere, and it is out for longer.
        assert upstream.circuit is not None
        upstream.circuit._until = upstream.circuit._next_probe = time.perf_counter()
        tried = await client.get("/plugins/notes/api/x")
        assert tried.status_code == 200
        (again,) = board.all()
        assert again.times == 2
        assert again.until > report.until + 10
        # And once it is back.
        stack.push_async_callback((await serve(flapping, ContractPlugin())).stop, None)
        upstream.circuit._until = upstream.circuit._next_probe = time.perf_counter()
        assert (await client.get("/plugins/notes/api/x")).status_code == 200
        assert board.all() == []


async def test_the_only_instance_is_never_taken_out(
    tmp_path: Path, plane: Plane, client: httpx.AsyncClient
) -> None:
    address = f"unix:{tmp_path}/only.sock"
    plane.publish(route(endpoint(address, "only")))
    for _ in range(12):
        assert (await client.post("/plugins/notes/api/x")).status_code == 503
    (report,) = plane.data_plane._outliers._board.all()
    assert report.state == "held"
    server = await serve(address, ContractPlugin())
    assert (await client.post("/plugins/notes/api/x")).status_code == 200, "the very next call gets through"
    assert plane.data_plane._outliers._board.all() == []
    await server.stop(None)


async def test_retries_of_one_plugin_are_not_paid_by_another(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    plane.publish(route(endpoint(f"unix:{tmp_path}/away.sock", "away"), plugin="away"))
    for _ in range(30):
        assert (await client.get("/plugins/away/api/x")).status_code == 503
    routes = plane.data_plane._table.routes
    assert not routes[b"away"].budget.spend(), "a reading call is tried again, until the budget is used up"
    assert routes[b"notes"].budget.spend()
    retried = plane.data_plane.metrics._retried
    assert retried == {"away": 10}


async def test_an_overloaded_loop_refuses_before_anything_else(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient
) -> None:
    judge = plane.data_plane._lag._judge
    assert judge is not None
    judge.share = 0.9
    answers: list[httpx.Response] = []
    while not answers or answers[-1].status_code != 503:
        judge.share = 0.9
        answers.append(await client.get("/plugins/notes/api/x"))
        assert len(answers) < 200
    assert answers[-1].json()["reason"] == "shedding"
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_event_streams_and_websockets_hold_no_place_among_the_calls_at_once(tmp_path: Path) -> None:
    """Of four places for streams a plugin may have two; the third stream stays a call."""
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(running_plane(tmp_path / "home", max_streams=4))
        address = f"unix:{tmp_path}/p.sock"
        plugin = ContractPlugin()
        stack.push_async_callback((await serve(address, plugin)).stop, None)
        plane.publish(route(endpoint(address), limits=Limits(max_concurrent=1)))
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=plane.url, headers=AUTH, timeout=60)
        )
        prepared = plane.data_plane._table.routes[b"notes"]

        async def events() -> httpx.Response:
            answer = await stack.enter_async_context(client.stream("GET", "/plugins/notes/api/events/1"))
            assert answer.status_code == 200
            return answer

        await events()
        await until(lambda: prepared.streams == [1])
        assert prepared.active == [0]
        url = f"ws://127.0.0.1:{plane.port}/plugins/notes/api/ws"
        socket = await websockets.connect(url, additional_headers=AUTH)
        await until(lambda: prepared.streams == [2])
        assert (await client.get("/plugins/notes/api/x")).status_code == 200
        third = await events()
        assert (prepared.streams, prepared.active) == ([2], [1])
        refused = await client.get("/plugins/notes/api/x")
        assert (refused.status_code, refused.json()["reason"]) == (503, "overloaded")
        await third.aclose()
        await until(lambda: prepared.active == [0])
        assert (await client.get("/plugins/notes/api/x")).status_code == 200
        await socket.close()
        await until(lambda: prepared.streams == [1])
        # A new table knows of the streams that run.
        plane.publish(route(endpoint(address), limits=Limits(max_concurrent=2)))
        plugin.go_on.set()
        changed = plane.data_plane._table.routes[b"notes"]
        await until(lambda: (changed.streams, changed.capacity.streams) == ([0], 4))
        assert (changed.active, changed.capacity.free) == ([0], 4096)


async def test_a_user_s_streams_count_among_the_user_s_calls(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    plane.publish(route(one, limits=quotas(user_concurrent=1)))
    async with client.stream("GET", "/plugins/notes/api/events/1") as answer:
        assert answer.status_code == 200
        assert (await client.get("/plugins/notes/api/x")).json()["reason"] == "user-concurrency"
