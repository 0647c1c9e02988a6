"""What a plugin's page can do through the bridge, and what the bridge refuses it."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from playwright.async_api import Frame, expect

from tests.e2e.browser import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def refused(frame: Frame, call: str) -> str:
    """The message with which a call of the host fails."""
    script = "async () => { try { await (%s); return 'not refused' } catch (e) { return e.message } }"
    return str(await frame.evaluate(script % call))


async def echo(frame: Frame, init: str = "{}") -> dict[str, Any]:
    script = f"() => host.fetch('/echo?a=1', {init}).then((r) => r.json())"
    return dict(await frame.evaluate(script))


async def test_the_ui_renders_with_its_own_style_sheet(visit: Visitor) -> None:
    frame = await visit.frame()
    await expect(frame.locator("#title")).to_have_text("Probe is here")
    await expect(frame.locator("#title")).to_have_css("color", "rgb(1, 2, 3)")


async def test_it_calls_its_own_api(visit: Visitor) -> None:
    frame = await visit.frame()
    got = await echo(frame, "{method: 'PUT', headers: {'x-mine': 'yes'}, body: 'hello'}")
    assert (got["method"], got["query"], got["headers"]["x-mine"]) == ("PUT", "a=1", "yes")


async def test_it_cannot_speak_as_somebody_else(visit: Visitor) -> None:
    frame = await visit.frame()
    forged = "{headers: {authorization: 'Bearer x', 'x-plugway-user': 'root', 'x-forwarded-for': '6.6.6.6'}}"
    got = await echo(frame, forged)
    values = " ".join(f"{name}={value}" for name, value in got["headers"].items())
    assert "Bearer" not in values
    assert "root" not in values
    assert "6.6.6.6" not in values
    assert "cookie" not in got["headers"]


async def test_calls_name_the_release_the_page_came_from(visit: Visitor) -> None:
    frame = await visit.frame()
    async with visit.page.expect_request("**/api/echo**") as sent:
        await echo(frame)
    release = (await visit.gateway.plugin("probe"))["releaseId"]
    assert (await sent.value).headers["x-plugway-release"] == release


async def test_uploads_of_files_and_forms(visit: Visitor) -> None:
    frame = await visit.frame()
    size = 3_000_000
    script = """async (kind) => {
      const file = new File([new Uint8Array(%d).fill(65)], "a.bin", { type: "application/octet-stream" });
      const form = new FormData();
      form.append("file", file);
      const buffer = await file.arrayBuffer();
      const body = { blob: file, form, stream: new Response(file).body, buffer }[kind];
      const answer = await host.fetch("/upload", { method: "POST", body });
      return answer.json();
    }""".replace("%d", str(size))
    for kind in ("blob", "stream", "buffer"):
        got = await frame.evaluate(script, kind)
        assert got["size"] == size
        assert got["sha256"] == hashlib.sha256(b"A" * size).hexdigest()
    form = await frame.evaluate(script, "form")
    assert form["type"].startswith("multipart/form-data; boundary=")
    assert form["size"] > size


async def test_events_stream_and_can_be_left(visit: Visitor) -> None:
    frame = await visit.frame()
    for _ in range(6):  # more than may be open at once: each that is left makes room
        got = await frame.evaluate(
            """async () => {
              const leave = new AbortController();
              const answer = await host.fetch("/ticks", { signal: leave.signal });
              const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
              let text = "";
              while (!text.includes("data: 3")) text += (await reader.read()).value;
              leave.abort();
              return text;
            }"""
        )
        assert "data: 1" in got


async def test_no_more_than_two_event_streams(visit: Visitor) -> None:
    frame = await visit.frame()
    await frame.evaluate("async () => { for (const x of [1, 2]) await host.fetch('/ticks'); }")
    assert "event streams" in await refused(frame, "host.fetch('/ticks')")
    assert (await echo(frame))["method"] == "GET"


async def test_a_long_answer_comes_whole_and_at_the_readers_pace(visit: Visitor) -> None:
    frame = await visit.frame()
    size = await frame.evaluate("() => host.fetch('/big').then((r) => r.blob()).then((b) => b.size)")
    assert size == 64 * 131072


async def test_answers_that_nobody_reads_do_not_stop_the_rest(visit: Visitor) -> None:
    frame = await visit.frame()
    calls = "Array.from({length: 40}, () => host.fetch('/echo').then((r) => r.status))"
    assert await frame.evaluate(f"() => Promise.all({calls})") == [200] * 40


async def test_an_abort_before_the_answer_is_an_abort(visit: Visitor) -> None:
    frame = await visit.frame()
    name = await frame.evaluate(
        "() => host.fetch('/ticks', {signal: AbortSignal.abort()}).catch((error) => error.name)"
    )
    assert name == "AbortError"


CLIMBS = (
    "/../../../api/v1/plugins",
    "/%2e%2e/%2e%2e/notes/api/notes",
    "/a/..%2f..%2f..%2fapi",
    "/%252e%252e%252f%252e%252e%252fnotes",
    "/..\\\\..\\\\x",
    "//../../x",
    "echo",
    "http://127.0.0.1:9/",
    "/" + "x" * 9000,
)


async def test_paths_out_of_the_plugins_api_are_refused(visit: Visitor) -> None:
    frame = await visit.frame()
    before = len(visit.answered)
    for path in CLIMBS:
        assert await refused(frame, f"host.fetch('{path}')") != "not refused", path
    assert [url for url in visit.answered[before:] if "/plugins/" in url and "/api/v1/" not in url] == []


async def test_redirects_are_not_followed(visit: Visitor) -> None:
    frame = await visit.frame()
    assert "redirect" in await refused(frame, "host.fetch('/redirect')")


async def test_a_second_document_in_the_frame_has_no_bridge(visit: Visitor) -> None:
    frame = await visit.frame()
    await frame.evaluate("() => { location.reload(); }")
    await expect(visit.page.locator(".stage .cover")).to_contain_text("left for another one")
    await expect(visit.page.locator("iframe")).to_have_count(0)
    await visit.page.get_by_role("button", name="Load again").click()
    await expect(visit.page.frame_locator("iframe").locator("#title")).to_be_visible()


async def test_words_of_other_windows_are_ignored(visit: Visitor) -> None:
    """A bridge waits for its own frame: not for the console's window, another frame or a named origin."""
    await visit.frame()
    taken = await visit.page.evaluate(
        """async () => {
          const { Bridge } = await import("/static/bridge.js");
          const mine = document.createElement("iframe");
          document.body.append(mine);
          const bridge = new Bridge(mine, "probe", {});
          const hello = { plugway: "hello", version: 1, plugin: "probe", release: "" };
          const say = (source, origin) => dispatchEvent(new MessageEvent("message",
            { data: hello, source, origin, ports: [new MessageChannel().port1] }));
          window.postMessage(hello, "*", [new MessageChannel().port1]);
          say(window, "null");
          say(document.querySelector(".stage iframe").contentWindow, "null");
          say(mine.contentWindow, location.origin);
          await new Promise((done) => setTimeout(done, 50));
          const before = bridge.port;
          say(mine.contentWindow, "null");
          const after = bridge.port;
          bridge.close();
          mine.remove();
          return [before === null, after !== null];
        }"""
    )
    assert taken == [True, True]


