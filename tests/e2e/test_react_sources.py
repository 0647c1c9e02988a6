"""One React component from a CDN, from npm and in a container: it can do the same, and reach as little."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from gateway.digests import tree_digest
from gateway.home import Home
from gateway.model import (
    DirectoryArtifact,
    PluginId,
    Release,
    ReleaseId,
    Source,
    Tier,
    UiType,
    VerifiedRelease,
)
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.docker_names import image_repository
from gateway.settings import Settings
from tests.e2e.browser import Visitor, visitor
from tests.e2e.elsewhere import ATTEMPTS, REACHES, another_host
from tests.e2e.react_panel import build_panel
from tests.e2e.wire import wire
from tests.fakes.http_api import Upstream
from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned, install_agreed
from tests.fakes.verdaccio import verdaccio
from tests.fakes.web import Page, Web
from tests.ground import Ground
from tests.image_registry import image_registry
from tests.parts import need_docker
from tests.running import RunningGateway, gateway

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]
PATIENCE = 150.0
DOCUMENT = 40_000
"""Bytes: fewer than the page takes, compressed."""
_PLUGIN = """
import json

from plugway_sdk import Plugin, serve


async def app(scope, receive, send):
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    path = "/v1" + scope["path"].removeprefix(scope.get("root_path", ""))
    await send({"type": "http.response.body", "body": json.dumps({"path": path}).encode()})


plugin = Plugin(id="panel", version="1.0.0", name="Panel", app=app, ui="ui", ui_type="react_component")

if __name__ == "__main__":
    serve(plugin)
