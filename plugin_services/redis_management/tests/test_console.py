"""The console: runs what is harmless, asks for the rest by name, refuses what nobody should do here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugway_sdk.testing import PluginClient
from redis_management.command_line import split
from redis_management.problems import Refused


async def run(client: PluginClient, line: str, confirm: str = "") -> Any:
    return await client.post("/console", json={"line": line, "confirm": confirm})


async def reply(client: PluginClient, line: str, confirm: str = "") -> Any:
    return (await run(client, line, confirm)).raise_for_status().json()["reply"]


@pytest.mark.redis
async def test_answers_of_every_kind(client: PluginClient, redis: Any) -> None:
    assert (await reply(client, r'SET "a key" "\xff\n"'))["text"]["data"] == "OK"
    assert redis.raw.get("a key") == b"\xff\n"
    assert (await reply(client, "get 'a key'"))["text"]["encoding"] == "base64"
    assert (await reply(client, "GET missing"))["kind"] == "nothing"
    assert (await reply(client, "INCR n"))["number"] == 1
    assert "not an integer" in (await reply(client, "INCR 'a key'"))["error"]
    redis.raw.rpush("l", *range(5000))
    shown = await reply(client, "LRANGE l 0 -1")
    assert (shown["length"], len(shown["items"])) == (5000, 1999)
    nested = await reply(client, "COMMAND INFO get")
    assert nested["items"][0]["items"][0]["text"]["data"] == "get"
    assert (await reply(client, "xread count 1 streams s 0"))["kind"] == "nothing"
    assert (await reply(client, "DBSIZE"))["number"] == 3


REFUSED = (
    "SUBSCRIBE c", "MONITOR", "multi", "SELECT 1", "AUTH x", "SHUTDOWN NOSAVE", "DEBUG SLEEP 5",
    "REPLICAOF h 1", "BLPOP l 0", "XREAD BLOCK 0 STREAMS s $", "WAIT 1 0", "ACL SETUSER ann >pw", "acl list",
    "CONFIG GET *", "CONFIG SET maxmemory 1", "CLIENT REPLY OFF", "CLIENT PAUSE 9999", "CLUSTER RESET",
    "MIGRATE h 1 k 0 5 AUTH pw", "NOSUCH", "MODULE LOAD /x", "", "   ", "'open",
)  # fmt: skip
ASKED_FOR = {
    "FLUSHALL": "FLUSHALL", "keys *": "KEYS", "EVAL 'return 1' 0": "EVAL", "SWAPDB 0 1": "SWAPDB",
    "CLIENT KILL ID 99999": "CLIENT KILL", "config resetstat": "CONFIG RESETSTAT",
    "ACL LOG RESET": "ACL LOG", "SAVE": "SAVE", "SLOWLOG RESET": "SLOWLOG RESET",
}  # fmt: skip


@pytest.mark.redis
async def test_what_is_refused_whatever_is_confirmed(client: PluginClient, redis: Any) -> None:
    for line in REFUSED:
        name = " ".join(line.upper().split()[:2])
        for confirm in ("", name, name.split(" ", 1)[0]):
            answer = await run(client, line, confirm)
            assert answer.status_code == 422, (line, answer.text)
    assert redis.raw.ping()
    assert redis.raw.role()[0] == b"master"


@pytest.mark.redis
async def test_what_can_do_harm_is_asked_for_by_name(client: PluginClient, redis: Any) -> None:
    for line, name in ASKED_FOR.items():
        redis.raw.set("k", "v")
        asked = await run(client, line)
        assert asked.status_code == 409, asked.text
        assert asked.json()["type"] == "urn:plugway:redis:confirm-by-name"
        assert name in asked.json()["hint"]
        assert (await run(client, line, "yes")).status_code == 409
        assert redis.raw.exists("k")
        (await run(client, line, name.lower())).raise_for_status()


@pytest.mark.redis
async def test_read_only_runs_what_only_reads(redis: Any, open_plugin: Any) -> None:
    redis.raw.set("k", "v")
    before = redis.raw.execute_command("DEBUG", "DIGEST")
    async with open_plugin(redis, readOnly=True) as client:
        for line in ("GET k", "SCAN 0", "INFO server", "CLIENT LIST", "TTL k", "COMMAND COUNT", "ECHO hi"):
            (await run(client, line)).raise_for_status()
        for line, name in (
            ("SET k x", ""), ("EVAL 'return redis.call(\"DEL\",KEYS[1])' 1 k", "EVAL"),
            ("FLUSHDB", "FLUSHDB"), ("CONFIG RESETSTAT", "CONFIG RESETSTAT"), ("PUBLISH c m", ""),
            ("GETDEL k", ""), ("SORT k STORE z", "SORT"), ("SCRIPT FLUSH", "SCRIPT FLUSH"),
            ("CLIENT KILL ID 1", "CLIENT KILL"), ("ACL LOG RESET", "ACL LOG"),
        ):  # fmt: skip
            answer = await run(client, line, name)
            assert answer.status_code == 403, (line, answer.text)
            assert answer.json()["type"] == "urn:plugway:redis:read-only"
    assert redis.raw.execute_command("DEBUG", "DIGEST") == before


@pytest.mark.redis
async def test_an_answer_that_is_too_large_is_given_up_and_no_connection_stays(
    client: PluginClient, redis: Any
) -> None:
    redis.raw.set("big", b"x" * (17 << 20))
    answer = await run(client, "GET big")
    assert answer.status_code == 422
    assert "too large" in answer.json()["detail"]
    assert (await reply(client, "GETRANGE big 0 2"))["text"]["data"] == "xxx"
    assert [one for one in redis.raw.client_list() if one["name"] == "plugway"] == []


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5))
def test_a_line_gives_back_the_words_that_were_quoted_into_it(words: list[bytes]) -> None:
    line = " ".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in words)
    assert split(line) == words


@given(st.text(max_size=60))
def test_any_line_is_taken_apart_or_refused(line: str) -> None:
    try:
        assert split(line)
    except Refused:
        pass
    except UnicodeEncodeError:
        raise AssertionError(line) from None
