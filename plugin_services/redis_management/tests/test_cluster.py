"""A real cluster of three nodes: keys wherever they lie, walks over all of them, slots that move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_library
from hypothesis import given
from hypothesis import strategies as st
from plugway_sdk.testing import PluginClient
from redis_management.cluster import key_of
from redis_management.topology import Table, members_of, table_of

from plugin_services.redis_management.tests.conftest import RedisServer
from tests.parts import need_redis
from tests.shipped.servers import eventually, free_port

pytestmark = [pytest.mark.redis, pytest.mark.timeout(180)]
PARTS = ((0, 5460), (5461, 10922), (10923, 16383))


class Cluster:
    """Three primaries, each with a third of the slots."""

    def __init__(self, place: Path) -> None:
        self.servers = []
        for number in range(3):
            (place / str(number)).mkdir(parents=True)
            options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "60000")
            server = RedisServer(need_redis(), place / str(number), *options)
            # The bus takes the port above by 10000.
            server.port = low_port()
            server.start()
            self.servers.append(server)
        for server, (first, last) in zip(self.servers, PARTS, strict=True):
            server.raw.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        for server in self.servers[1:]:
            self.servers[0].raw.execute_command("CLUSTER", "MEET", "127.0.0.1", server.port)

    @property
    def connection(self) -> dict[str, Any]:
        first, *others = self.servers
        nodes = [f"127.0.0.1:{server.port}" for server in others]
        return {"url": first.url, "kind": "cluster", "nodes": nodes}

    async def ready(self) -> None:
        async def met() -> bool:
            infos = [
                await asyncio.to_thread(server.raw.execute_command, "CLUSTER", "INFO")
                for server in self.servers
            ]
            return all(b"cluster_state:ok" in info and b"cluster_slots_ok:16384" in info for info in infos)

        await eventually(met, 60)

    def flush(self) -> None:
        for server in self.servers:
            server.raw.flushall()

    def end(self) -> None:
        for server in self.servers:
            server.kill()


def low_port() -> int:
    while (port := free_port()) > 55_000:
        pass
    return port


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.end()


@pytest.fixture
async def cluster(started: Cluster) -> Cluster:
    await started.ready()
    await asyncio.to_thread(started.flush)
    return started


@pytest.fixture
async def client(cluster: Cluster, open_plugin: Any) -> AsyncIterator[PluginClient]:
    async with open_plugin(**cluster.connection) as opened:
        yield opened


async def names(client: PluginClient, **query: Any) -> list[str]:
    found, cursor, pages = [], "0", 0
    while pages == 0 or cursor != "0":
        answer = await client.get("/keys", params={**query, "cursor": cursor})
        page = answer.raise_for_status().json()
        found += [key["name"]["data"] for key in page["keys"]]
        cursor, pages = page["cursor"], pages + 1
        assert pages < 500
    return found


async def test_keys_of_all_nodes_are_listed_read_written_and_deleted(
    client: PluginClient, cluster: Cluster
) -> None:
    for number in range(300):
        body = {"type": "string", "name": {"data": f"k:{number}"}, "value": {"data": str(number)}}
        assert (await client.post("/keys", json=body)).status_code == 201
    sizes = [server.raw.dbsize() for server in cluster.servers]
    assert sum(sizes) == 300
    assert min(sizes) > 50
    found = await names(client, limit=50)
    assert sorted(found) == sorted(f"k:{number}" for number in range(300))
    assert (await client.get("/keys")).json()["total"] == 300
    value = (await client.get("/key/string", params={"key": "k:7"})).json()
    assert value["value"]["data"] == "7"
    change = {"value": {"data": "new"}, "ifTag": value["tag"]}
    (await client.put("/key/string", params={"key": "k:7"}, json=change)).raise_for_status()
    assert (await client.put("/key/string", params={"key": "k:7"}, json=change)).status_code == 409
    some = {"names": [{"data": f"k:{number}"} for number in range(100)]}
    assert (await client.post("/keys/delete", json=some)).json()["deleted"] == 100
    other = await client.post("/key/rename", params={"key": "k:100"}, json={"name": {"data": "k:elsewhere"}})
    assert other.status_code == 422
    assert "one slot" in other.json()["detail"]

    # Export and import find their nodes, too.
    exported = (await client.get("/export")).content
    await asyncio.to_thread(cluster.flush)
    assert (await client.post("/import", content=exported)).json()["restored"] == 200
    assert [server.raw.dbsize() > 0 for server in cluster.servers] == [True] * 3
    order = {"pattern": "k:*", "confirm": "k:*", "atMost": 200}
    deleted, cursor = 0, "0"
    while True:
        step = (await client.post("/keys/delete-matching", json={**order, "cursor": cursor})).json()
        deleted, cursor = deleted + step["deleted"], step["cursor"]
        if cursor == "0":
            break
    assert deleted == 200


async def test_nodes_are_told_and_asked_one_by_one(client: PluginClient, cluster: Cluster) -> None:
    found = (await client.get("/nodes")).raise_for_status().json()
    assert (found["kind"], found["ok"]) == ("cluster", True)
    assert {one["address"] for one in found["nodes"]} == {f"127.0.0.1:{one.port}" for one in cluster.servers}
    assert sum(one["slotCount"] for one in found["nodes"]) == 16384
    for server in cluster.servers:
        node = f"127.0.0.1:{server.port}"
        info = await client.get("/server/info", params={"section": "server", "node": node})
        assert info.json()["server"]["tcp_port"] == str(server.port)
    assert (await client.get("/server", params={"node": "nobody:1"})).status_code == 404
    assert (await client.post("/connection/test")).json()["ok"] is True


async def test_a_slot_that_moves_is_followed(client: PluginClient, cluster: Cluster) -> None:
    raws = [server.raw for server in cluster.servers]
    # "foo" lies in slot 12182, of the third; one node still has it while the next takes it in.
    body = {"value": {"data": "bar"}}
    (await client.put("/key/string", params={"key": "foo"}, json=body)).raise_for_status()
    first, third = (raw.execute_command("CLUSTER", "MYID").decode() for raw in (raws[0], raws[2]))
    raws[0].execute_command("CLUSTER", "SETSLOT", 12182, "IMPORTING", third)
    raws[2].execute_command("CLUSTER", "SETSLOT", 12182, "MIGRATING", first)
    raws[2].execute_command("MIGRATE", "127.0.0.1", cluster.servers[0].port, "foo", 0, 5000)
    assert (await client.get("/key/string", params={"key": "foo"})).json()["value"]["data"] == "bar"
    for raw in raws:
        raw.execute_command("CLUSTER", "SETSLOT", 12182, "NODE", first)
    assert (await client.get("/key/string", params={"key": "foo"})).json()["value"]["data"] == "bar"
    change = {"value": {"data": "baz"}}
    (await client.put("/key/string", params={"key": "foo"}, json=change)).raise_for_status()
    with redis_library.Redis(port=cluster.servers[0].port, protocol=2) as raw:
        assert raw.get("foo") == b"baz"


async def test_a_node_that_is_away_is_told_and_the_rest_goes_on(
    client: PluginClient, cluster: Cluster
) -> None:
    (await client.get("/keys")).raise_for_status()
    # The one that the address names: the others are asked where slots lie.
    away = cluster.servers[0]
    await asyncio.to_thread(away.kill)
    try:
        ours = await client.get("/key", params={"key": "bar"})  # slot 5061
        assert ours.status_code == 503
        assert "nothing listens there" in ours.json()["detail"]
        # Slot 15495 is the third's, which is there: it has no such key, and says so.
        assert (await client.get("/key", params={"key": "a"})).status_code == 404
        assert (await client.get("/nodes")).status_code == 200
    finally:
        await asyncio.to_thread(away.start)
    await cluster.ready()
    (await client.get("/keys")).raise_for_status()


@pytest.mark.browser
async def test_the_page_lists_the_nodes_and_looks_at_one(cluster: Cluster, page: Any) -> None:
    from playwright.async_api import expect
    from redis_management.plugin import create_plugin

    from tests.shipped.browser import open_site

    async with open_site(create_plugin(), {"shop": cluster.connection}) as site:
        await page.set_viewport_size({"width": 360, "height": 740})
        await page.goto(site.at("/overview"))
        await expect(page.get_by_text("16,384 of 16,384 slots are served")).to_be_visible()
        other = f"127.0.0.1:{cluster.servers[1].port}"
        await page.get_by_role("button", name=other, exact=True).click()
        await expect(page.get_by_role("button", name=f"node {other}")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.get_by_role("button", name="Clients").click()
        await expect(page.get_by_text("this plugin").first).to_be_visible()
        assert f"node={other}" in await page.evaluate("decodeURIComponent(decodeURIComponent(location.hash))")


@given(st.lists(st.text("0123456789abcdef", min_size=40, max_size=40), unique=True, max_size=6))
def test_a_walk_goes_over_every_primary_once(ids: list[str]) -> None:
    table = Table(primaries={one: ("h", at) for at, one in enumerate(ids)})
    seen, node = [], table.from_("")
    while node is not None:
        seen.append(node)
        node = table.after(node)
    assert seen == sorted(ids)


def test_replies_are_read() -> None:
    table = table_of([[0, 5, [b"", 1, b"a"], [b"h", 2, b"b"]], [7, 7, [b"h", 3, b"c"]]], "asked")
    assert (table.owner(3), table.owner(6), table.owner(7)) == (("asked", 1), None, ("h", 3))
    assert table.place_of("b") == table.place_of("h:2") == ("h", 2)
    text = (
        "a 1:1@2 myself,master - 0 0 1 connected 0-5 7 [8->-x]\nb 1:2@3,name slave,fail a 0 0 1 disconnected"
    )
    first, second = members_of(text)
    assert (first.slots, first.slot_count, first.state) == ("0-5 7 (moving)", 7, "ok")
    assert (second.role, second.state, second.follows) == ("replica", "failed", "a")
    assert key_of(("MEMORY", "USAGE", b"k")) == b"k"
    assert key_of(("GET", "k")) == b"k"
    assert key_of(("INFO", "server")) is None
