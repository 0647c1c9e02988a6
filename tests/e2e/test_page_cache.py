"""What visits to an external plugin's page ask the gateway for."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from gateway.model import UiType
from gateway.proxy.frame import frame_document
from gateway.ui_bundles import PackedUi, UiBundle
from tests.e2e.browser import visitor
from tests.e2e.elsewhere import ATTEMPTS, another_host
from tests.e2e.react_panel import build_split_panel
from tests.e2e.wire import wire
from tests.fakes.page_package import install_page
from tests.fakes.unsigned import allow_unsigned
from tests.running import RunningGateway, gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

_FILES = {
    "page.js": """
import { words } from "./words.js";
export function mount(root, host) {
  const picture = new Image();
  picture.src = new URL("dot.svg", import.meta.url);
  const title = document.createElement("h1");
  title.textContent = words;
  picture.onload = () => import("./later.js").then((module) => (title.textContent += module.more));
  root.append(title, picture);
}
""",
    "words.js": 'export const words = "here";\n',
    "later.js": 'export const more = " and later";\n',
    "page.css": "h1 { color: rgb(1, 2, 3); }\n",
    "dot.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><circle r="2"/></svg>',
}
_ONE_MODULE = {
    "page.js": """
const words = "here";
function show(root, host) {
  const title = document.createElement("h1");
  title.textContent = `${words} and ${host.theme}`;
  root.append(title);
}
export { show as mount };
""",
    "page.css": "h1 { color: rgb(1, 2, 3); background: url('./dot.svg'); }\n",
    "dot.svg": _FILES["dot.svg"],
}
# Three that need each other, one of them later.
_SEVERAL = {
    "page.js": """
import { greeting, sure } from "./parts/greeting.js";
export const words = "here";
export default () => {};
export async function mount(root, host) {
  const title = document.createElement("h1");
  title.textContent = greeting(host.theme);
  root.append(title);
  const { more } = await import("./parts/later.js");
  title.textContent += more + sure;
  title.title = new Error("trace").stack;
}
""",
    "parts/greeting.js": """
import { words } from "../page.js";
export { sure } from "./sure.mjs";
export const greeting = (theme) => `${words} and ${theme}`;
""",
    "parts/later.js": 'import "./greeting.js";\nexport const more = " and </script> later: é 100%";\n',
    "parts/sure.mjs": "export const sure = await Promise.resolve('!');\n",
    "page.css": _ONE_MODULE["page.css"],
    "dot.svg": _FILES["dot.svg"],
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    tmp_path = tmp_path_factory.mktemp("cache")
    allow_unsigned(tmp_path / "h", "panel", "packed", "several", "react")
    async with gateway(tmp_path / "h", settings={"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as started:
        await install_page(started, "panel", _FILES)
        await install_page(started, "packed", _ONE_MODULE)
        await install_page(started, "several", _SEVERAL)
        react = await asyncio.to_thread(build_split_panel, tmp_path)
        assert len([path for path in react if path.endswith(".js")]) == 3
        await install_page(started, "react", react)
        yield started


async def test_each_visit_asks_once_for_each_file(browser: Browser, running: RunningGateway) -> None:
    """Chromium keeps nothing for frames of opaque origin (decisions 16 and 28); a file that is
    marked immutable stays in the cache where the origin has a name, as the console's has."""
    async with wire(running.base) as passed, visitor(browser, running, base=passed.base) as visit:
        for _ in range(2):
            passed.asked.clear()
            frame = await visit.frame("panel")
            await expect(frame.get_by_role("heading")).to_have_text("here and later")
            await expect(frame.get_by_role("heading")).to_have_css("color", "rgb(1, 2, 3)")
            document, *files = passed.of_pages()
            assert document == "GET /plugins/panel/ui/"
            assert Counter(line.rpartition("/")[2] for line in files) == Counter(list(_FILES))
            await visit.go("/")
        address = files[0].removeprefix("GET ")
        passed.asked.clear()
        for _ in range(3):
            await visit.page.evaluate("(address) => fetch(address).then((answer) => answer.text())", address)
        assert passed.of_pages() == [f"GET {address}"]


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        ("packed", "in one document"),
        ("several", "in one document"),
        ("panel", "file by file: it uses import.meta"),
    ],
)
async def test_verification_says_how_a_page_is_sent(running: RunningGateway, plugin: str, words: str) -> None:
    found = (await running.client.post(f"/api/v1/plugins/{plugin}/verify")).raise_for_status().json()
    page = next(check for check in found["checks"] if check["what"] == "page")
    assert page["ok"]
    assert page["words"].endswith(f"its digest; sent {words}.")


async def test_a_page_of_one_module_is_its_document(browser: Browser, running: RunningGateway) -> None:
    async with wire(running.base) as passed, visitor(browser, running, base=passed.base) as visit:
        for _ in range(2):
            passed.asked.clear()
            frame = await visit.frame("packed")
            title = frame.get_by_role("heading")
            await expect(title).to_have_text("here and light")
            await expect(title).to_have_css("color", "rgb(1, 2, 3)")
            await expect(title).to_have_css("background-image", re.compile("data:image/svg"))
            assert passed.of_pages() == ["GET /plugins/packed/ui/"]
            await visit.go("/")
        # By itself it shows nothing, and fails at nothing.
        await visit.go("/plugins/packed/ui/")
        await expect(visit.page.locator("#root")).to_contain_text("works inside the console")
        assert visit.errors == []


