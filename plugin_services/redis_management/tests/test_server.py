"""Server, clients, slow log."""

from __future__ import annotations

from typing import Any

import pytest
import redis as redis_library
from plugway_sdk.testing import PluginClient
from redis_management.hiding import HIDDEN, without_secrets


@pytest.mark.redis
async def test_the_overview(client: PluginClient, redis: Any) -> None:
    redis.raw.set("k", "v", ex=60)
    server = (await client.get("/server")).raise_for_status().json()
    assert server["role"] == "master"
    assert server["usedMemory"] > 0
    assert server["databaseCount"] == 16
    assert [(one["number"], one["keys"], one["expiring"]) for one in server["databases"]] == [(0, 1, 1)]
    memory = (await client.get("/memory")).json()
    assert memory["used"] > 0
    assert memory["policy"] == "noeviction"
    info = (await client.get("/server/info", params={"section": "replication"})).json()
    assert info["replication"]["role"] == "master"


@pytest.mark.redis
async def test_the_connection_is_told_and_tested(client: PluginClient, redis: Any) -> None:
    views = (await client.get("/connections")).json()
    assert views["default"] == "local"
    assert views["connections"] == [
        {
            "name": "local",
            "address": f"127.0.0.1:{redis.port}",
            "kind": "server",
            "database": 0,
            "tls": False,
            "username": "",
            "readOnly": False,
        }
    ]
    before = redis.raw.info("stats")["total_connections_received"]
    result = (await client.post("/connection/test")).json()
    assert result["ok"] is True
    assert result["milliseconds"] > 0
    # One by the test, one by the look at the figure.
    assert redis.raw.info("stats")["total_connections_received"] == before + 2


@pytest.mark.redis
async def test_clients_are_listed_and_killed(client: PluginClient, redis: Any) -> None:
    victim = redis_library.Redis(
        port=redis.port, client_name="victim", protocol=2, single_connection_client=True
    )
    victim.ping()
    listed = {one["name"]: one for one in (await client.get("/clients")).json()}
    assert listed["plugway"]["own"] is True
    assert listed["victim"]["own"] is False
    identity = listed["victim"]["id"]
    assert (await client.delete(f"/clients/{identity}")).json() == {"killed": identity}
    assert "victim" not in {one["name"] for one in (await client.get("/clients")).json()}
    assert (await client.delete(f"/clients/{identity}")).status_code == 404
    victim.close()


@pytest.mark.redis
async def test_the_slow_log(client: PluginClient, redis: Any) -> None:
    redis.raw.config_set("slowlog-log-slower-than", 0)
    redis.raw.set("k", b"\xff" * 1000)
    redis.raw.config_set("slowlog-log-slower-than", -1)
    log = (await client.get("/slow-log")).json()
    assert log["thresholdMicroseconds"] == -1
    # Redis itself cuts words at 128 bytes.
    entry = next(entry for entry in log["entries"] if entry["words"][0]["data"] == "SET")
    assert entry["words"][2]["encoding"] == "base64"
    assert (await client.delete("/slow-log")).json()["removed"] >= 1
    assert (await client.get("/slow-log")).json()["entries"] == []


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("AUTH ann pw", "AUTH * *"),
        ("auth pw", "auth *"),
        ("HELLO 3 AUTH ann pw SETNAME x", "HELLO 3 AUTH * * SETNAME x"),
        ("MIGRATE h 1 k 0 5 AUTH pw KEYS k", "MIGRATE h 1 k 0 5 AUTH * KEYS k"),
        ("MIGRATE h 1 k 0 5 AUTH2 u pw", "MIGRATE h 1 k 0 5 AUTH2 * *"),
        ("ACL SETUSER ann on >pw ~*", "ACL SETUSER ann on * ~*"),
        ("CONFIG SET requirepass pw", "CONFIG SET requirepass *"),
        ("CONFIG SET masterauth pw maxmemory 1", "CONFIG SET masterauth * maxmemory 1"),
        ("GET key", "GET key"),
        ("", ""),
    ],
)
def test_the_slow_log_hides_passwords(command: str, shown: str) -> None:
    words = without_secrets(command.encode().split())
    assert b" ".join(words) == shown.encode().replace(b" *", b" " + HIDDEN).replace(HIDDEN + b"~", b"*~") or (
        words == [HIDDEN if word == "*" else word.encode() for word in shown.split()]
    )