async def test_a_second_hello_changes_nothing(visit: Visitor) -> None:
    frame = await visit.frame()
    heard = await frame.evaluate(
        """() => new Promise((done) => {
          const channel = new MessageChannel();
          channel.port1.onmessage = () => done("answered");
          const hello = { plugway: "hello", version: 1, plugin: "probe", release: "" };
          parent.postMessage(hello, "*", [channel.port2]);
          setTimeout(() => done("silence"), 300);
        })"""
    )
    assert heard == "silence"
    assert (await echo(frame))["method"] == "GET"


async def test_a_flood_ends_the_page_and_nothing_else(visit: Visitor) -> None:
    frame = await visit.frame()
    told = await refused(frame, "Promise.all(Array.from({length: 1500}, () => host.storage.get('x')))")
    assert "slow down" in told
    await frame.evaluate("() => { for (let i = 0; i < 4000; i += 1) host.storage.get('x').catch(() => {}); }")
    await expect(visit.page.locator(".stage .cover")).to_contain_text("flooded")
    await visit.page.get_by_role("link", name="Overview").click()
    await expect(visit.page.locator(".facts")).to_be_visible()


async def test_sizes_are_limited(visit: Visitor) -> None:
    frame = await visit.frame()
    assert "full" in await refused(frame, "host.storage.set('x', 'y'.repeat(2 ** 21))")
    assert "longer" in await refused(frame, "host.notify('x'.repeat(1000))")
    assert "longer" in await refused(frame, "host.confirm('x'.repeat(2000))")
    headers = "{headers: Object.fromEntries(Array.from({length: 99}, (_, i) => ['x-' + i, 'v']))}"
    assert "headers" in await refused(frame, f"host.fetch('/echo', {headers})")


