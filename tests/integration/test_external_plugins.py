"""Plugins from npm, from a CDN and from plain HTTP servers, installed into a real gateway."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import plugway
from tests.fakes.authority import Authority
from tests.fakes.http_api import Upstream
from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned, install_agreed
from tests.fakes.verdaccio import Verdaccio, verdaccio
from tests.fakes.web import Page, Web
from tests.parts import need_docker
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(180)
NAME = "@acme/panel"
RUNTIMES = pytest.mark.parametrize("runtime", ["process", pytest.param("docker", marks=pytest.mark.docker)])


def page(text: str) -> str:
    return f"export function mount(root) {{ root.textContent = {json.dumps(text)}; }}\n"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verdaccio]:
    with verdaccio(tmp_path_factory.mktemp("verdaccio")) as running:
        running.publish(NAME, "1.0.0", {"index.js": page("one")})
        running.publish(NAME, "1.1.0", {"index.js": page("two")})
        yield running


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    server = Upstream()
    async with serving(server.app()) as base:
        server.base = base
        yield server


async def asset(running: RunningGateway, plugin: str, path: str) -> str:
    answer = await running.client.get(f"/plugins/{plugin}/ui/{path}")
    return answer.raise_for_status().text


def external(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "external").iterdir() if path.name != "tmp")


async def test_from_npm_by_the_command_line_and_on_to_the_next_version(
    tmp_path: Path, registry: Verdaccio
) -> None:
    home = tmp_path / "h"
    allow_unsigned(home, "panel")
    file = tmp_path / "panel.json"
    file.write_text(
        json.dumps({"id": "panel", "source": "npm", "uiConfig": {"packageName": NAME, "version": "~1.0.0"}})
    )
    settings = {"PLUGWAY_NPM_REGISTRY": registry.url, "PLUGWAY_FETCH_ALLOW": "127.0.0.1"}
    async with gateway(home, settings=settings) as running:
        token = (home / "admin.token").read_text().strip()
        by_hand = {"PLUGWAY_URL": running.base, "PLUGWAY_TOKEN": token}
        ran = await plugway("install", str(file), "--yes", **by_hand)
        assert ran.code == 0, ran.err
        view = await running.plugin("panel")
        assert (view["version"], view["source"]) == ("1.0.0", "npm")
        assert await asset(running, "panel", "index.js") == page("one")
        nothing = await running.client.get("/plugins/panel/api/x")
        assert (nothing.status_code, nothing.json()["reason"]) == (404, "no-api")
        ran = await plugway(
            "rollout", "panel", "1.1.0", "--bake", "0s", "--min-healthy", "0s", "--yes", **by_hand
        )
        assert ran.code == 0, ran.err

        async def moved() -> bool:
            return bool((await running.plugin("panel"))["version"] == "1.1.0")

        await until(moved, "the new version")
        assert await asset(running, "panel", "index.js") == page("two")
        kept = external(home)
        assert len(kept) == 2
        await running.kill()
    # The registry is not asked again: what was installed lies in the home directory.
    async with gateway(home, settings={"PLUGWAY_NPM_REGISTRY": "https://away.invalid"}) as running:
        view = await running.healthy("panel")
        assert view["version"] == "1.1.0"
        assert await asset(running, "panel", "index.js") == page("two")
        assert external(home) == kept
        (await running.client.delete("/api/v1/plugins/panel")).raise_for_status()
    async with gateway(home):
        assert external(home) == []


async def test_a_fetched_page_that_is_changed_on_the_disk_is_not_started(
    tmp_path: Path, registry: Verdaccio
) -> None:
    home = tmp_path / "h"
    allow_unsigned(home, "panel")
    settings = {"PLUGWAY_NPM_REGISTRY": registry.url, "PLUGWAY_FETCH_ALLOW": "127.0.0.1"}
    definition = {"id": "panel", "source": "npm", "uiConfig": {"packageName": NAME}}
    async with gateway(home, settings=settings) as running:
        await install_agreed(running, definition)
        await running.healthy("panel")
    (home / "external" / external(home)[0] / "ui" / "index.js").write_text(page("changed"))
    async with gateway(home, settings=settings) as running:

        async def said() -> bool:
            return "not what was installed" in (await running.plugin("panel"))["reason"]

        await until(said, "the refusal")


@RUNTIMES
async def test_from_a_cdn_over_tls(tmp_path: Path, runtime: str) -> None:
    settings = _base_image(runtime)
    allow_unsigned(tmp_path / "h", "panel")
    authority = Authority(tmp_path, "cdn")
    certificate, key = authority.issue("localhost")
    module = page("from afar").encode()
    web = Web({"/panel.js": Page(module)})
    async with serving(web, tls=(Path(certificate), Path(key))) as base:
        definition: dict[str, Any] = {
            "id": "panel",
            "version": "1.0.0",
            "source": "cdn",
            "uiConfig": {"componentUrl": f"{base}/panel.js"},
            "checksum": f"sha256:{hashlib.sha256(module).hexdigest()}",
        }
        settings |= {"PLUGWAY_FETCH_ALLOW": "localhost", "PLUGWAY_FETCH_CA_FILE": authority.path}
        async with gateway(tmp_path / "h", runtime, settings) as running:
            wrong = {**definition, "checksum": "sha256:" + "0" * 64}
            refused = await running.client.post("/api/v1/plugins", json=wrong)
            assert refused.status_code == 422
            assert refused.json()["type"] == "urn:plugway:problem:digest-mismatch"
            assert (await running.client.get("/api/v1/plugins/panel")).status_code == 404
            await install_agreed(running, definition)
            asked = len(web.asked)
            await running.healthy("panel", 120)
            assert await asset(running, "panel", "index.js") == page("from afar")
            # Neither the start nor a reader makes the gateway fetch it again.
            assert len(web.asked) == asked


@RUNTIMES
async def test_a_plain_http_server_behind_the_gateway(
    tmp_path: Path, upstream: Upstream, runtime: str
) -> None:
    settings = _base_image(runtime)
    allow_unsigned(tmp_path / "h", "panel")
    definition = {
        "id": "panel",
        "version": "1.0.0",
        "source": "remote",
        "apiBaseUrl": f"{upstream.base}/v1",
    }
    async with gateway(tmp_path / "h", runtime, settings) as running:
        refused = await running.client.post("/api/v1/plugins", json=definition)
        assert refused.status_code == 422
        assert "PLUGWAY_FETCH_ALLOW" in refused.json()["hint"]
    async with gateway(tmp_path / "h", runtime, settings | {"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as running:
        await install_agreed(running, definition)
        await running.healthy("panel", 120)
        client = running.client
        answer = await client.post("/plugins/panel/api/a/b?x=1", content=b"hello")
        assert answer.status_code == 201, answer.text
        seen = answer.json()
        assert (seen["path"], seen["query"], seen["body"]) == ("/v1/a/b", "x=1", "hello")
        # The gateway's own token stays with the gateway.
        assert "authorization" not in seen["headers"]
        big = await client.post("/plugins/panel/api/count", content=bytes(5 * 2**20))
        assert big.json() == 5 * 2**20
        async with client.stream("GET", "/plugins/panel/api/events") as events:
            lines = events.aiter_lines()
            assert await anext(lines) == "data: 0"


def _base_image(runtime: str) -> dict[str, str]:
    return {"PLUGWAY_BASE_IMAGE": need_docker()} if runtime == "docker" else {}