async def test_a_page_of_several_modules_is_its_document(browser: Browser, running: RunningGateway) -> None:
    async with wire(running.base) as passed, visitor(browser, running, base=passed.base) as visit:
        for _ in range(2):
            passed.asked.clear()
            frame = await visit.frame("several")
            title = frame.get_by_role("heading")
            await expect(title).to_have_text("here and light and </script> later: é 100%!")
            await expect(title).to_have_css("color", "rgb(1, 2, 3)")
            # A trace names the modules, rather than hold their texts.
            await expect(title).to_have_attribute(
                "title", re.compile(r"mount \(plugway-bundle/page\.js:\d+:\d+\)")
            )
            assert passed.of_pages() == ["GET /plugins/several/ui/"]
            await visit.go("/")
        # What it may run is these texts, at no other address: neither another text nor theirs from elsewhere.
        frame = await visit.frame("several")
        for address in ("data:text/javascript,1", f"{running.base}/plugins/packed/ui/", "./page.js"):
            tried = "(address) => import(address).then(() => 'ran', () => 'refused')"
            assert await frame.evaluate(tried, address) == "refused"
        worker = """() => new Promise((done) => {
          const policy = trustedTypes.createPolicy("worker", { createScriptURL: (address) => address });
          const made = new Worker(policy.createScriptURL("data:text/javascript,postMessage(1)"));
          made.onmessage = () => done("ran");
          made.onerror = () => done("refused");
        })"""
        assert await frame.evaluate(worker) == "refused"
        assert visit.errors == []


async def test_a_react_page_in_parts_is_its_document(browser: Browser, running: RunningGateway) -> None:
    async with wire(running.base) as passed, visitor(browser, running, base=passed.base) as visit:
        for _ in range(2):
            passed.asked.clear()
            frame = await visit.frame("react")
            await expect(frame.get_by_role("heading")).to_have_text("react light")
            await frame.get_by_text("clicked 0").click()
            await expect(frame.locator("#later")).to_have_text("later 1")
            assert passed.of_pages() == ["GET /plugins/react/ui/"]
            await visit.go("/")
        assert visit.errors == []


@pytest.mark.parametrize("plugin", ["panel", "packed", "several"])
async def test_none_of_them_reaches_another_host(
    browser: Browser, running: RunningGateway, plugin: str
) -> None:
    async with visitor(browser, running) as visit, another_host() as elsewhere:
        frame = await visit.frame(plugin)
        for attempt in ATTEMPTS:
            assert await frame.evaluate(attempt, elsewhere.url) != "reached", attempt
        assert elsewhere.heard == []


@pytest.mark.parametrize("changed", ["", "page.js", "a.js"])
async def test_a_text_that_was_changed_does_not_run(browser: Browser, changed: str) -> None:
    """Whatever the gateway sends: the digests in the policy are those of its record."""
    modules = {"page.js": 'import "plugway-bundle/a.js";', "a.js": "export {};"}
    digests = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in modules.items()}
    sent = {
        digest: modules[path].replace(";", "; ") if path == changed else modules[path]
        for path, digest in digests.items()
    }
    packed = PackedUi(version=2, modules=digests)
    ui = UiBundle(digest="d", type=UiType.STATIC, entry="page.js", files=digests, packed=packed)
    body, headers = frame_document(
        plugin_id="p", name="P", ui=ui, asset_base="/p/", origin="http://gateway.test", inline=sent
    )
    said: dict[str, str] = {}
    for name, value in headers:
        said[name.decode()] = ", ".join(filter(None, (said.get(name.decode()), value.decode())))
    page = await browser.new_page()
    await page.route("**/*", lambda route: route.fulfill(body=body, headers=said))
    await page.goto("http://gateway.test/")
    ran = "import('plugway-bundle/page.js').then(() => 'ran', () => 'refused')"
    assert await page.evaluate(ran) == ("refused" if changed else "ran")
    await page.close()


async def test_the_entry_is_asked_for_before_the_style_sheets_are_here(
    browser: Browser, running: RunningGateway
) -> None:
    async with wire(running.base) as passed, visitor(browser, running, base=passed.base) as visit:
        passed.hold = b"/page.css "
        # Not until the console is whole: with the frame in it early, that would wait for the style sheet.
        await visit.page.goto(f"{visit.base}/plugins/panel/open", wait_until="commit")
        await passed.until_asked("/page.js")
        assert await visit.page.frame_locator("iframe").locator("h1").count() == 0
        passed.release.set()
        await expect(visit.page.frame_locator("iframe").locator("h1")).to_have_text("here and later")


async def test_a_page_that_takes_long_is_shown_when_it_is_here(
    browser: Browser, running: RunningGateway
) -> None:
    async with wire(running.base) as passed, visitor(browser, running, base=passed.base) as visit:
        await visit.page.clock.install()
        passed.hold = b"/page.css "
        await visit.page.goto(f"{visit.base}/plugins/panel/open", wait_until="commit")
        await passed.until_asked("/page.css")
        await visit.page.clock.fast_forward(15_000)
        await expect(visit.page.get_by_role("heading", name="panel takes long")).to_be_visible()
        passed.release.set()
        await expect(visit.page.frame_locator("iframe").locator("h1")).to_have_text("here and later")
        await expect(visit.page.locator(".stage .cover")).to_be_hidden()