async def test_odd_messages_do_no_harm(visit: Visitor) -> None:
    """What a page could send by getting hold of the port itself."""
    frame = await visit.frame()
    got = await visit.page.evaluate(
        """async () => {
          const { Bridge } = await import("/static/bridge.js");
          const mine = document.createElement("iframe");
          document.body.append(mine);
          const bridge = new Bridge(mine, "probe", { theme: "light", path: "/", storage: {} });
          const answers = [];
          bridge.port = { postMessage: (message) => answers.push(message), close() {} };
          const odd = [null, 7, "text", [], {}, { jsonrpc: "2.0" },
            { jsonrpc: "2.0", id: 1, method: "constructor", params: {} },
            { jsonrpc: "2.0", id: 2, method: "__proto__", params: {} },
            { jsonrpc: "2.0", id: 3, method: "fetch", params: null },
            { jsonrpc: "2.0", id: 4, method: "fetch", params: { path: {}, method: [], headers: 1 } },
            { jsonrpc: "2.0", id: 5, method: "storage.set", params: JSON.parse('{"__proto__": {"hit": 1}}') },
            { jsonrpc: "2.0", id: "six", method: "notify", params: {} }];
          for (const message of odd) await bridge.receive(message);
          bridge.close();
          mine.remove();
          return [answers.map((a) => [a.id, Boolean(a.error)]), ({}).hit === undefined];
        }"""
    )
    assert got == [[[1, True], [2, True], [3, True], [4, True], [5, True]], True]
    assert (await echo(frame))["method"] == "GET"


async def test_a_deep_link_survives_reloads_and_goes_back(visit: Visitor) -> None:
    frame = await visit.frame(path="#/items/7?x=1")
    await expect(frame.locator("#path")).to_have_text("/items/7?x=1")
    await frame.evaluate("() => host.navigate('/items/8')")
    await expect(visit.page).to_have_url(re.compile("#/items/8$"))
    await visit.page.reload()
    await expect(visit.page.frame_locator("iframe").locator("#path")).to_have_text("/items/8")
    await visit.page.go_back()
    await expect(visit.page.frame_locator("iframe").locator("#path")).to_have_text("/items/7?x=1")


async def test_the_theme_reaches_the_frame(visit: Visitor) -> None:
    frame = await visit.frame()
    await expect(frame.locator("#theme")).to_have_text("light")
    await visit.page.get_by_role("button", name="Switch to the dark theme").click()
    await expect(frame.locator("#theme")).to_have_text("dark")
    await expect(frame.locator("body")).to_have_css("background-color", "rgb(15, 18, 24)")
    await visit.page.reload()
    await expect(visit.page.frame_locator("iframe").locator("#theme")).to_have_text("dark")


async def test_what_a_plugin_keeps_is_its_own(visit: Visitor) -> None:
    frame = await visit.frame()
    await frame.evaluate("() => host.storage.set('__proto__', {a: [1]})")
    assert await frame.evaluate("() => host.storage.get('__proto__')") == {"a": [1]}
    assert await frame.evaluate("() => host.storage.get('never')") is None
    await visit.page.evaluate("() => localStorage.setItem('plugway.plugin:notes:x', '1')")
    assert await frame.evaluate("() => host.storage.get('x')") is None
    await frame.evaluate("() => host.storage.remove('__proto__')")
    assert await frame.evaluate("() => host.storage.get('__proto__')") is None


async def test_questions_and_notices_are_the_consoles_and_plain_text(visit: Visitor) -> None:
    frame = await visit.frame()
    await frame.evaluate("() => { window.answer = host.confirm('Delete <b>all</b>?', {danger: true}); }")
    dialog = visit.page.get_by_role("dialog", name="Probe")
    await expect(dialog).to_contain_text("Delete <b>all</b>?")
    await dialog.get_by_role("button", name="OK").click()
    assert await frame.evaluate("() => window.answer") is True
    await frame.evaluate("() => host.notify('<img src=x>', {kind: 'error'})")
    await expect(visit.page.locator(".toast")).to_contain_text("<img src=x>")


async def test_links_open_only_when_the_reader_agrees(visit: Visitor) -> None:
    frame = await visit.frame()
    for url in ("javascript:alert(1)", "/plugins/probe", "data:text/html,x", visit.gateway.base + "/catalog"):
        assert await refused(frame, f"host.openLink({url!r})") != "not refused"
    await frame.evaluate("() => { window.opened = host.openLink('https://example.org/docs'); }")
    dialog = visit.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("https://example.org/docs")
    await dialog.get_by_role("button", name="Cancel").click()
    assert await frame.evaluate("() => window.opened") is False
