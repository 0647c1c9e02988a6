"""Nodes that are found and not named: by the relay alone, and in a container, with real Redis servers.

What is missing is told with a command, and the command is all that it takes.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from gateway.egress.destinations import destination
from gateway.egress.relay import Relay
from plugin_services.redis_management.tests.test_cluster import Cluster, cluster, started
from plugin_services.redis_management.tests.test_sentinel import SECRET, Sentinel
from tests.command import plugway
from tests.parts import need_docker
from tests.running import gateway
from tests.shipped.relay import grant, relay

__all__ = ["cluster", "relay", "started"]  # fixtures

pytestmark = [pytest.mark.redis, pytest.mark.timeout(240)]
ID = "redis-management"
BEGINS = f"plugway configure {ID} "


def command_of(problem: dict[str, Any]) -> list[str]:
    """The arguments of the command that the hint names."""
    _, found, command = problem["hint"].partition(BEGINS)
    assert found, problem
    return ["configure", ID, *shlex.split(command)]


def connections_of(problem: dict[str, Any]) -> Any:
    return json.loads(command_of(problem)[2].removeprefix("connections="))


async def test_the_refusal_names_all_nodes_that_are_missing_and_keeps_the_rest(
    relay: Relay, cluster: Cluster, open_plugin: Any
) -> None:
    first, *others = cluster.servers
    await grant(relay, destination("127.0.0.1", first.port))
    one = {"url": first.url, "kind": "cluster", "commandTimeout": 7, "password": ""}
    two = {"url": "redis://elsewhere.example:1", "readOnly": True}
    async with open_plugin(connections={"main": one, "two": two}) as client:
        answer = await client.get("/keys")
        assert answer.status_code == 503
        problem = answer.json()
        assert "leads to 127.0.0.1:" in problem["detail"]
        assert "was not granted" in problem["detail"]
        missing = sorted(f"127.0.0.1:{server.port}" for server in others)
        assert f"Add {', '.join(missing)} to" in problem["hint"]
        assert connections_of(problem) == {
            "main": {"url": first.url, "kind": "cluster", "commandTimeout": 7, "nodes": missing},
            "two": two,
        }
        # What lies on the node that is named goes on, and who there is can be seen.
        assert (await client.get("/server")).status_code == 200
        assert len((await client.get("/nodes")).json()["nodes"]) == 3

        assert (await client.configure({"connections": connections_of(problem)})).accepted
        await grant(relay, *(destination("127.0.0.1", server.port) for server in cluster.servers))
        assert (await client.get("/keys")).json()["total"] == 0


async def test_an_address_that_settings_name_and_nobody_saved_is_told_as_that(
    relay: Relay, redis: Any, open_plugin: Any
) -> None:
    async with open_plugin(redis) as client:
        problem = (await client.get("/keys")).json()
        assert f"Nobody has saved settings that name 127.0.0.1:{redis.port}" in problem["hint"]
        assert connections_of(problem) == {"local": {"url": redis.url}}
        # A command that nobody would copy is left out.
        long = {"url": redis.url, "caCertificate": "-----BEGIN CERTIFICATE-----" + "x" * 2000}
        assert (await client.configure({"connections": {"local": long}})).accepted
        assert "plugway configure" not in (await client.get("/keys")).json()["hint"]


@pytest.mark.docker
@pytest.mark.slow
async def test_in_a_container_the_command_is_all_that_it_takes(
    cluster: Cluster, start_redis: Any, tmp_path: Path
) -> None:
    need_docker()
    primary = await asyncio.to_thread(start_redis, "--requirepass", "hunter2")
    (directory := tmp_path / "sentinel").mkdir()
    sentinel = Sentinel(directory, primary)
    with (directory / "sentinel.conf").open("a") as file:
        file.write("sentinel auth-pass main hunter2\n")
    await asyncio.to_thread(sentinel.start)
    watched = {
        "url": sentinel.url, "kind": "sentinel", "primaryName": "main",
        "sentinelPassword": SECRET, "password": "hunter2",
    }  # fmt: skip
    settings = {"cluster": {"url": cluster.servers[0].url, "kind": "cluster"}, "watched": watched}
    try:
        async with gateway(tmp_path / "home", "docker", {"PLUGWAY_INSTALL": ID}) as running:
            words = {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(running.home)}

            async def keys(connection: str) -> Any:
                return await running.client.get(f"/plugins/{ID}/api/keys?connection={connection}")

            await running.healthy(ID, 180)
            saved = await running.client.put(
                f"/api/v1/plugins/{ID}/settings", json={"values": {"connections": settings}}
            )
            assert saved.status_code == 200, saved.text
            for connection in settings:
                answer = await keys(connection)
                assert answer.status_code == 503
                ran = await plugway(*command_of(answer.json()), **words)
                assert ran.code == 0, ran
                # With the passwords that it had.
                answer = await keys(connection)
                assert answer.status_code == 200, answer.text
            (instance,) = (await running.plugin(ID))["instances"]
            assert instance["sandbox"]["network"] == "none"
            ports = sorted([*(one.port for one in cluster.servers), sentinel.port, primary.port])
            assert sorted(instance["relay"]["granted"]) == sorted(f"127.0.0.1:{port}" for port in ports)
    finally:
        await asyncio.to_thread(sentinel.kill)
