"""Unary calls through the real server, to a real gRPC plugin."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.call_limits import Limits
from gateway.model import Access, Endpoint, InstanceId, PluginState, ReleaseId, RouteRule
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import Plane, endpoint, route, until
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures


async def test_carries_method_path_query_headers_and_body(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    answer = await client.put(
        "/plugins/notes/api/a%20b/c?x=1&y=%2F", content=b"hello", headers={"x-own": "yes"}
    )
    assert answer.status_code == 200
    seen = answer.json()
    assert (seen["method"], seen["path"], seen["query"]) == ("PUT", "/a%20b/c", "x=1&y=%2F")
    assert seen["body"] == "hello"
    assert ["x-own", "yes"] in seen["headers"]
    context = seen["context"]
    assert (context["user"], context["role"]) == ("admin", "admin")
    assert context["base_path"] == "/plugins/notes/api"
    assert context["client_address"] == "127.0.0.1"
    assert context["request_id"] == answer.headers["x-request-id"]


async def test_the_root_has_a_path(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    for path in ("/plugins/notes/api", "/plugins/notes/api/"):
        assert (await client.get(path)).json()["path"] == "/"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PATCH", "POST"])
async def test_methods_pass(plugin: ContractPlugin, client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/plugins/notes/api/x")
    assert answer.status_code == 200
    if method == "HEAD":
        assert answer.content == b""
        assert int(answer.headers["content-length"]) > 0
    else:
        assert answer.json()["method"] == method


@pytest.mark.parametrize("status", [200, 201, 204, 205, 304, 404, 418, 500, 599])
async def test_the_plugins_own_status_passes(
    plugin: ContractPlugin, client: httpx.AsyncClient, status: int
) -> None:
    answer = await client.get(f"/plugins/notes/api/status/{status}")
    assert answer.status_code == status
    assert answer.content == (b"" if status in (204, 205, 304) else b"status")
    # The connection goes on to be usable.
    assert (await client.get("/plugins/notes/api/x")).status_code == 200


@pytest.mark.parametrize("size", [0, 1, 16_000, 17_000, 1_000_000, 2_000_000])
async def test_bodies_of_all_sizes_pass_both_ways(
    plugin: ContractPlugin, client: httpx.AsyncClient, size: int
) -> None:
    answer = await client.get(f"/plugins/notes/api/bytes/{size}")
    assert answer.content == b"x" * size
    if size <= 2**20:
        echoed = await client.post("/plugins/notes/api/x", content=b"y" * size)
        assert len(echoed.json()["body"]) == size


async def test_many_calls_at_once_keep_apart(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.get(f"/plugins/notes/api/n/{n}") for n in range(100)))
    assert [answer.json()["path"] for answer in answers] == [f"/n/{n}" for n in range(100)]


async def test_an_unknown_plugin_is_404_and_only_that(plane: Plane, client: httpx.AsyncClient) -> None:
    plane.publish(route(plugin="away", state=PluginState.STARTING))
    unknown = await client.get("/plugins/nobody/api/x")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:plugway:problem:unknown-plugin")
    assert unknown.headers["content-type"] == "application/problem+json"
    assert (await client.get("/plugins/away/api/x")).status_code == 503


@pytest.mark.parametrize("state", [state for state in PluginState if state.value != "healthy"])
async def test_a_plugin_that_is_away_says_why_and_when(
    plane: Plane, client: httpx.AsyncClient, state: PluginState
) -> None:
    plane.publish(route(state=state, reason="exited with code 3", retry_after=6.2))
    answer = await client.get("/plugins/notes/api/x")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    problem = answer.json()
    assert (problem["plugin"], problem["reason"]) == ("notes", state.value)
    assert "exited with code 3" in problem["detail"]


async def test_an_instance_that_is_gone_is_503_then_200_when_it_is_back(
    tmp_path: Path, plane: Plane, client: httpx.AsyncClient
) -> None:
    address = f"unix:{tmp_path}/p.sock"
    plane.publish(route(endpoint(address)))
    gone = await client.get("/plugins/notes/api/x")
    assert (gone.status_code, gone.json()["reason"]) == (503, "unhealthy")
    assert plane.outcomes.failures(InstanceId("one"))[0] >= 1
    server = await serve(address, ContractPlugin())
    assert (await client.get("/plugins/notes/api/x")).status_code == 200
    assert plane.outcomes.failures(InstanceId("one")) == (0, "")
    await server.stop(None)


async def test_a_late_plugin_is_504_and_learns_of_it(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    plane.publish(route(one, limits=Limits(timeout=0.3)))
    answer = await client.get("/plugins/notes/api/hang")
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:plugway:problem:timed-out")
    assert 0 < plugin.deadlines[0] <= 0.3
    await until(lambda: plugin.running == 0)
    assert plane.outcomes.failures(InstanceId("one"))[0] == 1


async def test_a_client_that_leaves_cancels_the_call(
    plugin: ContractPlugin, client: httpx.AsyncClient, plane: Plane
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await client.get("/plugins/notes/api/hang", timeout=0.3)
    await until(lambda: plugin.cancelled == ["/hang"])
    assert plane.outcomes.failures(InstanceId("one")) == (0, "")


async def test_a_plugins_failure_is_502_without_its_words(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    answer = await client.get("/plugins/notes/api/fail")
    assert answer.status_code == 502
    assert "secret" not in answer.text


async def test_too_many_calls_at_once_are_503_for_that_plugin_only(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    plane.publish(route(one, limits=Limits(max_concurrent=2)), route(one, plugin="other"))
    hanging = [asyncio.create_task(client.get("/plugins/notes/api/hang")) for _ in range(2)]
    await until(lambda: plugin.running == 2)
    third = await client.get("/plugins/notes/api/x")
    assert (third.status_code, third.json()["reason"]) == (503, "overloaded")
    assert third.headers["retry-after"] == "1"
    assert (await client.get("/plugins/other/api/x")).status_code == 200
    plugin.go_on.set()
    assert [answer.status_code for answer in await asyncio.gather(*hanging)] == [200, 200]
    assert (await client.get("/plugins/notes/api/x")).status_code == 200


async def test_a_running_call_survives_new_snapshots(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    hanging = asyncio.create_task(client.get("/plugins/notes/api/hang"))
    await until(lambda: plugin.running == 1)
    plane.publish(route(endpoint(f"unix:{tmp_path}/elsewhere.sock", "two")))
    plane.remove("notes")
    assert (await client.get("/plugins/notes/api/x")).status_code == 404
    plugin.go_on.set()
    assert (await hanging).status_code == 200


async def test_access_follows_the_rules_of_the_release(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    rules = (
        RouteRule(path_prefix="/open/inner", access=Access.ADMIN),
        RouteRule(path_prefix="/open", access=Access.PUBLIC, methods=frozenset({"GET"})),
    )
    plane.publish(route(one, rules=rules))
    async with httpx.AsyncClient(base_url=plane.url) as stranger:
        assert (await stranger.get("/plugins/notes/api/open/x")).status_code == 200
        for method, path in (("GET", "open/inner"), ("POST", "open"), ("GET", "opened"), ("GET", "%6Fpened")):
            refused = await stranger.request(method, f"/plugins/notes/api/{path}")
            assert refused.status_code == 401, path
            assert refused.headers["www-authenticate"] == "Bearer"
        # Whether a plugin exists is not told to strangers.
        assert (await stranger.get("/plugins/nobody/api/x")).status_code == 401
        wrong = await stranger.get("/plugins/notes/api/x", headers={"authorization": "Bearer wrong"})
        assert wrong.status_code == 401
    assert (await client.get("/plugins/notes/api/open/inner")).status_code == 200


async def test_a_session_works_from_its_own_origin_only(plugin: ContractPlugin, plane: Plane) -> None:
    cookie = f"plugway_session={plane.gatekeeper.start_session()}"
    async with httpx.AsyncClient(base_url=plane.url, headers={"cookie": cookie}) as browser:
        assert (await browser.get("/plugins/notes/api/x")).status_code == 200
        assert (await browser.post("/plugins/notes/api/x")).status_code == 403
        same = {"origin": plane.url, "sec-fetch-site": "same-origin"}
        assert (await browser.post("/plugins/notes/api/x", headers=same)).status_code == 200
        cross = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert (await browser.post("/plugins/notes/api/x", headers=cross)).status_code == 403
        rebound = await browser.get("/plugins/notes/api/x", headers={"host": "evil.example"})
        assert rebound.status_code == 403


async def test_calls_are_counted_by_what_the_plugin_declared(
    one: Endpoint, plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient
) -> None:
    plane.publish(route(one, templates=("/status/{code}",)))
    await client.get("/plugins/notes/api/a")
    await client.post("/plugins/notes/api/b")
    await client.get("/plugins/notes/api/status/404")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in plane.data_plane.metrics.collect()
        for sample in metric.samples
    }
    who = ("notes", "1.0.0", "r1")
    assert samples["plugway_calls_total", *who, "other", "read", "2xx"] == 1
    assert samples["plugway_calls_total", *who, "other", "write", "2xx"] == 1
    assert samples["plugway_calls_total", *who, "/status/{code}", "read", "4xx"] == 1
    assert samples["plugway_call_seconds_count", *who, "other"] == 2
    assert samples["plugway_calls_active", *who] == 0


@pytest.mark.parametrize("body", [b"small", b"x" * 200_000], ids=["short", "long"])
async def test_what_a_draining_plugin_refused_is_done_by_the_other(
    plugin: ContractPlugin,
    plane: Plane,
    client: httpx.AsyncClient,
    tmp_path: Path,
    one: Endpoint,
    body: bytes,
) -> None:
    """Any method: the call never reached the first one's code. Both ways of calling know it."""
    other, successor = endpoint(f"unix:{tmp_path}/q.sock", "two"), ContractPlugin()
    server = await serve(other.address, successor)
    base = route(one)
    new = replace(base.targets[0], release_id=ReleaseId("r2"), endpoints=(other,), weight=0, warm=True)
    plane.publish(replace(base, targets=(base.targets[0], new)))
    plugin.draining = True
    answer = await client.post("/plugins/notes/api/echo", content=body)
    assert answer.status_code == 200, answer.text
    assert successor.calls == ["/echo"]
    bound = await client.post("/plugins/notes/api/echo", content=body, headers={"x-plugway-release": "r1"})
    assert bound.status_code == 503, "a page's call is never carried to another release"
    await server.stop(None)


async def test_no_caller_makes_labels(
    one: Endpoint, plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient
) -> None:
    plane.publish(route(one, templates=("/status/{code}",)))
    methods = ["GET", "POST", "PURGE", "MKCOL"]
    for number in range(80):
        path = (
            f"/x{number}",
            f"/status/{number + 200}",
            f"/status/200/{number}?q={number}",
            f"/%{number:02x}",
        )
        await client.request(methods[number % 4], "/plugins/notes/api" + path[number % 4 - 1])
    routes = plane.data_plane.metrics.of("notes", "1.0.0", "r1").routes
    assert routes.keys() == {"other", "/status/{code}"}
    assert sum(sum(counters.calls) for counters in routes.values()) == 80
