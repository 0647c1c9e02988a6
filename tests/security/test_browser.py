"""A hostile page of an external plugin, in a real Chromium: what it tries, and that nothing comes of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Frame, expect

from gateway.sources.store import ContentStore
from tests.e2e.browser import Visitor, chromium, visitor
from tests.e2e.elsewhere import another_host
from tests.e2e.wire import Wire, wire
from tests.fakes.page_package import install_page
from tests.fakes.unsigned import allow_unsigned
from tests.parts import need_chromium
from tests.running import RunningGateway, gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

_HOSTILE = Path(__file__).parent / "hostile_page"
# With import.meta, so that it is sent file by file.
_NEIGHBOUR = {
    "page.js": """
import "./words.js";
import.meta;
export async function mount(root, host) {
  await host.storage.set("kept", "secret of the neighbour");
  root.textContent = "neighbour";
}
""",
    "words.js": "globalThis.words = 1;",
    "page.css": "body { color: red; }",
}


# A page of one module, which stands in its document: it tries to leave its element, and to be heard before
# the bridge is. Its attacks are those of the other page that do not load a module.
_ALONE = """
const text = "</script><script>globalThis.escaped = 1</script>";
const template = `</ScRiPt ><img src=x onerror="globalThis.escaped = 2"><!-- <script>`;
/* </script><script>globalThis.escaped = 3</script> <!-- <script> */
const { port2 } = new MessageChannel();
parent.postMessage({ plugway: "hello", version: 1, plugin: "alone", release: "another" }, "*", [port2]);
const ugly = { polluted: true };
function show(root) {
  const title = document.createElement("h1");
  title.textContent = text + template;
  root.append(title);
  window.attack = (name, ...values) => attacks[name](null, ...values);
}
export { ugly as __proto__, ugly as constructor, ugly as hasOwnProperty, show as mount };
"""
_BREAKING = {"page.js": "globalThis.began = 1; null.x; export function mount() {}"}


def _alone() -> dict[str, str]:
    """The hostile page's scripts and :data:`_ALONE` as one module."""
    scripts = (_HOSTILE / "scripts.js").read_text()
    scripts = re.sub(
        r"export const (dataModule|blobModule) =.*?;\n(?=export|\n)", "", scripts, flags=re.DOTALL
    )
    names = re.findall(r"^export (?:async )?(?:const|function) (\w+)", scripts, re.MULTILINE)
    return {"page.js": f"{scripts}\nconst attacks = {{ {', '.join(names)} }};\n{_ALONE}"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(need_chromium()) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    home = tmp_path_factory.mktemp("home")
    allow_unsigned(home, "hostile", "neighbour", "changed", "alone", "breaking")
    async with gateway(home, settings={"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as started:
        hostile = {path.name: path.read_text() for path in _HOSTILE.iterdir()}
        await install_page(started, "hostile", hostile)
        await install_page(started, "neighbour", _NEIGHBOUR)
        await install_page(started, "alone", _alone())
        await install_page(started, "breaking", _BREAKING)
        yield started


@dataclass
class Attack:
    """The hostile page at work: its frame, the reader's browser, and all that the gateway was asked."""

    visit: Visitor
    frame: Frame
    passed: Wire

    async def __call__(self, name: str, *values: Any) -> Any:
        return await self.frame.evaluate("([name, ...values]) => attack(name, ...values)", [name, *values])

    async def console_works(self) -> None:
        """Its objects are whole, and its pages answer."""
        assert await self.visit.page.evaluate("({}).polluted === undefined && [].polluted === undefined")
        await self.visit.page.get_by_role("link", name="Overview").click()
        await expect(self.visit.page.locator(".facts")).to_be_visible()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reader(browser: Browser, running: RunningGateway) -> AsyncIterator[tuple[Visitor, Wire]]:
    """Signed in once, for all that the page tries."""
    async with wire(running.base) as passed, visitor(browser, running, base=passed.base) as visit:
        yield visit, passed


@pytest_asyncio.fixture(loop_scope="session")
async def attack(reader: tuple[Visitor, Wire]) -> AsyncIterator[Attack]:
    visit, passed = reader
    visit.answered.clear()
    passed.asked.clear()
    await visit.page.evaluate("() => localStorage.clear()")
    frame = await visit.frame("hostile")
    await expect(frame.get_by_role("heading")).to_have_text("at work")
    yield Attack(visit, frame, passed)
    assert visit.foreign_requests() == []
    assert visit.page.url.startswith(passed.base)
    assert len(visit.context.pages) == 1


SCRIPTS = (
    *("inline", "inlineModule", "handler", "evaluated", "made", "timed", "dataScript", "dataModule"),
    *("blobScript", "blobModule", "javascriptUrl", "writtenFrame", "plainText", "worker", "webAssembly"),
)


async def test_no_code_runs_but_that_of_the_bundle(attack: Attack) -> None:
    assert {name: await attack(name) for name in SCRIPTS} == dict.fromkeys(SCRIPTS, "blocked")


async def test_a_base_does_not_turn_addresses_elsewhere(attack: Attack) -> None:
    async with another_host() as away:
        assert await attack("base", away.url) == "blocked"


async def test_no_store_is_open_to_it(attack: Attack) -> None:
    await attack.visit.page.evaluate("() => localStorage.setItem('of-the-console', '1')")
    assert await attack("store") == []


async def test_what_a_neighbour_keeps_cannot_be_read(attack: Attack) -> None:
    await attack.visit.frame("neighbour")
    kept = await attack.visit.page.evaluate("() => localStorage.getItem('plugway.plugin:neighbour:kept')")
    assert kept == '"secret of the neighbour"'
    attack.frame = await attack.visit.frame("hostile")
    for key in ("kept", "neighbour:kept", "../neighbour:kept", "plugway.plugin:neighbour:kept"):
        assert await attack("raw", "storage.get", {"key": key}) == {"result": None}
    with_more = {"key": "kept", "plugin": "neighbour"}
    assert "does not know" in await attack("raw", "storage.get", with_more)


async def test_another_host_hears_nothing(attack: Attack) -> None:
    async with another_host() as away:
        assert await attack("ask", away.url) == []
        await attack("submit", away.url)
        await attack.visit.page.wait_for_timeout(300)
        assert away.heard == []


async def test_the_gateway_is_not_asked_but_through_the_bridge(attack: Attack) -> None:
    for path in ("/api/v1/plugins", "/plugins/neighbour/api/x", "/plugins/neighbour/ui/page.js", "/metrics"):
        assert await attack("ask", f"{attack.passed.base}{path}?by=attack") == []
    await attack("submit", f"{attack.passed.base}/api/v1/plugins?by=attack")
    await attack.visit.page.wait_for_timeout(300)
    assert [line for line in attack.passed.asked if "by=attack" in line] == []


async def test_the_reader_stays_where_they_are(attack: Attack) -> None:
    async with another_host() as away:
        assert await attack("leave", away.url) == "blocked"
        await attack("lure", away.url)
        for target in ("_top", "_blank"):
            await attack.frame.get_by_text(f"free {target}").click()
        await attack.visit.page.wait_for_timeout(300)
        assert away.heard == []
    await expect(attack.visit.page.locator(".plugin-head h1")).to_have_text("hostile")


@pytest.mark.parametrize("path", ["/plugins/neighbour/ui/", "/api/v1/plugins", "/plugins/hostile/ui/"])
async def test_a_second_page_in_its_frame_ends_the_bridge(attack: Attack, path: str) -> None:
    await attack("own", attack.passed.base + path)
    await expect(attack.visit.page.locator(".stage .cover")).to_contain_text("left for another one")
    await expect(attack.visit.page.locator("iframe")).to_have_count(0)


async def test_a_port_that_was_kept_is_dead_after_a_second_load(attack: Attack) -> None:
    """Whoever holds the other end: the console's is closed."""
    answers = await attack.visit.page.evaluate(
        """async () => {
          const { Bridge } = await import("/static/bridge.js");
          const frame = document.createElement("iframe");
          document.body.append(frame);
          const shell = { theme: "light", path: "/", storage: { get: () => 1 }, closed() {} };
          const bridge = new Bridge(frame, "hostile", shell);
          const { port1: kept, port2 } = new MessageChannel();
          const hello = { plugway: "hello", version: 1, plugin: "hostile", release: "" };
          const word = { data: hello, source: frame.contentWindow, origin: "null", ports: [port2] };
          dispatchEvent(new MessageEvent("message", word));
          const heard = [];
          kept.onmessage = ({ data }) => data.id && heard.push(data.id);
          const ask = async (id) => {
            kept.postMessage({ jsonrpc: "2.0", id, method: "storage.get", params: { key: "x" } });
            await new Promise((done) => setTimeout(done, 200));
          };
          frame.dispatchEvent(new Event("load"));
          await ask(1);
          frame.dispatchEvent(new Event("load"));
          await ask(2);
          frame.remove();
          return heard;
        }"""
    )
    assert answers == [1]


async def test_forged_words_to_the_consoles_window_are_not_heard(attack: Attack) -> None:
    assert await attack("forge", "neighbour") == []
    await expect(attack.visit.page.get_by_role("dialog")).to_have_count(0)


async def test_a_flood_by_its_own_hand_ends_its_page_alone(attack: Attack) -> None:
    await attack("flood", 6000)
    await expect(attack.visit.page.locator(".stage .cover")).to_contain_text("flooded")
    await attack.console_works()


async def test_messages_without_measure_are_refused(attack: Attack) -> None:
    assert "longer than" in await attack("long")
    for name in ("swollen", "hollow", "fullForm"):
        assert "longer than" in await attack(name), name
    assert "too deeply" in await attack("deep")
    await attack.console_works()


async def test_large_messages_cost_more_than_small_ones(attack: Attack) -> None:
    """A stream of them is refused as a flood would be, long before it holds the console up."""
    value = "x" * 900_000
    said = [await attack("raw", "storage.set", {"key": "x", "value": value}) for _ in range(3)]
    assert said == [{"result": None}] * 3
    many = """([value, count]) => Promise.all(Array.from({ length: count },
      () => attack("raw", "storage.set", { key: "x", value })))"""
    assert any("slow down" in str(answer) for answer in await attack.frame.evaluate(many, [value, 60]))


async def test_shapes_are_exact(attack: Attack) -> None:
    odd: list[tuple[str, Any]] = [
        ("notify", {"text": "x"}),
        ("notify", {"text": 1, "kind": "info"}),
        ("notify", {"text": "x", "kind": "info", "html": "<b>x</b>"}),
        ("confirm", {"text": "x", "danger": "yes"}),
        ("storage.set", {"key": "x"}),
        ("cancel", {"id": "1"}),
        ("download", {"name": "x", "blob": "text"}),
        ("navigate", ["/x"]),
        ("fetch", {"path": "/x", "method": "GET", "headers": {}}),
    ]
    for method, params in odd:
        assert isinstance(await attack("raw", method, params), str), (method, params)
    await expect(attack.visit.page.get_by_role("dialog")).to_have_count(0)
    await expect(attack.visit.page.locator(".toast")).to_have_count(0)


async def test_arguments_do_not_change_the_consoles_objects(attack: Attack) -> None:
    answers = await attack("pollute")
    assert all(isinstance(answer, str) and answer != "silence" for answer in answers[:5])
    assert answers[5] == {"result": None}
    assert answers[7] == "No such HTTP method."
    assert answers[8:] == [*["No such method."] * 4, "Not a JSON-RPC 2.0 call."]
    assert await attack("raw", "storage.get", {"key": "x"}) == {"result": None}
    await attack.console_works()


async def test_questions_come_one_at_a_time(attack: Attack) -> None:
    await attack("questions", 50)
    dialog = attack.visit.page.get_by_role("dialog")
    await expect(dialog).to_have_count(1)
    await dialog.get_by_role("button", name="Cancel").click()
    said = await attack("askedSoFar")
    assert said == [False, *["Another question is still open."] * 49]


async def test_a_neighbours_files_stay_out_of_reach(attack: Attack) -> None:
    """Also where the page has come to know the address that shows them without a session."""
    await attack.visit.frame("neighbour")
    line = next(line for line in attack.passed.asked if line.endswith("/words.js") and "neighbour" in line)
    path = line.removeprefix("GET ")
    attack.frame = await attack.visit.frame("hostile")
    own = next(
        line for line in attack.passed.asked if line.endswith("/scripts.js") and "hostile" in line
    ).removeprefix("GET ")
    folder = own.removesuffix("scripts.js")
    climbs = [
        path,
        f"{folder}../../..{path}",
        f"{folder}%2e%2e/%2e%2e/%2e%2e{path}",
        f"{folder}..%2f..%2f..{path.replace('/', '%2f')}",
        f"{folder}..%5c..%5c..{path}",
        f"{folder}.{path.removeprefix('/plugins')}",
    ]
    for climb in climbs:
        assert await attack("ask", attack.passed.base + climb) == [], climb
    assert "module" in await attack("ask", attack.passed.base + own)


async def test_a_module_that_was_changed_on_its_way_is_not_run(
    reader: tuple[Visitor, Wire], running: RunningGateway
) -> None:
    """The import map has each module's digest: a chunk that somebody replaced stops the page."""
    visit, _ = reader
    words = "globalThis.words = 'as it was installed';"
    await install_page(running, "changed", {**_NEIGHBOUR, "words.js": words})
    kept = ContentStore(running.home / "store").path(hashlib.sha256(words.encode()).hexdigest())
    # A file as short as this is not compressed, so this is the only copy.
    assert [path.name for path in kept.parent.glob(f"{kept.name}*")] == [kept.name]
    kept.write_text(words.replace("as it was installed", "and then replaced"))
    await visit.go("/plugins/changed/open")
    said = visit.page.frame_locator("iframe").get_by_role("alert")
    await expect(said).to_contain_text("could not show its page")
    assert await (await visit.current_frame()).evaluate("globalThis.words") is None


async def test_a_page_that_is_its_document_is_held_as_others_are(reader: tuple[Visitor, Wire]) -> None:
    """Its text stays text, its word comes after the bridge's, and nothing runs but what was packed."""
    visit, passed = reader
    passed.asked.clear()
    frame = await visit.frame("alone")
    await expect(frame.get_by_role("heading")).to_have_text(re.compile("^</script><script>.*<!-- <script>$"))
    assert passed.of_pages() == ["GET /plugins/alone/ui/"]
    assert await frame.evaluate("[globalThis.escaped, document.scripts.length, {}.polluted, origin]") == [
        None,
        2,
        None,
        "null",
    ]
    names = [name for name in SCRIPTS if name not in ("dataModule", "blobModule")]
    call = "([name, ...values]) => attack(name, ...values)"
    assert {name: await frame.evaluate(call, [name]) for name in names} == dict.fromkeys(names, "blocked")
    async with another_host() as away:
        assert await frame.evaluate(call, ["base", away.url]) == "blocked"
        assert away.heard == []
    # Another script element with the bundle's own address: no file of it may run in this page.
    own = await frame.evaluate("JSON.parse(document.querySelector('meta[name=plugway]').content).entry")
    load = """(url) => new Promise((done) => {
      const node = document.createElement("script");
      node.type = "module";
      node.src = trustedTypes.createPolicy("own", { createScriptURL: (text) => text }).createScriptURL(url);
      node.onload = () => done("ran");
      node.onerror = () => done("blocked");
      document.head.append(node);
    })"""
    assert await frame.evaluate(load, own) == "blocked"


async def test_a_page_that_is_its_document_says_why_it_broke(reader: tuple[Visitor, Wire]) -> None:
    visit, _ = reader
    await visit.go("/plugins/breaking/open")
    said = visit.page.frame_locator("iframe").get_by_role("alert")
    await expect(said).to_contain_text("could not show its page: Cannot read properties of null")
    visit.errors.clear()