"""
_MANIFEST = """\
id = "panel"
version = "1.0.0"
name = "Panel"
uiType = "react_component"
command = ["{python}", "-m", "panel"]
image = "plugway-test/panel"
requirements = []
"""


@dataclass
class Site:
    """A gateway with the panel in it, and a neighbour whose page the panel must not reach."""

    running: RunningGateway
    away: str


@asynccontextmanager
async def _cdn(place: Path, module: bytes) -> AsyncIterator[tuple[str, dict[str, Any], dict[str, str]]]:
    async with serving(Web({"/panel.js": Page(module)})) as base:
        config = {"uiConfig": {"componentUrl": f"{base}/panel.js"}}
        checksum = f"sha256:{hashlib.sha256(module).hexdigest()}"
        yield "process", {"source": "cdn", "version": "1.0.0", "checksum": checksum, **config}, {}


@asynccontextmanager
async def _npm(place: Path, module: bytes) -> AsyncIterator[tuple[str, dict[str, Any], dict[str, str]]]:
    opened = verdaccio(place)
    registry = await asyncio.to_thread(opened.__enter__)
    try:
        await asyncio.to_thread(registry.publish, "@acme/panel", "1.0.0", {"index.js": module.decode()})
        config = {"uiConfig": {"packageName": "@acme/panel", "version": "^1.0.0"}}
        yield "process", {"source": "npm", **config}, {"PLUGWAY_NPM_REGISTRY": registry.url}
    finally:
        await asyncio.to_thread(opened.__exit__, None, None, None)


@asynccontextmanager
async def _container(place: Path, module: bytes) -> AsyncIterator[tuple[str, dict[str, Any], dict[str, str]]]:
    base = need_docker()
    opened = image_registry(place / "registry")
    registry = await asyncio.to_thread(opened.__enter__)
    name = f"{registry.host}/acme/panel"
    maker = await asyncio.to_thread(Home, place / "maker")
    try:
        await _build(maker, place / "plugin", module, base, name)
        yield "docker", {"source": "oci", "sourceUrl": f"oci://{name}:1.0.0"}, {"PLUGWAY_BASE_IMAGE": base}
    finally:
        await asyncio.to_thread(opened.__exit__, None, None, None)
        await asyncio.to_thread(Ground(maker.path, "docker").sweep)


async def _build(maker: Home, directory: Path, module: bytes, base: str, name: str) -> None:
    """As the gateway builds any plugin, then pushed; nothing of it stays in the engine."""
    release = await asyncio.to_thread(_written, directory, module)
    runtime = DockerRuntime(maker, Settings.model_validate({"home": maker.path, "base_image": base}))
    try:
        await runtime.prepare(release, lambda text: None)
        made = f"{image_repository(maker, PluginId('panel'))}:{release.id}"
        await asyncio.to_thread(_push, made, name)
        await runtime.purge(PluginId("panel"))
    finally:
        await runtime.close()


def _written(directory: Path, module: bytes) -> VerifiedRelease:
    (directory / "ui").mkdir(parents=True)
    (directory / "ui" / "index.js").write_bytes(module)
    (directory / "panel.py").write_text(_PLUGIN)
    (directory / "plugway.toml").write_text(_MANIFEST)
    artifact = DirectoryArtifact(
        path=str(directory),
        digest=tree_digest(directory),
        command=("{python}", "-m", "panel"),
        image="plugway-test/panel",
    )
    release = Release(
        id=ReleaseId(f"panel-{artifact.digest[-12:]}"),
        plugin_id=PluginId("panel"),
        version="1.0.0",
        name="Panel",
        source=Source.BUILT_IN,
        tier=Tier.BUILT_IN,
        artifact=artifact,
        ui_type=UiType.REACT_COMPONENT,
    )
    return VerifiedRelease(release)


def _push(made: str, name: str) -> None:
    with contextlib.closing(docker.from_env()) as client:
        client.images.get(made).tag(name, "1.0.0")
        for event in client.api.push(name, tag="1.0.0", stream=True, decode=True):
            assert "error" not in event, event
        client.api.remove_image(f"{name}:1.0.0")


SOURCES = {"cdn": _cdn, "npm": _npm, "container": _container}


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="session",
    params=["cdn", "npm", pytest.param("container", marks=pytest.mark.docker)],
)
async def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    place = tmp_path_factory.mktemp(request.param)
    module = await asyncio.to_thread(build_panel, "functions", place)
    home = place / "home"
    allow_unsigned(home, "panel")
    async with AsyncExitStack() as stack:
        runtime, definition, more = await stack.enter_async_context(SOURCES[request.param](place, module))
        api = await stack.enter_async_context(serving(Upstream().app()))
        elsewhere = await stack.enter_async_context(another_host())
        if request.param == "container":
            stack.push_async_callback(asyncio.to_thread, Ground(home, "docker").sweep)
        else:
            definition |= {"uiType": "react_component", "apiBaseUrl": f"{api}/v1"}
        settings = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1", "PLUGWAY_INSTALL": "notes", **more}
        running = await stack.enter_async_context(gateway(home, runtime, settings))
        await install_agreed(running, {"id": "panel", **definition})
        await running.healthy("panel", PATIENCE)
        await running.healthy("notes", PATIENCE)
        yield Site(running, elsewhere.url)
        assert elsewhere.heard == []


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, site: Site) -> AsyncIterator[Visitor]:
    async with visitor(browser, site.running) as found:
        yield found
        assert found.foreign_requests() == []
        assert found.errors == []


async def test_it_renders_calls_its_api_follows_the_theme_and_keeps_its_place(visit: Visitor) -> None:
    frame = await visit.frame("panel")
    await expect(frame.get_by_role("heading")).to_have_text("panel light")
    await frame.get_by_text("clicked 0").click()
    await expect(frame.get_by_text("clicked 1")).to_be_visible()
    await frame.get_by_text("ask").click()
    await expect(frame.locator("#said")).to_have_text("/v1/hello")
    await visit.page.get_by_role("button", name="Switch to the dark theme").click()
    await expect(frame.get_by_role("heading")).to_have_text("panel dark")
    # State survives what the host passes anew.
    await expect(frame.get_by_text("clicked 1")).to_be_visible()
    await frame.get_by_text("go on").click()
    await expect(visit.page).to_have_url(f"{visit.base}/plugins/panel/open#/items/8")
    await visit.page.reload()
    again = visit.page.frame_locator("iframe")
    await expect(again.locator("#path")).to_have_text("/items/8")
    await expect(again.get_by_role("heading")).to_have_text("panel dark")


async def test_it_reaches_neither_console_nor_cookies_neighbour_or_another_host(
    visit: Visitor, site: Site
) -> None:
    frame = await visit.frame("panel")
    assert await frame.evaluate("self.origin") == "null"
    for reach in REACHES:
        failed = "async () => { try { await (%s); return 'read' } catch (e) { return e.name } }"
        assert await frame.evaluate(failed % reach) in {"SecurityError", "TypeError"}, reach
    own = ("/plugins/notes/ui/", "/plugins/notes/api/notes", "/plugins/panel/api/hello", "/api/v1/plugins")
    addresses = [site.away, *(site.running.base + path for path in own)]
    before = len(visit.answered)
    for url in addresses:
        for attempt in ATTEMPTS:
            assert await frame.evaluate(attempt, url) != "reached", (url, attempt)
    # The console itself goes on asking the management API; what a page may never get is the rest.
    assert [url for url in visit.answered[before:] if url in addresses and "/api/v1/" not in url] == []
    # There is something to reach, for whom it is meant.
    answer = await visit.context.request.get(site.running.base + "/plugins/notes/ui/")
    assert answer.ok


async def test_its_second_visit_asks_for_the_document_alone(browser: Browser, site: Site) -> None:
    async with (
        wire(site.running.base) as passed,
        visitor(browser, site.running, base=passed.base) as visit,
    ):
        bytes_ = []
        for _ in range(2):
            passed.asked.clear()
            before = passed.answered
            await visit.go("/plugins/panel/open#/items/8")
            frame = visit.page.frame_locator("iframe")
            await expect(frame.get_by_role("heading")).to_have_text("panel light")
            await expect(frame.locator("#path")).to_have_text("/items/8")
            assert passed.of_pages() == ["GET /plugins/panel/ui/"]
            bytes_.append(passed.answered - before)
            await visit.go("/")
        # The document was not sent again; what else there is is the console's.
        assert bytes_[0] - bytes_[1] > DOCUMENT
