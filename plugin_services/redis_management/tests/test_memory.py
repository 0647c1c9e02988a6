"""Where the memory goes: right sums, a bounded sample, told on the way, ended by leaving."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugway_sdk.testing import PluginClient
from redis_management import memory_analysis, memory_groups
from redis_management.memory_groups import OTHERS, Groups, shape_of

from tests.shipped.servers import eventually


async def analysed(client: PluginClient, **query: Any) -> tuple[list[Any], Any]:
    async with client.stream("GET", "/memory/analysis", params=query) as answer:
        assert answer.status_code == 200
        events = [event async for event in answer.aiter_events()]
    return [event.json() for event in events if event.event == "progress"], events[-1].json()


def calls(redis: Any) -> int:
    return int(redis.raw.info("commandstats").get("cmdstat_memory|usage", {"calls": 0})["calls"])


@pytest.mark.redis
async def test_all_keys_by_name_and_type(client: PluginClient, redis: Any) -> None:
    raw = redis.raw
    raw.mset({f"user:{number}:name": "x" * 100 for number in range(300)})
    raw.hset("cart:1", mapping={"a": "x" * 5000})
    progress, end = await analysed(client)
    assert end == {"reason": "all", "message": ""}
    last = progress[-1]
    assert (last["lookedAt"], last["total"]["keys"]) == (301, 301)
    by_shape = {one["shape"]["data"]: one for one in last["shapes"]}
    assert {name: one["keys"] for name, one in by_shape.items()} == {"user:*:name": 300, "cart:*": 1}
    assert by_shape["cart:*"]["bytes"] == raw.memory_usage("cart:1")
    assert {one["type"]: one["keys"] for one in last["types"]} == {"string": 300, "hash": 1}
    assert last["largest"][0]["name"]["data"] == "cart:1"
    only, _ = await analysed(client, pattern="cart:*")
    assert only[-1]["total"]["keys"] == 1


@pytest.mark.redis
async def test_a_sample_is_bounded_and_leaving_ends_it(
    client: PluginClient, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.raw.execute_command("DEBUG", "POPULATE", 300_000, "key", 16)
    progress, end = await analysed(client, sample=1000)
    assert end["reason"] == "sample"
    assert 1000 <= progress[-1]["total"]["keys"] <= 1200
    assert calls(redis) == progress[-1]["total"]["keys"]
    assert progress[-1]["databaseKeys"] == 300_000
    monkeypatch.setattr(memory_analysis, "EVERY", 0)
    async with client.stream("GET", "/memory/analysis", params={"sample": 1_000_000}) as answer:
        await anext(answer.aiter_events())
    seen = -1

    async def settled() -> bool:
        nonlocal seen
        before, seen = seen, await asyncio.to_thread(calls, redis)
        return before == seen

    await eventually(settled, 30)
    assert seen < 100_000
    monkeypatch.setattr(memory_analysis, "LONGEST", 0)
    assert (await analysed(client, sample=1_000_000))[1]["reason"] == "time"
    redis.raw.acl_setuser("default", commands=["-memory"])
    assert (await analysed(client))[1]["reason"] == "lost"
    monkeypatch.setattr(memory_analysis, "AT_ONCE", 0)
    assert (await client.get("/memory/analysis")).status_code == 503


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("counter", "counter"),
        ("user:17", "user:*"),
        ("user:17:cart", "user:*:cart"),
        ("session:9f86d081884c7d65", "session:*"),
        ("job:123e4567-e89b-12d3-a456-426614174000:log", "job:*:log"),
        ("a:b:c:d:e", "a:b:c:*"),
        ("", ""),
    ],
)
def test_shapes(name: str, shape: str) -> None:
    assert shape_of(name.encode(), b":", 3) == shape.encode()


@given(st.lists(st.tuples(st.binary(max_size=12), st.integers(1, 10**6)), max_size=200))
def test_sums_add_up_and_stay_bounded(keys: list[tuple[bytes, int]]) -> None:
    groups = Groups()
    for name, size in keys:
        groups.add(name, "string", size)
    assert groups.total.size == sum(size for _, size in keys)
    assert sum(one.size for _, one in groups.heaviest(5)) == groups.total.size
    assert len(groups.heaviest(5)) <= 6
    assert len(groups.largest) <= memory_groups.LARGEST


def test_more_shapes_than_are_told_apart_count_as_one() -> None:
    groups = Groups()
    for number in range(memory_groups.SHAPES + 100):
        groups.add(b"x" * 20 + bytes(chr(97 + number % 26) * (number // 26), "ascii"), "string", 1)
    assert len(groups.shapes) <= memory_groups.SHAPES + 1
    assert groups.total.keys == memory_groups.SHAPES + 100
    assert OTHERS not in dict(groups.heaviest(10**6)) or len(groups.shapes) > memory_groups.SHAPES - 1
