"""A plugin's page is alone: it reaches nothing of the console, of the gateway or of other hosts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.browser import Visitor
from tests.e2e.elsewhere import ATTEMPTS, REACHES, Elsewhere, another_host

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere() -> AsyncIterator[Elsewhere]:
    async with another_host() as found:
        yield found
        assert found.heard == []


async def test_its_origin_is_opaque(visit: Visitor) -> None:
    frame = await visit.frame()
    assert await frame.evaluate("self.origin") == "null"
    assert await frame.evaluate("document.domain") == ""


async def test_it_cannot_read_the_console(visit: Visitor) -> None:
    frame = await visit.frame()
    for reach in REACHES:
        failed = "async () => { try { await (%s); return 'read' } catch (e) { return e.name } }"
        assert await frame.evaluate(failed % reach) in {"SecurityError", "TypeError"}, reach


async def test_it_cannot_fetch_anything_itself(visit: Visitor, elsewhere: Elsewhere) -> None:
    frame = await visit.frame()
    own = ("/api/v1/plugins", "/plugins/probe/api/echo", "/plugins/notes/ui/", "/metrics")
    addresses = [elsewhere.url, *(visit.gateway.base + path for path in own)]
    before = len(visit.answered)
    for url in addresses:
        for attempt in ATTEMPTS:
            assert await frame.evaluate(attempt, url) != "reached", (url, attempt)
    # The console itself goes on asking the management API; what a page may never get is the rest.
    assert [url for url in visit.answered[before:] if url in addresses and "/api/v1/" not in url] == []


async def test_no_other_door_leads_out(visit: Visitor, elsewhere: Elsewhere) -> None:
    frame = await visit.frame()
    found = await frame.evaluate(
        """async (away) => {
          const blocked = (node, parent = document.body) => new Promise((done) => {
            node.onload = () => done("loaded");
            node.onerror = () => done("blocked");
            parent.append(node);
          });
          const made = (tag, props) => Object.assign(document.createElement(tag), props);
          const tried = {
            image: await blocked(made("img", { src: away + "i.png" })),
            style: await blocked(made("link", { rel: "stylesheet", href: away + "s.css" }), document.head),
            module: await import(away + "m.js").then(() => "loaded", () => "blocked"),
            beacon: navigator.sendBeacon(away, "x") ? "queued" : "blocked",
            webrtc: typeof RTCPeerConnection,
            transport: typeof WebTransport,
          };
          try { new Worker(URL.createObjectURL(new Blob(["1"]))); tried.worker = "made"; }
          catch (e) { tried.worker = "blocked"; }
          try { new Function("return 1")(); tried.eval = "ran"; } catch (e) { tried.eval = "blocked"; }
          try { document.body.innerHTML = "<img src=x onerror=window.hit=1>"; tried.markup = "set"; }
          catch (e) { tried.markup = "blocked"; }
          const script = document.createElement("script");
          try { script.textContent = "window.ran = 1"; document.head.append(script); } catch (e) {}
          tried.inline = window.ran ? "ran" : "blocked";
          const form = made("form", { action: away, method: "post" });
          document.body.append(form);
          form.submit();
          tried.popup = window.open(away) ? "opened" : "blocked";
          return tried;
        }""",
        elsewhere.url,
    )
    # A beacon may be taken and then dropped by the policy: elsewhere tells.
    assert set(found.values()) <= {"blocked", "undefined", "queued"}, found


async def test_a_form_tells_the_page_but_is_not_sent(visit: Visitor) -> None:
    frame = await visit.frame()
    heard = await frame.evaluate(
        """() => new Promise((done) => {
          const form = document.createElement("form");
          form.action = "/plugins/probe/api/echo";
          form.addEventListener("submit", () => setTimeout(() => done("heard"), 100));
          document.body.append(form);
          form.requestSubmit();
        })"""
    )
    assert heard == "heard"
    await expect(frame.locator("#title")).to_be_visible()


async def test_it_cannot_take_itself_or_the_console_elsewhere(visit: Visitor, elsewhere: Elsewhere) -> None:
    frame = await visit.frame()
    await frame.evaluate("(away) => { try { top.location.href = away; } catch (e) {} }", elsewhere.url)
    await frame.evaluate("(away) => { location.href = away + '?data=1'; }", elsewhere.url)
    await asyncio.sleep(0.3)  # nothing tells when a navigation was not begun
    await expect(visit.page.locator(".plugin-head h1")).to_have_text("Probe")
    assert visit.page.url.startswith(visit.gateway.base)


async def test_nothing_frames_the_console(visit: Visitor) -> None:
    answer = await visit.context.request.get(visit.gateway.base + "/")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_a_page_that_a_plugins_api_answers_runs_no_script(visit: Visitor) -> None:
    await visit.go("/plugins/probe/api/page")
    await expect(visit.page.locator("#page")).to_be_visible()
    assert await visit.page.title() == ""


async def test_alone_in_a_tab_the_page_says_where_it_belongs(visit: Visitor) -> None:
    await visit.go("/plugins/probe/ui/")
    await expect(visit.page.locator("body")).to_contain_text("/plugins/probe/open")
    assert await visit.page.evaluate("self.origin") == "null"
