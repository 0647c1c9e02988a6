"""Pub/sub and MONITOR as they happen: bounded, counted, ended, and without passwords."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient
from redis_management import taps
from redis_management.monitor import command_of, words_of
from redis_management.pools import Pools
from redis_management.pubsub import message_of
from redis_management.settings import Connection
from redis_management.taps import Tap

from tests.shipped.servers import eventually

PATIENCE = 30


def text(items: list[Any], part: str) -> list[str]:
    return [item[part]["data"] for item in items]


async def next_items(events: AsyncIterator[Any]) -> tuple[list[Any], int]:
    """The next messages, and how many were dropped before them."""
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            data = event.json()
            if event.event == "messages" and (data["items"] or data["dropped"]):
                return data["items"], data["dropped"]
    raise AssertionError("the stream ended")


async def until_end(events: AsyncIterator[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            if event.event == "end":
                return event.json()
    raise AssertionError("no end was told")


@pytest.mark.redis
async def test_what_is_published_is_heard_and_an_outage_told(client: PluginClient, redis: Any) -> None:
    query = {"channel": "news", "pattern": "sport:*"}
    async with (
        client.stream("GET", "/pubsub/messages", params=query) as answer,
        aclosing(answer.aiter_events()) as events,
    ):
        assert answer.status_code == 200
        channels = (await client.get("/pubsub/channels")).json()
        assert [(one["name"]["data"], one["subscribers"]) for one in channels["channels"]] == [("news", 1)]
        assert channels["patterns"] == 1
        body = {"channel": {"data": "news"}, "message": {"data": "grüße"}}
        assert (await client.post("/pubsub/messages", json=body)).json() == {"receivers": 1}
        redis.raw.publish("sport:ski", b"\xff\x00")
        redis.raw.publish("other", "not for us")
        items, _ = await next_items(events)
        while len(items) < 2:
            items += (await next_items(events))[0]
        assert text(items, "channel") == ["news", "sport:ski"]
        assert items[0]["data"]["data"] == "grüße"
        assert items[1]["data"]["encoding"] == "base64"
        assert items[1]["pattern"]["data"] == "sport:*"
        redis.kill()
        end = await until_end(events)
        assert end["reason"] == "lost"
        assert "closed the connection" in end["message"]


@pytest.mark.redis
async def test_who_leaves_leaves_nothing_behind(client: PluginClient, redis: Any) -> None:
    for path in ("/pubsub/messages?pattern=*", "/monitor?seconds=60"):
        async with client.stream("GET", path) as answer:
            assert answer.status_code == 200

        async def gone() -> bool:
            flags = {one["flags"] for one in await asyncio.to_thread(redis.raw.client_list)}
            return not flags & {"P", "O"} and Tap.open_now == 0

        await eventually(gone, PATIENCE)


@pytest.mark.redis
async def test_monitor_shows_commands_without_passwords_and_ends(client: PluginClient, redis: Any) -> None:
    async with (
        client.stream("GET", "/monitor", params={"seconds": 4, "contains": "SEEN"}) as answer,
        aclosing(answer.aiter_events()) as events,
    ):
        raw = redis.raw
        raw.set("seen", b'\x00"quoted"\n')
        raw.set("not this", "x")
        with pytest.raises(Exception, match="IOERR"):
            raw.execute_command("MIGRATE", "127.0.0.1", "1", "seen", "0", "5", "AUTH", "hunter2")
        items: list[Any] = []
        while len(items) < 2:
            items += (await next_items(events))[0]
        assert [word["data"] for word in items[0]["words"]] == ["SET", "seen", '\x00"quoted"\n']
        assert "hunter2" not in str(items)
        assert "(hidden)" in str(items)
        assert (await until_end(events))["reason"] == "time"


@pytest.mark.redis
async def test_what_comes_too_fast_is_dropped_and_counted(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taps, "MOST_WAITING", 10)
    connection = Connection(url=redis.url)
    pools = Pools(connection)
    tap = Tap(connection, message_of)
    await tap.begin(pools, "", ("SUBSCRIBE", "flood"), answers=1)
    async with aclosing(tap.events()) as events:
        await anext(events)
        pipe = redis.raw.pipeline(transaction=False)
        for number in range(500):
            pipe.publish("flood", number)
        pipe.execute()
        shown = dropped = 0
        while shown + dropped < 500:
            async with asyncio.timeout(PATIENCE):
                data = json.loads((await anext(events)).split("data: ", 1)[1])
            assert len(data["items"]) <= 10
            shown, dropped = shown + len(data["items"]), dropped + data["dropped"]
        assert dropped > 0
        assert shown + dropped == 500
    await pools.close()


@pytest.mark.redis
async def test_a_silent_redis_is_told_and_too_many_listeners_are_refused(
    redis: Any, open_plugin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = Connection(url=redis.url)
    pools = Pools(connection)
    tap = Tap(connection, message_of, heartbeat=0.1)
    await tap.begin(pools, "", ("SUBSCRIBE", "c"), answers=1)
    monkeypatch.setattr(taps, "MOST_TAPS", 1)
    async with open_plugin(redis) as client:
        refused = await client.get("/pubsub/messages?channel=c")
        assert refused.status_code == 503
        assert "Too many pages listen" in refused.json()["detail"]
        assert (await client.get("/pubsub/messages")).status_code == 422
    redis.send(signal.SIGSTOP)
    try:
        async with asyncio.timeout(PATIENCE):
            *_, last = [event async for event in tap.events()]
        assert "did not answer in time" in last
    finally:
        redis.send(signal.SIGCONT)
    await pools.close()


@pytest.mark.redis
async def test_what_redis_does_not_allow_is_a_problem_and_no_stream(redis: Any, open_plugin: Any) -> None:
    redis.raw.acl_setuser("deaf", enabled=True, passwords=["+pw"], commands=["+@connection"], keys=["*"])
    async with open_plugin(redis, username="deaf", password="pw") as client:
        for path in ("/pubsub/messages?channel=c", "/monitor"):
            answer = await client.get(path)
            assert answer.status_code == 403, answer.text
            assert answer.headers["content-type"] == "application/problem+json"


def test_lines_of_monitor_are_read() -> None:
    line = rb'1700000000.250000 [3 127.0.0.1:5] "set" "a\"b\\" "\xff\n"'
    assert words_of(line) == [b"set", b'a"b\\', b"\xff\n"]
    command = command_of(line)
    assert command is not None
    assert (command["at"], command["database"], command["client"]) == (1700000000.25, 3, "127.0.0.1:5")
    assert command_of(line, b"other") is None
    for other in (b"OK", b"+PONG", 5, None, [b"pong", b""]):
        assert command_of(other) is None
        assert message_of(other) is None
    many = command_of(b"1.0 [0 lua] " + b'"w" ' * 100)
    assert many is not None
    assert (len(many["words"]), many["more"]) == (24, 76)
