"""Catalogues as an operator uses them: a real gateway, the real program, a publisher's static files."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.trust.keys import generate, write_pair
from tests.command import Ran, plugway
from tests.fakes.catalogue import MODULE, Publisher, digest, picture, plugin, version
from tests.fakes.serving import serving
from tests.running import RunningGateway, gateway, until

_DIRECT = ("--strategy", "direct", "--min-healthy", "0.5s", "--bake", "1s")


@dataclass
class Desk:
    """An operator at a gateway, and the key that a publisher handed out."""

    running: RunningGateway
    publisher: Publisher
    key: Path

    async def run(self, *words: str) -> Ran:
        token = (self.running.home / "admin.token").read_text().strip()
        return await plugway(
            *words,
            PLUGWAY_URL=self.running.base,
            PLUGWAY_TOKEN=token,
            PLUGWAY_HOME=str(self.running.home),
        )

    async def good(self, *words: str) -> str:
        ran = await self.run(*words)
        assert ran.code == 0, ran
        return ran.out


def settings(**more: str) -> dict[str, str]:
    return {"PLUGWAY_FETCH_ALLOW": "127.0.0.1", "PLUGWAY_CATALOGUE_INTERVAL": "0", **more}


@asynccontextmanager
async def desk(tmp_path: Path, publisher: Publisher, **more: str) -> AsyncIterator[Desk]:
    key = tmp_path / "acme"
    if not key.exists():
        await asyncio.to_thread(write_pair, publisher.key, key)
    async with gateway(tmp_path / "home", settings=settings(**more)) as running:
        yield Desk(running, publisher, key.with_name("acme.pub"))


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    found = Publisher()
    async with serving(found.web) as found.base:
        yield found


@pytest.mark.timeout(150)
async def test_found_installed_and_updated_from_a_catalogue(tmp_path: Path, publisher: Publisher) -> None:
    publisher.publish(publisher.offered("clock", "1.0.0", description="The time.", publisher="Acme"))
    async with desk(tmp_path, publisher) as at:
        stranger = tmp_path / "stranger"
        await asyncio.to_thread(write_pair, generate(), stranger)
        refused = await at.run("catalogue", "add", "acme", publisher.url, "--key", f"{stranger}.pub")
        assert (refused.code, "None of the keys" in refused.err) == (6, True), refused
        assert "There is none" in await at.good("catalogue", "list")
        assert "1 plugins" in await at.good("catalogue", "add", "acme", publisher.url, "--key", str(at.key))
        assert "well" in await at.good("catalogue", "list")

        assert re.search(r"^clock +1\.0\.0 +external +acme ", await at.good("search", "time"), re.M)
        assert re.search(r"^notes +[0-9.]+ +built-in +built-in ", await at.good("search", "notes"), re.M)
        told = json.loads(await at.good("search", "--json"))["plugins"]
        assert {"clock": "external", "notes": "built-in"}.items() <= {
            p["id"]: p["tier"] for p in told
        }.items()
        assert "Nothing was found" in await at.good("search", "no-such-word")
        info = await at.good("info", "clock")
        assert "the catalogue acme" in info
        assert re.search(r"^tier +external$", info, re.M)
        assert re.search(r"^source +cdn$", info, re.M)
        assert re.search(r"^tier +built-in$", await at.good("info", "notes"), re.M)
        assert json.loads(await at.good("info", "clock", "--json"))["offers"][0]["tier"] == "external"
        assert (await at.run("info", "clok")).code == 4
        unsigned = await at.run("install", "clock", "--yes")
        assert unsigned.code == 6, unsigned
        assert "signed" in unsigned.err.lower()
        await at.good("policy", "allow-unsigned", "--plugins", "clock")
        installed = await at.good("install", "clock", "--yes")
        assert "taken from the catalogue acme" in installed

        nothing = await at.run("update", "--check")
        assert (nothing.code, "Nothing newer" in nothing.out) == (0, True), nothing
        publisher.publish(publisher.offered("clock", "1.0.0", "1.1.0"), serial=2)
        assert "serial 2" in await at.good("catalogue", "refresh")
        newer = await at.run("update", "--check")
        assert (newer.code, "1.1.0" in newer.out) == (1, True), newer
        told = (await at.run("update", "--check", "--json")).json["updates"]
        assert [(one["newest"], one["catalogue"]) for one in told] == [("1.1.0", "acme")]
        defaults = ("clock", *_DIRECT, "--drain", "1s", "--progress", "60s")
        await at.good("rollout-defaults", *defaults)
        moved = await at.run("update", "clock", "--watch", "--yes")
        assert moved.code == 0, moved
        view = await at.running.healthy("clock")
        assert view["version"] == "1.1.0"
        # From now on this is how it is got, so that the next one follows from it.
        assert view["definition"]["uiConfig"]["componentUrl"].endswith("clock-1.1.0.js")
        assert (await at.run("update", "--check")).code == 0
        back = await at.run("rollback", "clock", "--watch")
        assert back.code == 0, back
        again = (await at.run("update", "--check", "--json")).json["updates"]
        assert [(one["installed"], one["newest"]) for one in again] == [("1.0.0", "1.1.0")]

        await at.good("catalogue", "remove", "acme", "--yes")
        unknown = await at.run("update", "clock")
        assert unknown.code == 1
        assert "no catalogue here" in unknown.err


@pytest.mark.timeout(120)
async def test_a_gateway_whose_catalogues_are_away_starts_and_serves_what_it_has(
    tmp_path: Path, publisher: Publisher
) -> None:
    publisher.publish(publisher.offered("clock", "1.0.0"))
    async with desk(tmp_path, publisher) as at:
        await at.good("catalogue", "add", "acme", publisher.url, "--key", str(at.key))
        await at.good("policy", "allow-unsigned", "--plugins", "clock")
        await at.good("install", "clock", "--yes")
    publisher.web.pages.clear()
    async with desk(tmp_path, publisher, PLUGWAY_CATALOGUE_INTERVAL="60") as at:
        await at.running.healthy("clock")
        assert "1.0.0" in await at.good("info", "clock")

        async def told() -> bool:
            return "404" in await at.good("catalogue", "list")

        await until(told, "the failed look to be told of")
        failed = await at.run("catalogue", "refresh")
        assert failed.code == 1
        assert "stays" in failed.out
        checked = await at.run("update", "--check")
        assert (checked.code, "mind:" in checked.out) == (0, True), checked


@pytest.mark.timeout(90)
async def test_an_id_of_two_catalogues_has_to_be_said_which(tmp_path: Path, publisher: Publisher) -> None:
    publisher.publish(publisher.offered("clock", "1.0.0"))
    other = Publisher(key=publisher.key)
    async with serving(other.web) as other.base, desk(tmp_path, publisher) as at:
        other.publish(other.offered("clock", "2.0.0"), name="bolt")
        await at.good("catalogue", "add", "acme", publisher.url, "--key", str(at.key))
        await at.good("catalogue", "add", "bolt", other.url, "--key", str(at.key))
        await at.good("policy", "allow-unsigned", "--plugins", "clock")
        both = await at.run("install", "clock", "--yes")
        assert both.code == 1, both
        assert "acme" in both.err
        assert "bolt" in both.err
        await at.good("install", "clock", "--catalogue", "bolt", "--yes")
        assert (await at.running.plugin("clock"))["version"] == "2.0.0"


async def test_making_and_signing_an_index(tmp_path: Path) -> None:
    first, second = generate(), generate()
    await asyncio.to_thread(write_pair, first, tmp_path / "one")
    await asyncio.to_thread(write_pair, second, tmp_path / "two")
    directory = tmp_path / "site"
    (directory / "clock").mkdir(parents=True)
    (directory / "catalogue.toml").write_text('name = "acme"\n')
    (directory / "clock" / "plugin.toml").write_text(
        'name = "Clock"\n[[screenshots]]\npath = "clock/day.png"\nalt = "By day"\n'
    )
    (directory / "clock" / "day.png").write_bytes(picture())
    definition = version("clock", "1.0.0")["definition"]
    (directory / "clock" / "1.0.0.json").write_text(json.dumps(definition))

    made = await plugway("catalogue", "make", str(directory), "--key", str(tmp_path / "one"), "--json")
    assert made.code == 0, made
    assert made.json["plugins"] == 1
    again = await plugway("catalogue", "make", str(directory), "--key", str(tmp_path / "one"), "--json")
    assert again.json["serial"] > made.json["serial"]
    index = directory / "index.json"
    cosigned = await plugway("catalogue", "cosign", str(index), "--key", str(tmp_path / "two"), "--json")
    assert cosigned.json["keys"] == [first.public.id, second.public.id]
    assert cosigned.json["serial"] == again.json["serial"]
    before = index.read_bytes()
    (directory / "clock" / "2.0.0.json").write_text('{"source": "teleport"}')
    bad = await plugway("catalogue", "make", str(directory), "--key", str(tmp_path / "one"))
    assert (bad.code, "teleport" in bad.err or "source" in bad.err) == (6, True), bad
    assert index.read_bytes() == before


async def test_what_was_made_is_what_a_gateway_takes(tmp_path: Path, publisher: Publisher) -> None:
    directory = tmp_path / "site"
    (directory / "clock").mkdir(parents=True)
    (directory / "catalogue.toml").write_text('name = "acme"\n')
    (directory / "clock" / "plugin.toml").write_text('name = "Clock"\n')
    publisher.put(MODULE, "/clock.js")
    document = {
        "source": "cdn",
        "uiConfig": {"componentUrl": f"{publisher.base}/clock.js"},
        "checksum": digest(MODULE),
    }
    (directory / "clock" / "1.0.0.json").write_text(json.dumps({"definition": document, "notes": "First."}))
    async with desk(tmp_path, publisher) as at:
        private = str(at.key).removesuffix(".pub")
        await at.good("catalogue", "make", str(directory), "--key", private)
        publisher.put((directory / "index.json").read_bytes())
        await at.good("catalogue", "add", "acme", publisher.url, "--key", str(at.key))
        assert "First." in await at.good("info", "clock")
        assert plugin("clock")["id"] in await at.good("search", "--catalogue", "acme")
