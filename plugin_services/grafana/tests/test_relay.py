"""The plugin without a network: Grafana by the gateway's relay, also with TLS, also in a container."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.egress.destinations import destination
from gateway.egress.relay import Relay
from tests.fakes.authority import Authority
from tests.parts import need_docker
from tests.running import RunningGateway, gateway
from tests.shipped.relay import grant, relay

__all__ = ["relay"]  # fixtures


async def test_grafana_is_reached_by_the_relay_alone(relay: Relay, grafana: Any, open_plugin: Any) -> None:
    await grant(relay, destination("127.0.0.1", grafana.port))
    async with open_plugin(grafana) as client:
        (await client.post("/folders", json={"title": "By the relay"})).raise_for_status()
        assert len((await client.get("/folders")).json()["folders"]) == 2
        assert (await client.post("/connection/test")).json()["ok"] is True
        assert relay.status.connections >= 1
        # Gone and back: the connection that is kept is dead, and known to be.
        await asyncio.to_thread(grafana.kill)
        assert "nothing listens there" in (await client.get("/folders")).json()["detail"]
        await asyncio.to_thread(grafana.start)
        (await client.get("/folders")).raise_for_status()


async def test_what_was_not_granted_is_told_to_whoever_asks(
    relay: Relay, shared: Any, open_plugin: Any
) -> None:
    async with open_plugin(shared) as client:
        answer = await client.get("/folders")
        assert answer.status_code == 503
        assert "was not granted a connection" in answer.json()["detail"]
        assert relay.status.refusals >= 1
        # And as soon as it is granted, it works.
        await grant(relay, destination("127.0.0.1", shared.port))
        assert (await client.get("/folders")).status_code == 200
    await grant(relay, destination("nobody.invalid", 3000))
    async with open_plugin(shared, url="http://nobody.invalid:3000") as client:
        assert "the host name is unknown" in (await client.get("/folders")).json()["detail"]


@asynccontextmanager
async def tls_before(port: int, certificate: Path, key: Path) -> AsyncIterator[int]:
    """A listener with TLS that passes on to ``port``, as a proxy before Grafana does; yields its own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, inner[1]), carry(inner[0], writer), return_exceptions=True)
        writer.transport.abort()

    server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_tls_is_checked_against_the_real_name(
    relay: Relay, shared: Any, open_plugin: Any, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "ca")
    certificate, key = authority.issue("localhost")
    pem = await asyncio.to_thread(Path(authority.path).read_text)
    async with tls_before(shared.port, Path(certificate), Path(key)) as port:
        await grant(relay, destination("localhost", port), destination("127.0.0.1", port))

        async def asked(url: str, **more: Any) -> Any:
            async with open_plugin(shared, url=url, **more) as client:
                return await client.get("/folders")

        assert (await asked(f"https://localhost:{port}", caCertificate=pem)).status_code == 200
        # The same server under a name that its certificate does not have, and by nobody's authority.
        for answer in (
            await asked(f"https://127.0.0.1:{port}", caCertificate=pem),
            await asked(f"https://localhost:{port}"),
        ):
            assert answer.status_code == 503
            assert "certificate is not trusted" in answer.json()["detail"]


async def configured(running: RunningGateway, server: Any) -> None:
    values = {"values": {"connections": {"local": server.connection}}}
    (await running.client.put("/api/v1/plugins/grafana/settings", json=values)).raise_for_status()


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_in_a_container_without_a_network(grafana: Any, start_grafana: Any, tmp_path: Path) -> None:
    need_docker()
    other = await asyncio.to_thread(start_grafana)
    async with gateway(tmp_path / "home", "docker", {"PLUGWAY_INSTALL": "grafana"}) as running:
        await running.healthy("grafana", 180)
        await configured(running, grafana)
        look = "/plugins/grafana/api/dashboards"
        (found,) = (await running.client.get(look)).raise_for_status().json()["dashboards"]
        assert found["title"] == "Production"
        data = await running.client.get(f"{look}/board/panels/1/data")
        assert len(data.raise_for_status().json()["series"]) == 2
        (instance,) = (await running.plugin("grafana"))["instances"]
        assert (instance["sandbox"]["level"], instance["sandbox"]["network"]) == ("docker", "none")
        assert instance["relay"]["granted"] == [f"127.0.0.1:{grafana.port}"]
        # Granted is what the settings name now, and nothing that they named before.
        await configured(running, other)
        assert (await running.client.get(look)).raise_for_status().json()["dashboards"] == []
        (instance,) = (await running.plugin("grafana"))["instances"]
        assert instance["relay"]["granted"] == [f"127.0.0.1:{other.port}"]
