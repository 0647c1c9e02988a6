"""Export and import: every type there and back, told what is replaced, cut files, outages, flat memory."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugway_sdk.testing import PluginClient
from redis_management import transfer_format
from redis_management.transfer_format import BadLine, lines_of, read_line

from tests.shipped.servers import eventually

pytestmark = pytest.mark.redis


def fill(raw: Any) -> None:
    raw.set("text", "grüße")
    raw.set(b"\xff\x00", b"\x00binary", px=600_000)
    raw.hset("hash", mapping={"a": "1", "b": "2"})
    raw.rpush("list", *range(300))
    raw.sadd("set", "x", "y")
    raw.zadd("zset", {"m": 1.5})
    raw.xadd("stream", {"f": "v"}, id="1-1")
    raw.xgroup_create("stream", "group", id="0")


async def parts_of(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 1 << 20):
        yield content[at : at + (1 << 20)]


async def imported(client: PluginClient, content: Any, **query: Any) -> Any:
    if isinstance(content, bytes):
        content = parts_of(content)
    answer = await client.post("/import", params=query, content=content)
    return answer.raise_for_status().json()


async def test_every_type_goes_out_and_comes_back(client: PluginClient, redis: Any) -> None:
    raw = redis.raw
    fill(raw)
    before = raw.execute_command("DEBUG", "DIGEST")
    exported = await client.get("/export")
    assert exported.headers["content-type"] == "application/x-ndjson"
    assert 'filename="redis-local-' in exported.headers["content-disposition"]
    head, *_, end = [json.loads(line) for line in exported.text.splitlines()]
    assert (head["format"], head["version"], head["pattern"]) == ("plugway-redis-keys", 1, "*")
    assert end == {"end": True, "keys": 7, "skipped": 0}
    raw.flushall()
    dry = await imported(client, exported.content, dryRun="true")
    assert (dry["restored"], dry["dryRun"], raw.dbsize()) == (7, True, 0)
    outcome = await imported(client, exported.content)
    assert (outcome["restored"], outcome["failed"], outcome["complete"]) == (7, 0, True)
    assert raw.execute_command("DEBUG", "DIGEST") == before
    assert 0 < raw.pttl(b"\xff\x00") <= 600_000
    assert raw.xinfo_groups("stream")[0]["name"] == b"group"


async def test_what_exists_is_kept_or_replaced_as_was_said(client: PluginClient, redis: Any) -> None:
    raw = redis.raw
    raw.mset({"a:1": "old", "a:2": "old", "b:1": "other"})
    exported = (await client.get("/export", params={"pattern": "a:*"})).content
    raw.set("a:1", "new")
    raw.delete("a:2")
    dry = await imported(client, exported, existing="replace", dryRun="true")
    assert (dry["replaced"], dry["restored"]) == (1, 1)
    kept = await imported(client, exported)
    assert (kept["kept"], kept["restored"], raw.get("a:1")) == (1, 1, b"new")
    # Again: nothing is left to do.
    assert (await imported(client, exported))["kept"] == 2
    replaced = await imported(client, exported, existing="replace")
    assert (replaced["replaced"], raw.get("a:1"), raw.get("b:1")) == (2, b"old", b"other")


async def test_damaged_cut_and_foreign_files_are_told(client: PluginClient, redis: Any) -> None:
    redis.raw.set("good", "1")
    redis.raw.set("gone", "1", px=100_000)
    head, first, second, _ = (await client.get("/export")).text.splitlines()
    records = {record["key"]: record for record in map(json.loads, (first, second))}
    good, gone = records["good"], {**records["gone"], "expiresAt": int(time.time() * 1000) - 5}
    dump = base64.b64decode(good["dump"])
    damaged = {**good, "key": "damaged", "dump": base64.b64encode(dump[:-1] + b"\x01").decode()}
    redis.raw.flushall()
    lines = [head, *map(json.dumps, (good, gone, damaged)), "{", "[1]", '{"key": "x", "dump": 5}', ""]
    outcome = await imported(client, "\n".join(lines))
    assert (outcome["restored"], outcome["expired"], outcome["failed"]) == (1, 1, 4)
    assert outcome["complete"] is False
    assert [one["line"] for one in outcome["failures"]] == [5, 6, 7, 4]
    assert "damaged, or of a newer Redis" in outcome["failures"][-1]["reason"]
    assert redis.raw.keys() == [b"good"]
    for other in ("", "hello", '{"format": "other"}', head.replace('"version":1', '"version":9')):
        answer = await client.post("/import", content=other)
        assert answer.status_code == 422, other


async def test_keys_that_are_too_large_are_left_out_and_told(
    client: PluginClient, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis_management import export

    monkeypatch.setattr(export, "LARGEST_KEY", 10_000)
    redis.raw.set("large", "x" * 20_000)
    redis.raw.set("small", "x")
    text = (await client.get("/export")).text
    assert json.loads(text.splitlines()[-1]) == {"end": True, "keys": 1, "skipped": 1}
    assert (await imported(client, text))["skipped"] == 1


async def test_redis_that_goes_away_on_the_way_is_told(client: PluginClient, redis: Any) -> None:
    value = random.Random(3).randbytes(5000)
    redis.raw.mset({f"k:{number}": value for number in range(3000)})
    exported = (await client.get("/export")).content
    redis.raw.flushall()

    async def a_thousand() -> bool:
        return bool(await asyncio.to_thread(redis.raw.dbsize) >= 1000)

    async def broken_off() -> AsyncIterator[bytes]:
        sent = 0
        async for part in parts_of(exported):
            yield part
            sent += 1
            if sent == 11:
                await eventually(a_thousand, 30)
                await asyncio.to_thread(redis.kill)

    answer = await client.post("/import", content=broken_off())
    assert answer.status_code == 503, answer.text
    assert "keys were imported before" in answer.json()["detail"]
    assert "At least 0 keys" not in answer.json()["detail"]
    assert (await client.get("/export")).status_code == 503
    redis.start()
    assert (await imported(client, exported))["restored"] == 3000
    # An export that breaks off says so in its last line, and has no end.
    async with client.stream("GET", "/export") as answer:
        lines = answer.aiter_lines()
        await anext(lines)
        await asyncio.to_thread(redis.kill)
        *_, last = [line async for line in lines]
    assert "error" in json.loads(last)


async def test_a_large_file_passes_with_flat_memory(client: PluginClient, redis: Any) -> None:
    value = random.Random(5).randbytes(120_000)
    pipe = redis.raw.pipeline(transaction=False)
    for number in range(600):
        pipe.set(f"k:{number}", value)
    pipe.execute()  # 72 MB of values
    tracemalloc.start()
    try:
        received = 0

        async def passing() -> AsyncIterator[bytes]:
            nonlocal received
            async with client.stream("GET", "/export") as answer:
                async for part in answer.aiter_bytes():
                    received += len(part)
                    yield part

        outcome = await imported(client, passing(), existing="replace", dryRun="true")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome["replaced"] == 600
    assert peak < 64 << 20
    assert received > 0


@given(
    st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=8), st.integers(1, 9)
)
async def test_lines_come_whole_however_they_are_cut(lines: list[bytes], size: int) -> None:
    whole = b"\n".join(lines)

    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(whole), size):
            yield whole[at : at + size]

    found = [line async for line in lines_of(parts())]
    assert b"\n".join(found) == whole.removesuffix(b"\n")


async def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_format, "LONGEST_LINE", 100)

    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 50

    with pytest.raises(transfer_format.Refused):
        [line async for line in lines_of(parts())]


@given(st.binary(max_size=60))
def test_any_line_is_read_or_refused(text: bytes) -> None:
    with suppress(BadLine):
        read_line(1, text)
