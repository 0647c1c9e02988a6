"""The plugin without a network: MinIO by the gateway's relay, also with TLS, also in a container."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.egress.destinations import destination
from gateway.egress.relay import Relay
from tests.fakes.authority import Authority
from tests.parts import need_docker
from tests.running import RunningGateway, gateway
from tests.shipped.relay import grant, relay
from tests.shipped.servers import eventually

__all__ = ["relay"]  # fixtures
pytestmark = pytest.mark.minio


async def test_minio_is_reached_by_the_relay_alone(relay: Relay, minio: Any, open_plugin: Any) -> None:
    await grant(relay, destination("127.0.0.1", minio.port))
    async with open_plugin(minio) as client:
        (await client.post("/buckets", json={"name": "photos"})).raise_for_status()
        path = "/buckets/photos/object/content?key=a"
        (await client.put(path, content=b"by the relay")).raise_for_status()
        assert (await client.get(path)).content == b"by the relay"
        assert (await client.post("/connection/test")).json()["ok"] is True
    assert relay.status.connections >= 2


async def test_what_was_not_granted_is_told_to_whoever_asks(
    relay: Relay, minio: Any, open_plugin: Any
) -> None:
    async with open_plugin(minio) as client:
        answer = await client.get("/buckets")
        assert answer.status_code == 503
        assert "was not granted a connection" in answer.json()["detail"]
        assert relay.status.refusals >= 1
        # And as soon as it is granted, it works.
        await grant(relay, destination("127.0.0.1", minio.port))
        assert (await client.get("/buckets")).status_code == 200
        await grant(relay)
        assert (await client.get("/buckets")).status_code == 503


async def test_minio_that_is_away_and_a_host_that_is_unknown_are_told_apart(
    relay: Relay, minio: Any, open_plugin: Any
) -> None:
    await grant(relay, destination("127.0.0.1", minio.port), destination("nobody.invalid", 9000))
    await asyncio.to_thread(minio.kill)
    async with open_plugin(minio) as client:
        assert "nothing listens there" in (await client.get("/buckets")).json()["detail"]
        await asyncio.to_thread(minio.start)
        assert (await client.get("/buckets")).status_code == 200
    async with open_plugin(minio, url="http://nobody.invalid:9000") as client:
        assert "the host name is unknown" in (await client.get("/buckets")).json()["detail"]


async def test_tls_is_checked_against_the_real_name(
    relay: Relay, start_minio: Any, open_plugin: Any, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "ca")
    certificate, key = authority.issue("localhost")
    directory = tmp_path / "certificates"
    directory.mkdir()
    shutil.copy(certificate, directory / "public.crt")
    shutil.copy(key, directory / "private.key")
    server = start_minio("--certs-dir", str(directory), scheme="https")
    port = server.port
    await grant(relay, destination("localhost", port), destination("127.0.0.1", port))
    pem = await asyncio.to_thread(Path(authority.path).read_text)

    async def asked(url: str, **more: Any) -> Any:
        async with open_plugin(server, url=url, **more) as client:
            return await client.get("/buckets")

    async def ready() -> bool:
        return bool((await asked(f"https://localhost:{port}", caCertificate=pem)).status_code == 200)

    await eventually(ready)
    # The same server under a name that its certificate does not have, and by nobody's authority.
    for answer in (
        await asked(f"https://127.0.0.1:{port}", caCertificate=pem),
        await asked(f"https://localhost:{port}"),
    ):
        assert answer.status_code == 503
        assert "certificate is not trusted" in answer.json()["detail"]


async def configured(running: RunningGateway, server: Any) -> None:
    answer = await running.client.put(
        "/api/v1/plugins/minio-management/settings",
        json={"values": {"connections": {"local": server.connection}}},
    )
    answer.raise_for_status()


async def look(running: RunningGateway) -> Any:
    return await running.client.get("/plugins/minio-management/api/buckets")


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_in_a_container_without_a_network(start_minio: Any, tmp_path: Path) -> None:
    need_docker()
    first, other = start_minio(), start_minio()
    settings = {"PLUGWAY_INSTALL": "minio-management"}
    async with gateway(tmp_path / "home", "docker", settings) as running:
        await running.healthy("minio-management", 180)
        await configured(running, first)
        assert (await look(running)).raise_for_status().json()["total"] == 0
        (instance,) = (await running.plugin("minio-management"))["instances"]
        assert (instance["sandbox"]["level"], instance["sandbox"]["network"]) == ("docker", "none")
        assert instance["relay"]["granted"] == [f"127.0.0.1:{first.port}"]
        # Granted is what the settings name now, and nothing that they named before.
        await configured(running, other)
        assert (await look(running)).raise_for_status().json()["total"] == 0
        (instance,) = (await running.plugin("minio-management"))["instances"]
        assert instance["relay"]["granted"] == [f"127.0.0.1:{other.port}"]
        # Bodies that are encrypted, which takes memory and threads, are so within the sandbox, too.
        accounts = "/plugins/minio-management/api/accounts"
        made = await running.client.post(f"{accounts}/users", json={"name": "ann", "policies": ["readonly"]})
        assert len(made.raise_for_status().json()["secretKey"]) == 40
        (user,) = (await running.client.get(f"{accounts}/users")).raise_for_status().json()["users"]
        assert (user["name"], user["policies"]) == ("ann", ["readonly"])
