"""Plugins that run elsewhere, over mutual TLS, several on one server, behind a real gateway."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.authority import Authority
from tests.fakes.several_plugins import SeveralPlugins, serve_several
from tests.running import RunningGateway, gateway

pytestmark = pytest.mark.timeout(120)


@dataclass
class Elsewhere:
    """A server called localhost, which takes only clients of ``authority``."""

    authority: Authority
    plugins: SeveralPlugins
    port: int

    def lay_down(self, home: Path, ca: str, client: tuple[str, str] | None) -> None:
        """What an operator puts into the home."""
        folder = home / "remotes" / f"localhost:{self.port}"
        folder.mkdir(parents=True)
        shutil.copy(ca, folder / "ca.pem")
        for name, path in zip(("cert.pem", "key.pem"), client or (), strict=False):
            shutil.copy(path, folder / name)

    async def attach(self, running: RunningGateway, id_: str) -> None:
        definition = {"id": id_, "source": "remote", "sourceUrl": f"grpcs://localhost:{self.port}"}
        (await running.client.post("/api/v1/plugins", json=definition)).raise_for_status()


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[Elsewhere]:
    authority = Authority(tmp_path, "ca")
    plugins = SeveralPlugins("one", "two")
    server, port = await serve_several("localhost:0", plugins, authority.server_credentials("localhost"))
    yield Elsewhere(authority, plugins, port)
    await server.stop(None)


async def test_two_plugins_on_one_server_each_get_their_calls(tmp_path: Path, elsewhere: Elsewhere) -> None:
    home = tmp_path / "h"
    elsewhere.lay_down(home, elsewhere.authority.path, elsewhere.authority.issue("gateway"))
    async with gateway(home) as running:
        for id_ in ("one", "two"):
            await elsewhere.attach(running, id_)
            await running.healthy(id_)
        for id_ in ("one", "two"):
            base = f"/plugins/{id_}/api"
            assert (await running.client.get(f"{base}/x")).raise_for_status().text == id_
            assert (await running.client.get(f"{base}/stream")).raise_for_status().text == id_
            # Too long for one message.
            answer = await running.client.put(f"{base}/files", content=bytes(3_000_000))
            assert (answer.status_code, answer.text) == (201, id_)
        named = {plugin for _, plugin in elsewhere.plugins.asked}
        assert named == {"one", "two"}
        assert {method for method, _ in elsewhere.plugins.asked} >= {
            "Describe",
            "Handle",
            "ReadBody",
            "Exchange",
        }
        await elsewhere.attach(running, "three")
        view = await running.in_state("three", "unhealthy")
        assert "Describe failed in the plugin (NOT_FOUND)" in view["reason"]


async def test_a_server_is_known_by_its_own_certificate(tmp_path: Path, elsewhere: Elsewhere) -> None:
    home = tmp_path / "h"
    # As the server was started with it; its authority is not told to the gateway.
    elsewhere.lay_down(home, str(tmp_path / "localhost.crt"), elsewhere.authority.issue("gateway"))
    async with gateway(home) as running:
        await elsewhere.attach(running, "one")
        await running.healthy("one")
        assert (await running.client.get("/plugins/one/api/x")).raise_for_status().text == "one"
        assert (await running.client.get("/plugins/one/api/stream")).raise_for_status().text == "one"


async def test_another_server_or_a_gateway_without_its_certificate_is_not_attached(
    tmp_path: Path, elsewhere: Elsewhere
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "ca")
    mine = elsewhere.authority.issue("gateway")
    for number, (ca, client) in enumerate(
        (
            (other.path, mine),
            (other.issue("localhost")[0], mine),
            (elsewhere.authority.path, None),
            (elsewhere.authority.path, other.issue("gateway")),
        )
    ):
        home = tmp_path / f"h{number}"
        elsewhere.lay_down(home, ca, client)
        async with gateway(home) as running:
            await elsewhere.attach(running, "one")
            view = await running.in_state("one", "starting")
            assert (await running.client.get("/plugins/one/api/x")).status_code == 503, view
    assert elsewhere.plugins.asked == set()
