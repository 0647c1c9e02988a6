"""Every type of value: seen page by page, changed, and never changed behind somebody's back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient

pytestmark = pytest.mark.redis
BYTES = b"\x00\xff\x80\r\n\x01"
BINARY = {"data": base64.b64encode(BYTES).decode(), "encoding": "base64"}
K = {"key": "k"}


def text(data: str) -> dict[str, str]:
    return {"data": data}


NEW: list[tuple[dict[str, Any], Callable[[Any], bool]]] = [
    ({"type": "string", "value": BINARY}, lambda raw: raw.get("k") == BYTES),
    (
        {"type": "hash", "fields": [{"field": text("f"), "value": BINARY}]},
        lambda raw: raw.hgetall("k") == {b"f": BYTES},
    ),
    ({"type": "list", "values": [text("a"), BINARY]}, lambda raw: raw.lrange("k", 0, -1) == [b"a", BYTES]),
    ({"type": "set", "members": [BINARY]}, lambda raw: raw.smembers("k") == {BYTES}),
    (
        {
            "type": "zset",
            "members": [{"member": BINARY, "score": 1.5}, {"member": text("i"), "score": "-inf"}],
        },
        lambda raw: raw.zrange("k", 0, -1, withscores=True) == [(b"i", float("-inf")), (BYTES, 1.5)],
    ),
    ({"type": "stream", "fields": [{"field": BINARY, "value": text("v")}]}, lambda raw: raw.xlen("k") == 1),
]


@pytest.mark.parametrize(("new", "holds"), NEW, ids=[str(new["type"]) for new, _ in NEW])
async def test_a_new_key_of_each_type(
    client: PluginClient, redis: Any, new: dict[str, Any], holds: Any
) -> None:
    answer = await client.post("/keys", json={**new, "name": text("k"), "ttlMs": 60_000})
    assert answer.status_code == 201
    assert answer.json()["type"] == new["type"]
    assert 0 < answer.json()["ttlMs"] <= 60_000
    assert holds(redis.raw)
    again = await client.post("/keys", json={**new, "name": text("k")})
    assert again.status_code == 409
    assert "exists already" in again.json()["detail"]


async def test_a_string_is_read_and_written(client: PluginClient, redis: Any) -> None:
    redis.raw.set("k", BYTES, px=60_000)
    page = (await client.get("/key/string", params=K)).json()
    assert page["value"] == {**BINARY, "size": 6, "truncated": False}
    change = {"value": text("grüße"), "ifTag": page["tag"]}
    assert (await client.put("/key/string", params=K, json=change)).json() == {"changed": 1, "length": 7}
    assert redis.raw.get("k") == "grüße".encode()
    assert redis.raw.pttl("k") > 0
    # The tag is of what stood there before.
    late = await client.put("/key/string", params=K, json={**change, "value": text("late")})
    assert late.status_code == 409
    assert redis.raw.get("k") == "grüße".encode()
    (
        await client.put("/key/string", params=K, json={"value": text("x"), "keepTtl": False})
    ).raise_for_status()
    assert redis.raw.pttl("k") == -1


async def test_a_string_does_not_replace_another_type(client: PluginClient, redis: Any) -> None:
    redis.raw.rpush("k", "a")
    answer = await client.put("/key/string", params=K, json={"value": text("x")})
    assert answer.status_code == 409
    assert "list" in answer.json()["detail"]
    assert redis.raw.lrange("k", 0, -1) == [b"a"]


async def test_hash_fields(client: PluginClient, redis: Any) -> None:
    redis.raw.hset("k", mapping={"one": "1", BYTES: BYTES})
    page = (await client.get("/key/hash", params=K)).json()
    assert page["total"] == 2
    fields = {item["field"]["data"]: item for item in page["fields"]}
    assert fields[BINARY["data"]]["value"]["data"] == BINARY["data"]
    found = (await client.get("/key/hash", params={**K, "pattern": "o*"})).json()["fields"]
    assert [item["field"]["data"] for item in found] == ["one"]

    change = {"field": text("one"), "value": text("2"), "ifTag": fields["one"]["tag"]}
    (await client.put("/key/hash/field", params=K, json=change)).raise_for_status()
    assert redis.raw.hget("k", "one") == b"2"
    assert (await client.put("/key/hash/field", params=K, json=change)).status_code == 409
    only_new = {"field": text("one"), "value": text("3"), "onlyNew": True}
    assert (await client.put("/key/hash/field", params=K, json=only_new)).status_code == 409
    body = {"fields": [BINARY, text("one")]}
    assert (await client.post("/key/hash/fields/remove", params=K, json=body)).json()["length"] == 0
    assert not redis.raw.exists("k")


async def test_a_busy_hash_can_be_edited(client: PluginClient, redis: Any) -> None:
    """Others count in a field of the same key all the time: that is no conflict with this one."""
    redis.raw.hset("k", mapping={"mine": "0", "counter": 0})
    done = asyncio.Event()
    raw = redis.raw

    async def count() -> None:
        while not done.is_set():
            raw.hincrby("k", "counter", 1)
            await asyncio.sleep(0.003)

    counting = asyncio.create_task(count())
    for number in range(40):
        field = (await client.get("/key/hash/field", params={**K, "field": "mine"})).json()
        change = {"field": text("mine"), "value": text(str(number)), "ifTag": field["tag"]}
        (await client.put("/key/hash/field", params=K, json=change)).raise_for_status()
    done.set()
    await counting
    assert redis.raw.hget("k", "mine") == b"39"
    assert int(redis.raw.hget("k", "counter")) > 0


async def test_list_elements(client: PluginClient, redis: Any) -> None:
    redis.raw.rpush("k", "a", "same", "same", BYTES)
    page = (await client.get("/key/list", params={**K, "offset": 1, "limit": 2})).json()
    assert [item["index"] for item in page["items"]] == [1, 2]
    assert page["nextOffset"] == 3
    query = {**K, "index": 2}
    tag = page["items"][1]["tag"]
    (
        await client.put("/key/list/item", params=query, json={"value": text("new"), "ifTag": tag})
    ).raise_for_status()
    assert redis.raw.lrange("k", 0, -1) == [b"a", b"same", b"new", BYTES]
    # Deletes that element, not the first of equal ones.
    redis.raw.lset("k", 2, "same")
    assert (await client.delete("/key/list/item", params={**query, "ifTag": tag})).json() == {
        "changed": 1,
        "length": 3,
    }
    assert redis.raw.lrange("k", 0, -1) == [b"a", b"same", BYTES]
    push = {"values": [text("y"), text("z")], "end": "head"}
    assert (await client.post("/key/list/items", params=K, json=push)).json()["length"] == 5
    assert redis.raw.lindex("k", 0) == b"z"


async def test_a_list_that_has_moved_on_is_left_alone(client: PluginClient, redis: Any) -> None:
    redis.raw.rpush("k", "job-1", "job-2")
    item = (await client.get("/key/list", params=K)).json()["items"][0]
    redis.raw.lpop("k")
    query = {**K, "index": item["index"]}
    answer = await client.delete("/key/list/item", params={**query, "ifTag": item["tag"]})
    assert answer.status_code == 409
    assert "Somebody else has changed" in answer.json()["detail"]
    change = {"value": text("x"), "ifTag": item["tag"]}
    assert (await client.put("/key/list/item", params=query, json=change)).status_code == 409
    assert redis.raw.lrange("k", 0, -1) == [b"job-2"]


async def test_set_members(client: PluginClient, redis: Any) -> None:
    members = {"members": [text("a"), BINARY]}
    assert (await client.post("/key/set/members", params=K, json=members)).json() == {
        "changed": 2,
        "length": 2,
    }
    found = (await client.get("/key/set", params=K)).json()
    assert {member["data"] for member in found["members"]} == {"a", BINARY["data"]}
    gone = await client.post("/key/set/members/remove", params=K, json={"members": [BINARY]})
    assert gone.json() == {"changed": 1, "length": 1}
    assert redis.raw.smembers("k") == {b"a"}


async def test_sorted_set_members(client: PluginClient, redis: Any) -> None:
    redis.raw.zadd("k", {"low": 1, "high": 2.5, BYTES: 0.1})
    page = (await client.get("/key/sorted-set", params={**K, "limit": 2})).json()
    assert [(one["member"]["data"], one["score"]) for one in page["members"]] == [
        (BINARY["data"], "0.10000000000000001"),
        ("low", "1"),
    ]
    assert page["nextOffset"] == 2
    down = (await client.get("/key/sorted-set", params={**K, "order": "descending"})).json()
    assert [one["score"] for one in down["members"]][:1] == ["2.5"]
    found = (await client.get("/key/sorted-set/matches", params={**K, "pattern": "hi*"})).json()["members"]
    assert [one["member"]["data"] for one in found] == ["high"]
    change = {"members": [{"member": text("low"), "score": "inf"}]}
    assert (await client.put("/key/sorted-set/members", params=K, json=change)).json() == {
        "changed": 1,
        "length": 3,
    }
    assert redis.raw.zscore("k", "low") == float("inf")
    gone = await client.post("/key/sorted-set/members/remove", params=K, json={"members": [text("low")]})
    assert gone.json() == {"changed": 1, "length": 2}


async def test_stream_entries_and_groups(client: PluginClient, redis: Any) -> None:
    for number in range(25):
        redis.raw.xadd("k", {"n": number}, id=f"1-{number + 1}")
    redis.raw.xgroup_create("k", "workers", "1-20")
    page = (await client.get("/key/stream", params={**K, "limit": 10})).json()
    assert [entry["id"] for entry in page["entries"]][:2] == ["1-25", "1-24"]
    seen = len(page["entries"])
    while page["nextAfter"]:
        page = (await client.get("/key/stream", params={**K, "limit": 10, "after": page["nextAfter"]})).json()
        seen += len(page["entries"])
    assert seen == 25
    oldest = (await client.get("/key/stream", params={**K, "order": "oldest", "after": "1-24"})).json()
    assert [entry["id"] for entry in oldest["entries"]] == ["1-25"]
    (group,) = (await client.get("/key/stream/groups", params=K)).json()
    assert group["name"]["data"] == "workers"
    # Redis 7.0 cannot tell it for a group that begins in the middle.
    assert group["lag"] in (5, None)
    pair = {"field": text("f"), "value": BINARY}
    added = (await client.post("/key/stream/entries", params=K, json={"fields": [pair]})).json()
    entry = (await client.get("/key/stream/entry", params={**K, "id": added["id"]})).json()
    assert entry["fields"][0]["value"]["data"] == BINARY["data"]
    assert (await client.delete("/key/stream/entry", params={**K, "id": added["id"]})).json()["changed"] == 1
    assert (await client.get("/key/stream/entry", params={**K, "id": added["id"]})).status_code == 404


async def test_what_is_not_base64_is_refused(client: PluginClient) -> None:
    answer = await client.put("/key/string", params=K, json={"value": {"data": "***", "encoding": "base64"}})
    assert answer.status_code == 422
    assert "not valid base64" in answer.json()["detail"]
    unpaired = b'{"value": {"data": "\\ud800"}}'
    headers = {"content-type": "application/json"}
    assert (await client.put("/key/string", params=K, content=unpaired, headers=headers)).status_code == 422
