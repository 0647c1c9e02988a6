"""Catalogues over HTTP: the management API on one side, a publisher's static files on the other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.definition import PluginDefinition
from gateway.model import PluginId, ReleaseId
from gateway.trust.keys import generate
from tests.fakes.catalogue import Publisher, digest, index, picture, plugin, signed, version
from tests.fakes.management import Bed, management
from tests.fakes.serving import serving
from tests.fakes.web import Page


@dataclass
class Shop:
    """A gateway's API with its admin, and a publisher."""

    home: Path
    bed: Bed
    admin: httpx.AsyncClient
    publisher: Publisher

    async def add(self, name: str = "acme", **more: Any) -> httpx.Response:
        body = {"name": name, "url": self.publisher.url, "keys": [self.publisher.key.public.line], **more}
        return await self.admin.post("/api/v1/catalogues", json=body)

    async def refresh(self, name: str = "acme") -> dict[str, Any]:
        answer = await self.admin.post(f"/api/v1/catalogues/{name}/refresh")
        return dict(answer.raise_for_status().json())

    async def entries(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.admin.get("/api/v1/catalog", params=query)
        return list(answer.raise_for_status().json()["plugins"])

    async def offered(self, **query: str) -> dict[str, str]:
        """Ids to versions, of catalogues alone."""
        return {entry["id"]: entry["version"] for entry in await self.entries(**query) if entry["catalogue"]}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    publisher = Publisher()
    async with serving(publisher.web) as publisher.base, management(tmp_path) as bed, bed.client() as admin:
        publisher.publish(plugin("clock", description="The time in several places."))
        yield Shop(tmp_path, bed, admin, publisher)


def reason(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.json()["hint"]
    return str(answer.json().get("reason", ""))


async def test_what_a_catalogue_has_is_listed_beside_the_own(shop: Shop) -> None:
    own = {entry["id"] for entry in await shop.entries()}
    added = await shop.add()
    assert added.status_code == 201
    assert added.headers["location"] == "/api/v1/catalogues/acme"
    assert (added.json()["serial"], added.json()["plugins"], added.json()["problem"]) == (1, 1, "")
    assert {entry["id"] for entry in await shop.entries()} == own | {"clock"}
    [clock] = await shop.entries(q="several TIME")
    told = {key: clock[key] for key in ("tier", "source", "catalogue", "catalogueTitle", "signature")}
    assert told == {
        "tier": "external",
        "source": "cdn",
        "catalogue": "acme",
        "catalogueTitle": "Acme's plugins",
        "signature": "none",
    }
    assert clock["definition"]["checksum"]
    [offer] = (await shop.admin.get("/api/v1/catalog/clock")).json()["offers"]
    assert [one["version"] for one in offer["details"]] == ["1.0.0"]
    missing = await shop.admin.get("/api/v1/catalog/clok")
    assert missing.status_code == 404
    assert "clock" in missing.json()["hint"]


async def test_a_long_list_comes_in_parts(shop: Shop) -> None:
    many = [plugin(f"tool-{number:03}", categories=["tools"]) for number in range(250)]
    shop.publisher.publish(*many, plugin("clock", categories=["time"]))
    await shop.add()
    answer = (await shop.admin.get("/api/v1/catalog", params={"catalogue": "acme"})).json()
    assert (answer["total"], len(answer["plugins"])) == (251, 200)
    assert answer["categories"] == ["time", "tools"]
    found = (await shop.admin.get("/api/v1/catalog", params={"q": "tool 249", "limit": 1})).json()
    assert [entry["id"] for entry in found["plugins"]] == ["tool-249"]
    own = (await shop.admin.get("/api/v1/catalog", params={"catalogue": ""})).json()
    assert [entry["id"] for entry in own["plugins"]] == ["notes"]
    assert (await shop.admin.get("/api/v1/catalog", params={"limit": 9999})).status_code == 422


async def test_a_catalogue_that_does_not_hold_is_not_added(shop: Shop) -> None:
    stranger = generate()
    assert reason(await shop.add(keys=[stranger.public.line]), 422) == "signature"
    assert reason(await shop.add(url=f"{shop.publisher.base}/nothing.json"), 503) == ""
    shop.publisher.publish(plugin("clock"), days=-1)
    assert reason(await shop.add(), 422) == "expired"
    shop.publisher.publish(plugin("clock"))
    both = [shop.publisher.key.public.line, stranger.public.line]
    assert reason(await shop.add(keys=both, threshold=2), 422) == "threshold"
    for more in ({"name": "../up"}, {"threshold": 2}, {"keys": ["nonsense"]}, {"url": "file:///etc/passwd"}):
        refused = await shop.add(**more)
        assert refused.status_code == 422, refused.text
    assert (await shop.admin.get("/api/v1/catalogues")).json()["catalogues"] == []
    assert not (shop.home / "catalogues.toml").exists()
    assert await shop.offered() == {}
    assert (await shop.add()).status_code == 201
    assert (await shop.add()).status_code == 409


@pytest.mark.parametrize(
    ("what", "says"),
    [("older", "older than"), ("other", "two different"), ("stranger", "None of the keys"),
     ("expired", "expired"), ("renamed", "'acme' was added"), ("garbage", "cannot be read"),
     ("away", "502"), ("tampered", "None of the keys"), ("huge", "larger than")],
)  # fmt: skip
async def test_what_does_not_follow_is_told_and_what_was_there_stays(
    shop: Shop, what: str, says: str
) -> None:
    publisher = shop.publisher
    publisher.publish(plugin("clock", version("clock", "2.0.0")), serial=5)
    await shop.add()
    new = plugin("clock", version("clock", "3.0.0"))
    envelope = json.loads(signed(index(new, serial=6), [publisher.key]))
    match what:
        case "older":
            publisher.publish(new, serial=4)
        case "other":
            publisher.publish(new, serial=5)
        case "stranger":
            publisher.put(signed(index(new, serial=6), [generate()]))
        case "expired":
            publisher.publish(new, serial=6, days=-1)
        case "renamed":
            publisher.publish(new, serial=6, name="beta")
        case "garbage":
            publisher.put(b"<html>Sign in to the hotel's network</html>")
        case "away":
            publisher.away()
        case "huge":
            publisher.put(b"x" * (5 * 2**20))
        case "tampered":
            other = json.loads(signed(index(new, serial=7), [generate()]))
            publisher.put(json.dumps(envelope | {"payload": other["payload"]}).encode())
    told = await shop.refresh()
    assert says in told["problem"]
    assert told["serial"] == 5
    assert await shop.offered() == {"clock": "2.0.0"}
    assert any(says in doubt for doubt in (await shop.admin.get("/api/v1/updates")).json()["doubts"])
    # What follows is taken again.
    publisher.put(json.dumps(envelope).encode())
    assert (await shop.refresh())["problem"] == ""
    assert await shop.offered() == {"clock": "3.0.0"}


async def test_what_was_fetched_survives_without_network(shop: Shop) -> None:
    shop.publisher.publish(plugin("clock", version("clock", "2.0.0")), serial=5)
    await shop.add()
    shop.publisher.away()
    async with management(shop.home) as bed, bed.client() as admin:
        later = Shop(shop.home, bed, admin, shop.publisher)
        assert await later.offered() == {"clock": "2.0.0"}
        [standing] = (await admin.get("/api/v1/catalogues")).json()["catalogues"]
        assert standing["fetchedAt"]
        # The floor outlives the process, too.
        shop.publisher.publish(plugin("clock", version("clock", "1.0.0")), serial=4)
        assert "older than" in (await later.refresh())["problem"]
        assert await later.offered() == {"clock": "2.0.0"}


@pytest.mark.parametrize("damage", ["index", "state", "older index", "key taken out", "list"])
async def test_damage_on_the_disk_ends_nothing(shop: Shop, damage: str) -> None:
    publisher = shop.publisher
    await shop.add()
    folder = shop.home / "catalogues" / "acme"
    first = (folder / "index.json").read_bytes()
    publisher.publish(plugin("clock"), serial=2)
    await shop.refresh()
    listed = shop.home / "catalogues.toml"
    match damage:
        case "index":
            (folder / "index.json").write_text("{")
        case "state":
            (folder / "state.json").write_text("{")
        case "older index":
            (folder / "index.json").write_bytes(first)
        case "key taken out":
            text = listed.read_text()
            listed.write_text(text.replace(publisher.key.public.line, generate().public.line))
        case "list":
            listed.write_text("catalogues = 1\n[catalogue.acme]\nurl =")
    async with management(shop.home) as bed, bed.client() as admin:
        later = Shop(shop.home, bed, admin, publisher)
        answer = (await admin.get("/api/v1/catalogues")).json()
        if damage == "list":
            assert "not TOML" in answer["problem"]
            assert (await admin.post("/api/v1/catalogues/acme/refresh")).status_code == 422
            return
        [standing] = answer["catalogues"]
        assert bool(standing["problem"]) == (damage != "state")
        assert await later.offered() == ({"clock": "1.0.0"} if damage == "state" else {})
        healed = await later.refresh()
        assert bool(healed["problem"]) == (damage == "key taken out")


async def test_a_removed_catalogue_is_forgotten(shop: Shop) -> None:
    await shop.add()
    assert (await shop.admin.delete("/api/v1/catalogues/acme")).status_code == 204
    assert await shop.offered() == {}
    assert not (shop.home / "catalogues" / "acme").exists()
    assert (await shop.admin.delete("/api/v1/catalogues/acme")).status_code == 404


async def test_a_list_edited_by_hand_is_followed(shop: Shop) -> None:
    line = shop.publisher.key.public.line
    (shop.home / "catalogues.toml").write_text(
        f'catalogues = 1\n[catalogue.mine]\nurl = "{shop.publisher.url}"\nkeys = ["{line}"]\n'
    )
    assert (await shop.refresh("mine"))["plugins"] == 1


async def test_screenshots_come_from_the_gateway_and_are_what_was_signed(shop: Shop) -> None:
    good, other = picture(), picture(red=10)
    markup = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    pictures = {"good.png": good, "swapped.png": other, "drawn.png": markup}
    for name, content in pictures.items():
        shop.publisher.put(content, f"/shots/{name}")
    shop.publisher.put(picture(red=99), "/shots/swapped.png")
    shots = [
        {"path": f"shots/{name}", "sha256": digest(content).removeprefix("sha256:"), "alt": name}
        for name, content in pictures.items()
    ]
    shop.publisher.publish(plugin("clock", screenshots=shots))
    await shop.add()
    [offer] = (await shop.admin.get("/api/v1/catalog/clock")).json()["offers"]
    urls = {shot["alt"]: shot["url"] for shot in offer["screenshots"]}
    shown = await shop.admin.get(urls["good.png"])
    assert (shown.content, shown.headers["content-type"]) == (good, "image/png")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]
    assert reason(await shop.admin.get(urls["swapped.png"]), 422) == "signature"
    assert reason(await shop.admin.get(urls["drawn.png"]), 422) == "unreadable"
    unknown = f"/api/v1/catalog/clock/screenshots/{'0' * 64}"
    assert (await shop.admin.get(unknown)).status_code == 404
    # Once fetched it needs its host no more, and damage is noticed.
    shop.publisher.web.pages["/shots/good.png"] = Page(status=500)
    assert (await shop.admin.get(urls["good.png"])).content == good
    [stored] = [path for path in (shop.home / "pictures").glob("??/*") if not path.suffix]
    stored.write_bytes(other)
    assert (await shop.admin.get(urls["good.png"])).status_code == 503


async def test_updates_say_what_the_newer_version_asks_for(shop: Shop) -> None:
    first = version("clock", "1.0.0")
    more = version("clock", "1.1.0", permissions={"egress": ["time.example:443"]}, notes="Asks the world.")
    shop.publisher.publish(plugin("clock", first, more))
    await shop.add()
    definition = PluginDefinition.model_validate(first["definition"])
    await shop.bed.lifecycle.install(definition)
    await shop.bed.install("notes")
    updates = {one["plugin"]: one for one in (await shop.admin.get("/api/v1/updates")).json()["updates"]}
    clock = updates["clock"]
    release = shop.bed.store.release(ReleaseId(shop.bed.store.plugin(PluginId("clock")).release_id)).release
    assert release.version == clock["installed"]
    assert (clock["newest"], clock["catalogue"], clock["notes"]) == ("1.1.0", "acme", "Asks the world.")
    assert clock["more"]["egress"] == ["time.example:443"]
    [entry] = [one for one in await shop.entries() if one["id"] == "clock"]
    assert (entry["installed"], entry["installedVersion"], entry["update"]) == (True, "1.0.0", "1.1.0")
    wrong = {"version": "1.1.0", "catalogue": "nobody"}
    answer = await shop.admin.post("/api/v1/plugins/clock/rollouts", json=wrong)
    assert answer.status_code == 404
    assert "not installed from" in answer.json()["detail"]


async def test_reading_is_for_all_and_changing_for_admins(shop: Shop) -> None:
    async with shop.bed.client(token="") as nobody:
        for path in ("/api/v1/catalogues", "/api/v1/updates", "/api/v1/catalog/clock"):
            assert (await nobody.get(path)).status_code == 401
        assert (await nobody.post("/api/v1/catalogues", json={})).status_code == 401
