"""The plugin without a network: Redis by the gateway's relay, also with TLS, also in a container."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from gateway.egress.destinations import destination
from gateway.egress.relay import Relay
from plugin_services.redis_management.tests.conftest import only
from tests.fakes.authority import Authority
from tests.parts import need_docker
from tests.running import RunningGateway, gateway
from tests.shipped.relay import grant, relay

__all__ = ["relay"]  # fixtures
pytestmark = pytest.mark.redis


async def test_redis_is_reached_by_the_relay_alone(relay: Relay, redis: Any, open_plugin: Any) -> None:
    await grant(relay, destination("127.0.0.1", redis.port))
    redis.raw.set("k", "v")
    async with open_plugin(redis) as client:
        assert (await client.get("/server")).raise_for_status().json()["role"] == "master"
        assert (await client.post("/connection/test")).json()["ok"] is True
    assert relay.status.connections >= 2


async def test_what_was_not_granted_is_told_to_whoever_asks(
    relay: Relay, redis: Any, open_plugin: Any
) -> None:
    async with open_plugin(redis) as client:
        answer = await client.get("/server")
        assert answer.status_code == 503
        assert "was not granted a connection" in answer.json()["detail"]
        assert relay.status.refusals == 1
        # And as soon as it is granted, it works.
        await grant(relay, destination("127.0.0.1", redis.port))
        assert (await client.get("/server")).status_code == 200
        await grant(relay)
        assert (await client.get("/server")).status_code == 503


async def test_redis_that_is_away_and_a_host_that_is_unknown_are_told_apart(
    relay: Relay, redis: Any, open_plugin: Any
) -> None:
    await grant(relay, destination("127.0.0.1", redis.port), destination("nobody.invalid", 6379))
    redis.kill()
    async with open_plugin(redis) as client:
        assert "nothing listens there" in (await client.get("/server")).json()["detail"]
        redis.start()
        assert (await client.get("/server")).status_code == 200
    async with open_plugin(url="redis://nobody.invalid:6379/0") as client:
        assert "the host name is unknown" in (await client.get("/server")).json()["detail"]


async def test_tls_is_checked_against_the_real_name(
    relay: Relay, start_redis: Any, open_plugin: Any, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "ca")
    certificate, key = authority.issue("localhost")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start_redis(
        "--tls-port", str(port), "--tls-cert-file", certificate, "--tls-key-file", key,
        "--tls-ca-cert-file", authority.path, "--tls-auth-clients", "no",
    )  # fmt: skip
    await grant(relay, destination("localhost", port), destination("127.0.0.1", port))
    pem = await asyncio.to_thread(Path(authority.path).read_text)
    async with open_plugin(url=f"rediss://localhost:{port}/0", caCertificate=pem) as client:
        assert (await client.get("/server")).raise_for_status().json()["role"] == "master"
    # The same server under a name that its certificate does not have.
    async with open_plugin(url=f"rediss://127.0.0.1:{port}/0", caCertificate=pem) as client:
        answer = await client.get("/server")
        assert answer.status_code == 503
        assert "certificate is not trusted" in answer.json()["detail"]


async def configured(running: RunningGateway, url: str) -> None:
    answer = await running.client.put(
        "/api/v1/plugins/redis-management/settings", json={"values": only(url=url)}
    )
    answer.raise_for_status()


async def look(running: RunningGateway) -> Any:
    return await running.client.get("/plugins/redis-management/api/server")


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_in_a_container_without_a_network(redis: Any, start_redis: Any, tmp_path: Path) -> None:
    need_docker()
    other = start_redis()
    settings = {"PLUGWAY_INSTALL": "redis-management"}
    async with gateway(tmp_path / "home", "docker", settings) as running:
        await running.healthy("redis-management", 120)
        # What nobody ever saved is no settings of an earlier release, with the server that it began with.
        assert (await look(running)).json()["type"].endswith("not-configured")
        await configured(running, redis.url)
        assert (await look(running)).raise_for_status().json()["role"] == "master"
        (instance,) = (await running.plugin("redis-management"))["instances"]
        assert (instance["sandbox"]["level"], instance["sandbox"]["network"]) == ("docker", "none")
        assert instance["relay"]["granted"] == [f"127.0.0.1:{redis.port}"]
        assert instance["relay"]["received"] > 0
        # Granted is what the settings name now, and nothing that they named before.
        await configured(running, other.url)
        assert (await look(running)).raise_for_status().json()["role"] == "master"
        (instance,) = (await running.plugin("redis-management"))["instances"]
        assert instance["relay"]["granted"] == [f"127.0.0.1:{other.port}"]
        await running.kill()
    # The container went on meanwhile, and has its way out again.
    async with gateway(tmp_path / "home", "docker", settings) as running:
        await running.healthy("redis-management", 120)
        assert (await look(running)).raise_for_status().json()["role"] == "master"
        (again,) = (await running.plugin("redis-management"))["instances"]
        assert again["startedAt"] == instance["startedAt"]
