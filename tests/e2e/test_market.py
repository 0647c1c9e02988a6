"""The catalog as people use it: found, looked at, agreed to, installed, updated."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.browser import Visitor, visitor
from tests.fakes.catalogue import Publisher, digest, picture, plugin, version
from tests.fakes.serving import serving
from tests.running import RunningGateway, gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(150)]

_POLICY = 'policy = 1\n[[allow_unsigned]]\nplugins = ["clock"]\n'
_ASKS = {"egress": ["time.example:443"], "volumes": ["zones"]}


@dataclass
class Shop:
    """A publisher of this test alone, and a gateway that knows nothing of it yet."""

    running: RunningGateway
    publisher: Publisher

    async def listed(self) -> None:
        """Have its catalogue here, as an operator who trusts its key adds it."""
        keys = [self.publisher.key.public.pem()]
        body = {"name": "acme", "url": self.publisher.url, "keys": keys}
        (await self.running.client.post("/api/v1/catalogues", json=body)).raise_for_status()

    async def installed(self, id_: str) -> None:
        """Have the version that the catalogue offers, with a yes to all that it asks for."""
        client = self.running.client
        offered = (await client.get(f"/api/v1/catalog/{id_}")).raise_for_status().json()
        definition = offered["offers"][0]["definition"]
        shown = (await client.post("/api/v1/plugins/preview", json=definition)).raise_for_status().json()
        consent = {"consent": shown["releaseId"]}
        (await client.post("/api/v1/plugins", json=definition, params=consent)).raise_for_status()
        await self.running.healthy(id_)

    async def clear(self) -> None:
        """Leave the gateway as it was, whatever the test did."""
        for path in ("plugins/clock?purge=true", "catalogues/acme"):
            answer = await self.running.client.delete(f"/api/v1/{path}")
            assert answer.status_code in (204, 404), answer.text


def _publish(publisher: Publisher, *numbers: str, serial: int = 1) -> None:
    day, night = picture(), picture(red=40)
    publisher.put(day, "/shots/day.png")
    publisher.put(night, "/shots/night.png")
    shots = [
        {"path": "shots/day.png", "sha256": digest(day)[7:], "alt": "The clock by day"},
        {"path": "shots/night.png", "sha256": digest(night)[7:], "alt": "The clock by night"},
        {"path": "shots/gone.png", "sha256": "0" * 64, "alt": "Lost"},
    ]
    clock = publisher.offered(
        "clock",
        *numbers,
        description="The time in several places, <b>side by side</b>.",
        publisher="Acme",
        homepage="https://acme.example/clock",
        categories=["time"],
        screenshots=shots,
    )
    for one in clock["versions"]:
        one |= {"notes": f"What {one['version']} brings.", "uiType": "static"}
    maps = plugin(
        "maps",
        version("maps", "0.9.0", yanked="Shows the wrong continent."),
        version("maps", "0.8.0", permissions=_ASKS, releasedAt="2026-01-31T12:00:00Z"),
        description="Where things are. " * 12,
        publisher="A publisher with a rather long name of its own",
        categories=["data"],
    )
    odd = plugin("from-the-future", version("from-the-future", "1.0.0", definition={"source": "teleport"}))
    publisher.publish(clock, maps, odd, serial=serial)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    home: Path = tmp_path_factory.mktemp("home")
    (home / "policy.toml").write_text(_POLICY)
    settings = {
        "PLUGWAY_FETCH_ALLOW": "127.0.0.1",
        "PLUGWAY_CATALOGUE_INTERVAL": "0",
        "PLUGWAY_INSTALL": "notes",
    }
    async with gateway(home, settings=settings) as running:
        await running.healthy("notes")
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def shop(running: RunningGateway) -> AsyncIterator[Shop]:
    publisher = Publisher()
    async with serving(publisher.web) as publisher.base:
        _publish(publisher, "1.0.0")
        made = Shop(running, publisher)
        yield made
        await made.clear()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, shop: Shop) -> AsyncIterator[Visitor]:
    async with visitor(browser, shop.running) as found:
        yield found
        assert found.foreign_requests() == []
        assert found.errors == []


async def look(visit: Visitor, name: str) -> None:
    """A picture for people, where somebody asks for one."""
    if directory := os.environ.get("PLUGWAY_PICTURES"):
        await visit.page.wait_for_timeout(400)
        await visit.page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)


async def test_a_catalogue_is_added_in_the_console(visit: Visitor, shop: Shop) -> None:
    page = visit.page
    await visit.go("/catalog")
    await expect(page.get_by_text("None yet. A catalogue is a signed list")).to_be_visible()
    await page.get_by_role("button", name="Add a catalogue").click()
    dialog = page.get_by_role("dialog", name="Add a catalogue")
    await dialog.get_by_label("Name").fill("acme")
    await dialog.get_by_label("Address of its index").fill(shop.publisher.url)
    await dialog.get_by_label("Public keys").fill(Publisher().key.public.pem())
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("None of the keys")
    await look(visit, "add-refused")
    await dialog.get_by_label("Public keys").fill(shop.publisher.key.public.pem())
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator("[data-catalogue=acme].catalogue-row")).to_contain_text("3 plugins")
    await expect(page.locator(".card[data-plugin=clock]")).to_be_visible()


async def test_search_and_choices_narrow_what_is_shown(visit: Visitor, shop: Shop) -> None:
    page = visit.page
    await shop.listed()
    await visit.go("/catalog")
    cards = page.locator(".card")
    await expect(page.locator(".card[data-plugin=maps] .badge").first).to_have_text("External")
    await expect(page.locator(".card[data-plugin=maps]")).to_contain_text("Unsigned")
    await expect(page.locator(".card[data-plugin=notes] .badge")).to_have_text("Built-in")
    await look(visit, "catalog")
    await page.get_by_role("searchbox").fill("several PLACES")
    await expect(cards).to_have_count(1)
    await expect(cards).to_contain_text("Clock")
    await page.get_by_role("searchbox").fill("no such thing")
    await expect(page.get_by_text("Nothing found")).to_be_visible()
    await page.get_by_role("searchbox").fill("")
    await page.get_by_label("Category").select_option(label="data")
    await expect(cards).to_have_count(1)
    await page.get_by_label("Category").select_option(label="All categories")
    await page.get_by_label("From where").select_option(label="Acme's plugins")
    await expect(cards).to_have_count(3)
    odd = page.locator(".card[data-plugin=from-the-future]")
    await expect(odd).to_contain_text("does not understand its definition")
    await expect(odd.get_by_role("button")).to_have_count(0)


async def test_details_show_versions_permissions_and_pictures(visit: Visitor, shop: Shop) -> None:
    page = visit.page
    await shop.listed()
    await visit.go("/catalog")
    await page.locator(".card[data-plugin=maps]").get_by_role("link", name="Maps").click()
    await expect(page.get_by_role("heading", name="Maps", level=1)).to_be_visible()
    await expect(page.get_by_text("It may connect to time.example:443.")).to_be_visible()
    await expect(page.get_by_text("Withdrawn: Shows the wrong continent.")).to_be_visible()
    await expect(page.get_by_role("button", name="Install Maps 0.9.0")).to_have_count(0)
    await expect(page.get_by_role("button", name="Install Maps 0.8.0").first).to_be_visible()
    await look(visit, "details-maps")

    await visit.go("/catalog/clock")
    shown = page.get_by_role("list", name="Screenshots").get_by_role("img")
    await expect(shown).to_have_count(2)
    assert await shown.evaluate_all("all => all.map((one) => one.naturalWidth)") == [320, 320]
    await expect(page.get_by_text("The picture “Lost” is not to be had now.")).to_be_visible()
    # What a publisher writes stays text.
    await expect(page.get_by_text("<b>side by side</b>")).to_be_visible()
    await expect(page.get_by_role("link", name="acme.example")).to_have_attribute(
        "rel", "noopener noreferrer"
    )
    await look(visit, "details-clock")

    await visit.go("/catalog/nothing-here")
    await expect(page.get_by_role("heading", name="Not in the catalog")).to_be_visible()


async def test_what_the_policy_refuses_is_told_and_the_rest_is_agreed_to(visit: Visitor, shop: Shop) -> None:
    page = visit.page
    await shop.listed()
    await visit.go("/catalog/maps")
    await page.get_by_role("button", name="Install Maps 0.8.0").first.click()
    await expect(page.locator(".toast[data-kind=error]")).to_be_visible()
    assert (await shop.running.client.get("/api/v1/plugins/maps")).status_code == 404

    await visit.go("/catalog/clock")
    begin = page.get_by_role("button", name="Install Clock 1.0.0").first
    await begin.click()
    dialog = page.get_by_role("dialog", name="Install Clock 1.0.0?")
    await expect(dialog.locator("[data-tier]")).to_have_text("External")
    await expect(dialog).to_contain_text("Nobody vouches for it")
    await expect(dialog).to_contain_text("Rating: at most C, 65 of 100 points")
    await dialog.get_by_text("Rating: at most").click()
    await expect(dialog).to_contain_text("Nobody whom the policy knows has signed it.")
    await look(visit, "consent")
    await dialog.get_by_role("button", name="Cancel").click()
    assert (await shop.running.client.get("/api/v1/plugins/clock")).status_code == 404
    await begin.click()
    await dialog.get_by_role("button", name="Install").click()
    await expect(page.get_by_role("heading", name="Clock")).to_be_visible()
    await expect(page.get_by_label("Facts").locator("[data-tier]")).to_have_text("External")
    await shop.running.healthy("clock")


async def test_a_newer_version_is_offered_and_moved_to(visit: Visitor, shop: Shop) -> None:
    page = visit.page
    await shop.listed()
    await shop.installed("clock")
    _publish(shop.publisher, "1.0.0", "1.1.0", serial=2)
    await visit.go("/catalog")
    await page.get_by_role("button", name="Fetch Acme's plugins now").click()
    await expect(page.locator(".toast").filter(has_text="up to date")).to_be_visible()
    await page.get_by_role("link", name="Update Clock to 1.1.0").click()
    await page.get_by_role("button", name="Update to 1.1.0").click()
    dialog = page.get_by_role("dialog", name="Move Clock to 1.1.0?")
    await expect(dialog).to_contain_text("It asks for nothing more than it has.")
    await dialog.get_by_role("button", name="Move it").click()
    await expect(page).to_have_url(shop.running.base + "/plugins/clock/rollouts")
    await expect(page.get_by_text("1.1.0").first).to_be_visible()


async def test_a_catalogue_that_is_away_says_so(visit: Visitor, shop: Shop) -> None:
    page = visit.page
    await shop.listed()
    shop.publisher.away()
    await visit.go("/catalog")
    await page.get_by_role("button", name="Fetch Acme's plugins now").click()
    row = page.locator("[data-catalogue=acme].catalogue-row")
    await expect(row).to_contain_text("502")
    await expect(page.locator(".card[data-plugin=maps]")).to_be_visible()
    await look(visit, "away")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_of_it_is_wider_than_a_phone(browser: Browser, shop: Shop, scheme: str) -> None:
    await shop.listed()
    phone = {"width": 375, "height": 740}
    async with visitor(browser, shop.running, viewport=phone, color_scheme=scheme) as visit:
        for path in ("/catalog", "/catalog/maps", "/catalog/clock"):
            await visit.go(path)
            await expect(visit.page.locator("main [aria-busy]")).to_have_count(0)
            await expect(visit.page.locator(".catalogue-row, .versions").first).to_be_visible()
            wide = await visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, path
            nameless = await visit.page.evaluate(
                """() => [...document.querySelectorAll("button, a[href], input, select, textarea")]
                  .filter((node) => node.checkVisibility())
                  .filter((node) => !(node.textContent.trim() || node.ariaLabel || node.labels?.length))
                  .map((node) => node.outerHTML)"""
            )
            assert nameless == [], path
            assert await visit.page.locator("h1").count() == 1, path
            await look(visit, f"phone-{scheme}{path.replace('/', '-')}")
