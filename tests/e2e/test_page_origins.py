"""Pictures from the one host that a page was granted, in a real Chromium, and nothing else from anywhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.browser import chromium, visitor
from tests.fakes.authority import Authority
from tests.fakes.catalogue import picture
from tests.fakes.serving import serving
from tests.fakes.web import Page, Web
from tests.parts import need_chromium
from tests.running import RunningGateway, gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

GRANTED, OTHER = "pictures.example", "elsewhere.example"
PLUGIN = """
from pathlib import Path
from plugway_sdk import Permissions, Plugin, serve

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})

serve(Plugin(id="gallery", version="1.0.0", name="Gallery", app=app, ui=Path(__file__).parent / "ui",
             permissions=Permissions(origins=%r)))
"""
PAGE = "export function mount(root) { root.textContent = 'gallery'; window.ready = true; }\n"
LOAD = """([kind, url]) => new Promise((settle) => {
  const done = (how) => () => settle(how);
  if (kind === "fetch") return void fetch(url, { mode: "no-cors" }).then(done("loaded"), done("kept away"));
  const node = document.createElement(kind);
  node.onload = node.onloadeddata = done("loaded");
  node.onerror = done("kept away");
  if (kind === "link") Object.assign(node, { rel: "stylesheet", href: url });
  else if (kind === "script") {
    const bless = trustedTypes.createPolicy("mine", { createScriptURL: (text) => text });
    node.src = bless.createScriptURL(url);
  } else node.src = url;
  document.body.append(node);
})"""


def write_gallery(directory: Path, origins: list[str]) -> None:
    place = directory / "gallery"
    (place / "ui").mkdir(parents=True)
    (place / "ui" / "index.js").write_text(PAGE)
    (place / "gallery.py").write_text(PLUGIN % (tuple(origins),))
    (place / "plugway.toml").write_text(
        'id = "gallery"\nversion = "1.0.0"\nname = "Gallery"\nuiType = "static"\n'
        'command = ["{python}", "gallery.py"]\nimage = "plugway-test/gallery"\n'
        f"[permissions]\norigins = {json.dumps(origins)}\n"
    )


@dataclass
class Ground:
    running: RunningGateway
    browser: Browser
    web: Web
    port: str

    def url(self, host: str, path: str) -> str:
        return f"https://{host}:{self.port}{path}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    place = tmp_path_factory.mktemp("gallery")
    certificate, key = Authority(place, "ca").issue(GRANTED)
    image = Page(picture(), headers={"content-type": "image/png"})
    web = Web({f"/{name}.png": image for name in ("one", "two", "three")})
    web.pages["/code.js"] = Page(b"window.stolen = true;", headers={"content-type": "text/javascript"})
    web.pages["/looks.css"] = Page(b"body { color: red }", headers={"content-type": "text/css"})
    async with serving(web, tls=(Path(certificate), Path(key))) as base:
        port = base.rpartition(":")[2]
        away = {"location": f"https://{OTHER}:{port}/three.png"}
        web.pages["/away"] = Page(status=302, headers=away)
        write_gallery(place / "plugins", [f"img-src https://{GRANTED}:{port}"])
        settings = {"PLUGWAY_PLUGIN_PATH": str(place / "plugins"), "PLUGWAY_INSTALL": "gallery"}
        names = f"MAP {GRANTED} 127.0.0.1, MAP {OTHER} 127.0.0.1"
        async with (
            gateway(place / "home", settings=settings) as running,
            chromium(need_chromium(), f"--host-resolver-rules={names}") as browser,
        ):
            await running.healthy("gallery")
            yield Ground(running, browser, web, port)


async def test_pictures_of_the_granted_host_load_and_nothing_else_does(ground: Ground) -> None:
    async with visitor(ground.browser, ground.running, ignore_https_errors=True) as visit:
        frame = await visit.frame("gallery")
        ground.web.asked.clear()
        url = ground.url
        assert await frame.evaluate(LOAD, ["img", url(GRANTED, "/one.png")]) == "loaded"
        assert ground.web.paths() == ["/one.png"]
        for kind, host, path in (
            ("img", OTHER, "/two.png"),
            ("script", GRANTED, "/code.js"),
            ("link", GRANTED, "/looks.css"),
            ("fetch", GRANTED, "/one.png"),
            ("video", GRANTED, "/one.png"),
            ("iframe", GRANTED, "/one.png"),
        ):
            if kind == "iframe":
                # A frame that was refused shows an error page, which counts as loaded.
                await frame.evaluate(LOAD, [kind, url(host, path)])
            else:
                assert await frame.evaluate(LOAD, [kind, url(host, path)]) == "kept away", kind
        assert ground.web.paths() == ["/one.png"], "nothing else was even asked for"
        assert await frame.evaluate("window.stolen") is None


async def test_a_redirect_does_not_lead_to_another_host(ground: Ground) -> None:
    async with visitor(ground.browser, ground.running, ignore_https_errors=True) as visit:
        frame = await visit.frame("gallery")
        ground.web.asked.clear()
        assert await frame.evaluate(LOAD, ["img", ground.url(GRANTED, "/away")]) == "kept away"
        assert ground.web.paths() == ["/away"]


async def test_the_console_says_what_the_page_may_load(ground: Ground) -> None:
    async with visitor(ground.browser, ground.running) as visit:
        await visit.go("/plugins/gallery/trust")
        lock = visit.page.get_by_role("region", name="Release lock")
        await expect(lock).to_contain_text(f"Its page may load pictures from https://{GRANTED}:{ground.port}")
        rating = visit.page.get_by_role("region", name="Rating")
        await expect(rating).to_contain_text("Its page loads from other hosts (1 origin).")
