"""Keys: browse, look, rename, time to live, delete."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient

pytestmark = pytest.mark.redis
BINARY = b"\x00\xff key\r\n"
BINARY_QUERY = {"key": base64.b64encode(BINARY).decode(), "keyEncoding": "base64"}


def names(page: Any) -> set[str]:
    return {key["name"]["data"] for key in page["keys"]}


async def test_keys_come_with_type_and_time_to_live(client: PluginClient, redis: Any) -> None:
    redis.raw.set("greeting", "hello", px=60_000)
    redis.raw.hset("user:1", "name", "Ada")
    page = (await client.get("/keys")).raise_for_status().json()
    found = {key["name"]["data"]: key for key in page["keys"]}
    assert found["greeting"]["type"] == "string"
    assert 0 < found["greeting"]["ttlMs"] <= 60_000
    assert found["user:1"]["type"] == "hash"
    assert found["user:1"]["ttlMs"] is None
    assert page["cursor"] == "0"
    assert page["total"] == 2


async def test_pattern_and_type_narrow_the_list(client: PluginClient, redis: Any) -> None:
    redis.raw.mset({"user:1": "a", "user:2": "b", "other": "c"})
    redis.raw.sadd("user:set", "x")
    assert names((await client.get("/keys", params={"pattern": "user:*"})).json()) == {
        "user:1",
        "user:2",
        "user:set",
    }
    assert names((await client.get("/keys", params={"pattern": "user:*", "type": "set"})).json()) == {
        "user:set"
    }
    exact = (await client.get("/keys", params={"pattern": "other"})).json()
    assert names(exact) == {"other"}
    assert exact["scans"] == 0
    assert names((await client.get("/keys", params={"pattern": "other", "type": "set"})).json()) == set()


async def test_another_database(client: PluginClient, redis: Any) -> None:
    redis.raw.execute_command("SELECT", 0)
    with_three = redis.raw.pipeline(transaction=False)
    with_three.execute_command("SELECT", 3)
    with_three.set("there", "1")
    with_three.execute_command("SELECT", 0)
    with_three.execute()
    assert names((await client.get("/keys")).json()) == set()
    assert names((await client.get("/keys", params={"database": 3})).json()) == {"there"}
    answer = await client.get("/keys", params={"database": 99})
    assert answer.status_code == 422
    assert "no database of that number" in answer.json()["detail"]


async def test_more_databases_than_are_kept_open(client: PluginClient) -> None:
    for number in [*range(12), 0]:
        (await client.get("/keys", params={"database": number})).raise_for_status()
    clients = (await client.get("/clients")).json()
    assert len({one["database"] for one in clients}) <= 8


async def test_a_key_in_detail(client: PluginClient, redis: Any) -> None:
    redis.raw.rpush("queue", "a", "b", "c")
    detail = (await client.get("/key", params={"key": "queue"})).json()
    assert detail["type"] == "list"
    assert detail["length"] == 3
    assert detail["encoding"] in ("listpack", "quicklist", "ziplist")
    assert detail["memory"] > 0


async def test_a_key_that_is_not_there(client: PluginClient) -> None:
    for path in (
        "/key",
        "/key/string",
        "/key/hash",
        "/key/list",
        "/key/set",
        "/key/sorted-set",
        "/key/stream",
    ):
        answer = await client.get(path, params={"key": "nothing"})
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:plugway:redis:no-such-key"


@pytest.mark.parametrize("name", [BINARY, b"", b"a/b?c=d&e#f %", "schlüssel \U0001f511".encode()])
async def test_any_bytes_are_a_name(client: PluginClient, redis: Any, name: bytes) -> None:
    redis.raw.set(name, b"value")
    (key,) = (await client.get("/keys")).json()["keys"]
    encoding, data = key["name"]["encoding"], key["name"]["data"]
    assert (base64.b64decode(data) if encoding == "base64" else data.encode()) == name
    query = {"key": data, "keyEncoding": encoding}
    assert (await client.get("/key/string", params=query)).json()["value"]["data"] == "value"
    (await client.delete("/key", params=query)).raise_for_status()
    assert redis.raw.dbsize() == 0


async def test_expiry_is_set_and_taken_away(client: PluginClient, redis: Any) -> None:
    redis.raw.set("k", "v")
    detail = (await client.put("/key/ttl", params={"key": "k"}, json={"ttlMs": 5000})).json()
    assert 0 < detail["ttlMs"] <= 5000
    assert (await client.delete("/key/ttl", params={"key": "k"})).json()["ttlMs"] is None
    assert redis.raw.pttl("k") == -1
    assert (await client.put("/key/ttl", params={"key": "none"}, json={"ttlMs": 5})).status_code == 404
    assert (await client.put("/key/ttl", params={"key": "k"}, json={"ttlMs": 0})).status_code == 422


async def test_rename_replaces_only_when_told(client: PluginClient, redis: Any) -> None:
    redis.raw.mset({"old": "1", "taken": "2"})
    new = {"name": {"data": "taken"}}
    answer = await client.post("/key/rename", params={"key": "old"}, json=new)
    assert answer.status_code == 409
    assert redis.raw.get("taken") == b"2"
    (
        await client.post("/key/rename", params={"key": "old"}, json={**new, "replace": True})
    ).raise_for_status()
    assert redis.raw.keys() == [b"taken"]
    assert redis.raw.get("taken") == b"1"
    assert (await client.post("/key/rename", params={"key": "old"}, json=new)).status_code == 404


async def test_delete_one_and_many(client: PluginClient, redis: Any) -> None:
    redis.raw.mset({b"a": 1, b"b": 2, BINARY: 3, b"kept": 4})
    assert (await client.delete("/key", params={"key": "a"})).json() == {"deleted": 1}
    assert (await client.delete("/key", params={"key": "a"})).json() == {"deleted": 0}
    body = {"names": [{"data": "b"}, {"data": BINARY_QUERY["key"], "encoding": "base64"}, {"data": "gone"}]}
    assert (await client.post("/keys/delete", json=body)).json() == {"deleted": 2}
    assert redis.raw.keys() == [b"kept"]


async def test_delete_by_pattern_counts_confirms_and_keeps_to_what_was_agreed(
    client: PluginClient, redis: Any
) -> None:
    redis.raw.mset({f"tmp:{number}": "x" for number in range(2500)})
    redis.raw.mset({"kept": "y", "tmp:set-like": "z"})
    counted = (await client.get("/keys/count", params={"pattern": "tmp:*"})).json()
    assert counted["matched"] == 2501
    assert counted["cursor"] == "0"
    assert len(counted["sample"]) == 10

    order = {"pattern": "tmp:*", "confirm": "tmp:", "atMost": 2501}
    answer = await client.post("/keys/delete-matching", json=order)
    assert answer.status_code == 422
    assert "nothing was deleted" in answer.json()["detail"]
    assert redis.raw.dbsize() == 2502

    part = (
        await client.post("/keys/delete-matching", json={**order, "confirm": "tmp:*", "atMost": 100})
    ).json()
    assert part["deleted"] == 100
    assert part["moreThanAgreed"] is True
    assert redis.raw.dbsize() == 2402

    rest = (await client.post("/keys/delete-matching", json={**order, "confirm": "tmp:*"})).json()
    assert rest["deleted"] == 2401
    assert redis.raw.keys() == [b"kept"]


@pytest.mark.parametrize(
    "query",
    [{"cursor": "-1"}, {"cursor": "x"}, {"limit": 0}, {"limit": 5000}, {"type": "tree"}, {"database": -1}],
)
async def test_a_bad_query_is_refused_by_field(client: PluginClient, query: dict[str, Any]) -> None:
    answer = await client.get("/keys", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == f"/query/{next(iter(query))}"
