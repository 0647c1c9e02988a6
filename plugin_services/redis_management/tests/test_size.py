"""Big things must not hurt: bounded work for each request, whatever lies in Redis."""

from __future__ import annotations

import time
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient

pytestmark = pytest.mark.redis
MILLION = 1_000_000
K = {"key": "k"}


def commands(redis: Any) -> dict[str, int]:
    """How often Redis has run which command."""
    return {
        name.removeprefix("cmdstat_"): facts["calls"]
        for name, facts in redis.raw.info("commandstats").items()
    }


async def test_a_million_keys(client: PluginClient, redis: Any) -> None:
    redis.raw.execute_command("DEBUG", "POPULATE", MILLION, "user", 16)
    redis.raw.set("needle:1", "found")
    (await client.get("/connections")).raise_for_status()
    redis.raw.config_resetstat()

    began = time.perf_counter()
    page = (await client.get("/keys")).raise_for_status().json()
    taken = time.perf_counter() - began
    assert page["scans"] == commands(redis)["scan"] == 1
    assert 100 <= len(page["keys"]) <= 200
    assert page["total"] == MILLION + 1
    # The goal is 0.3 s; what it takes here is about 0.02 s, so this holds on a busy machine too.
    assert taken < 2

    # A page of a pattern that matches next to nothing ends at its budget, and can be gone on with.
    redis.raw.config_resetstat()
    page = (await client.get("/keys", params={"pattern": "needle:*"})).json()
    assert page["scans"] == commands(redis)["scan"] <= 50
    assert page["lookedAt"] <= 50_000
    pages, found = 1, list(page["keys"])
    while page["cursor"] != "0":
        query = {"pattern": "needle:*", "cursor": page["cursor"]}
        page = (await client.get("/keys", params=query)).json()
        assert page["scans"] <= 50
        pages, found = pages + 1, found + page["keys"]
    assert [key["name"]["data"] for key in found] == ["needle:1"]
    assert pages >= 20
    assert "keys" not in commands(redis)


async def test_a_large_string_is_paged_between_characters(client: PluginClient, redis: Any) -> None:
    whole = "grüße \U0001f511 " * 100_000
    redis.raw.set("k", whole)
    text, pages = "", 0
    offset: int | None = 0
    while offset is not None:
        page = (await client.get("/key/string", params={**K, "offset": offset, "limit": 300_001})).json()
        assert page["value"]["encoding"] == "utf-8"
        assert page["value"]["size"] <= 300_001
        assert page["tag"] is None
        text += page["value"]["data"]
        offset, pages = page["nextOffset"], pages + 1
    assert text == whole
    assert pages == 5


async def test_a_huge_hash_is_paged(client: PluginClient, redis: Any) -> None:
    fill = "for n=1,200000 do redis.call('HSET', KEYS[1], 'field'..n, n) end"
    redis.raw.eval(fill, 1, "k")
    redis.raw.config_resetstat()
    page = (await client.get("/key/hash", params=K)).json()
    assert 100 <= len(page["fields"]) <= 300
    assert commands(redis)["hscan"] == 1
    sparse = (await client.get("/key/hash", params={**K, "pattern": "field199999"})).json()
    assert commands(redis)["hscan"] <= 51
    assert len(sparse["fields"]) <= 1
    names, cursor = set(), "0"
    while True:
        page = (await client.get("/key/hash", params={**K, "cursor": cursor, "limit": 1000})).json()
        names |= {item["field"]["data"] for item in page["fields"]}
        cursor = page["cursor"]
        if cursor == "0" or len(names) > 10_000:
            break
    assert len(names) > 10_000


async def test_a_huge_list_is_paged_from_anywhere(client: PluginClient, redis: Any) -> None:
    redis.raw.eval("for n=0,499999 do redis.call('RPUSH', KEYS[1], n) end", 1, "k")
    page = (await client.get("/key/list", params={**K, "offset": 250_000})).json()
    assert len(page["items"]) == 100
    assert page["items"][0]["value"]["data"] == "250000"
    end = (await client.get("/key/list", params={**K, "offset": 499_950})).json()
    assert len(end["items"]) == 50
    assert end["nextOffset"] is None
    assert (await client.get("/key/list", params={**K, "offset": 900_000})).json()["items"] == []


async def test_large_elements_make_smaller_pages_and_previews(client: PluginClient, redis: Any) -> None:
    for number in range(40):
        redis.raw.rpush("k", bytes([65 + number % 26]) * 1_000_000)
    redis.raw.config_resetstat()
    page = (await client.get("/key/list", params=K)).json()
    assert 1 <= len(page["items"]) <= 9
    assert page["nextOffset"] == len(page["items"])
    first = page["items"][0]["value"]
    assert first["truncated"] is True
    assert first["size"] == 1_000_000
    assert len(first["data"]) == 4096
    item = (await client.get("/key/list/item", params={**K, "index": 0, "limit": 1_048_576})).json()
    assert item["value"]["data"] == "A" * 1_000_000
    assert item["tag"] == page["items"][0]["tag"]


async def test_a_large_value_is_saved_and_read_back(client: PluginClient, redis: Any) -> None:
    value = "x" * 3_000_000
    (await client.put("/key/string", params=K, json={"value": {"data": value}})).raise_for_status()
    assert redis.raw.strlen("k") == 3_000_000


async def test_deleting_by_pattern_is_done_in_steps(client: PluginClient, redis: Any) -> None:
    redis.raw.execute_command("DEBUG", "POPULATE", 120_000, "tmp", 8)
    redis.raw.set("kept", 1)
    order = {"pattern": "tmp:*", "confirm": "tmp:*", "atMost": 120_000}
    deleted, cursor, steps = 0, "0", 0
    while True:
        answer = await client.post("/keys/delete-matching", json={**order, "cursor": cursor})
        step = answer.raise_for_status().json()
        deleted, cursor, steps = deleted + step["deleted"], step["cursor"], steps + 1
        if cursor == "0":
            break
    assert deleted == 120_000
    assert steps >= 2
    assert redis.raw.keys() == [b"kept"]
