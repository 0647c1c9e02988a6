"""The plugin without a network: Power BI and its login by the gateway's relay, also with TLS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.egress.destinations import destination
from gateway.egress.relay import Relay
from plugin_services.power_bi.tests.conftest import CloudServer
from tests.fakes.authority import Authority
from tests.parts import need_docker
from tests.running import gateway
from tests.shipped.relay import grant, relay

__all__ = ["relay"]  # fixtures


async def test_it_is_reached_by_the_relay_alone_and_what_is_not_granted_is_told(
    relay: Relay, well: Any, open_plugin: Any
) -> None:
    async with open_plugin(well) as client:
        answer = await client.get("/workspaces")
        assert answer.status_code == 503
        assert "this plugin was not granted a connection to it" in answer.json()["detail"]
        assert relay.status.refusals >= 1
        # And as soon as it is granted, it works.
        await grant(relay, destination("127.0.0.1", well.port))
        assert (await client.get("/workspaces")).status_code == 200
        assert relay.status.connections >= 1
        await grant(relay)
        assert (await client.get("/workspaces")).status_code == 503
        await grant(relay, destination("nobody.invalid", 443))
        other = {**well.connection, "loginUrl": "https://nobody.invalid"}
        assert (await client.configure({"connections": {"other": other}})).accepted
        assert "the host name is unknown" in (await client.get("/workspaces")).json()["detail"]


async def test_tls_is_checked_against_the_real_name(relay: Relay, open_plugin: Any, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    server = CloudServer(tmp_path / "cloud", *authority.issue("localhost"))
    await asyncio.to_thread(server.start)
    try:
        port = server.port
        names = ("localhost", "127.0.0.1")
        await grant(relay, *(destination(name, port) for name in names))
        pem = await asyncio.to_thread(Path(authority.path).read_text)

        async def asked(host: str, **more: Any) -> Any:
            url = f"https://{host}:{port}"
            async with open_plugin(server, apiUrl=url, loginUrl=url, **more) as client:
                return await client.get("/workspaces")

        assert (await asked("localhost", caCertificate=pem)).status_code == 200
        # The same server under a name that its certificate does not have, and by nobody's authority.
        for answer in (await asked("127.0.0.1", caCertificate=pem), await asked("localhost")):
            assert answer.status_code == 503
            assert "certificate is not trusted" in answer.json()["detail"]
    finally:
        await asyncio.to_thread(server.kill)


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_in_a_container_without_a_network(well: Any, tmp_path: Path) -> None:
    need_docker()
    async with gateway(tmp_path / "home", "docker", {"PLUGWAY_INSTALL": "power-bi"}) as running:
        await running.healthy("power-bi", 180)
        values = {"connections": {"contoso": well.connection}}
        answer = await running.client.put("/api/v1/plugins/power-bi/settings", json={"values": values})
        answer.raise_for_status()
        found = await running.client.get("/plugins/power-bi/api/workspaces")
        assert len(found.raise_for_status().json()["workspaces"]) == 100
        (instance,) = (await running.plugin("power-bi"))["instances"]
        assert (instance["sandbox"]["level"], instance["sandbox"]["network"]) == ("docker", "none")
        assert instance["relay"]["granted"] == sorted(
            [f"127.0.0.1:{well.port}", "api.powerbi.com:443", "login.microsoftonline.com:443"]
        )
