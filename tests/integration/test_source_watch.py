"""A tag or a URL that changes its content changes nothing here, and is told."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.sources.addresses import read_allow_list
from gateway.sources.fetch import Fetcher
from gateway.sources.oci_reference import parse_reference
from gateway.sources.oci_registry import Registries
from tests.command import Ran, plugway
from tests.fakes.authority import Authority
from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned, install_agreed
from tests.fakes.web import Page, Web
from tests.ground import Ground
from tests.image_registry import LABEL, PASSWORD, REPOSITORY, USER, image_registry
from tests.image_shelf import Shelf, image_shelf
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(240)
FIRST = b"export function mount(root) { root.textContent = 'first'; }\n"
SECOND = b"export function mount(root) { root.textContent = 'second'; }\n"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def told(running: RunningGateway, *words: str) -> Ran:
    token = (running.home / "admin.token").read_text().strip()
    return await plugway(*words, PLUGWAY_URL=running.base, PLUGWAY_TOKEN=token)


async def upstream(running: RunningGateway, id_: str) -> Any:
    return (await running.plugin(id_))["upstream"]


async def test_a_url_that_has_other_bytes_is_told_by_an_event_and_nothing_moves(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    certificate, key = authority.issue("localhost")
    web = Web({"/board.js": Page(FIRST)})
    home = tmp_path / "home"
    allow_unsigned(home, "board")
    settings = {
        "PLUGWAY_FETCH_ALLOW": "localhost",
        "PLUGWAY_FETCH_CA_FILE": str(authority.path),
        "PLUGWAY_SOURCE_INTERVAL": "0.3",
    }
    async with (
        serving(web, tls=(Path(certificate), Path(key))) as base,
        gateway(home, settings=settings) as running,
    ):
        url = f"{base}/board.js"
        definition = {"id": "board", "version": "1.0.0", "source": "cdn", "checksum": digest(FIRST)}
        await install_agreed(running, {**definition, "uiConfig": {"componentUrl": url}})
        installed = await running.healthy("board")
        await until(lambda: upstream(running, "board"), "a look")
        found = await upstream(running, "board")
        assert (found["changed"], found["reference"], found["problem"]) == (False, url, "")
        # What is as it was needs no word in the list.
        assert url not in (await told(running, "list")).out

        async with running.client.stream("GET", "/api/v1/events") as events:
            web.pages["/board.js"] = Page(SECOND)
            lines = events.aiter_lines()
            event = await asyncio.wait_for(_of_type(lines, "plugin.source"), 60)
        assert (event["plugin"], event["data"]["changed"]) == ("board", True)
        assert digest(SECOND) in event["data"]["text"]
        assert digest(FIRST) in event["data"]["text"]

        found = await upstream(running, "board")
        assert (found["changed"], found["digest"], found["installed"]) == (
            True,
            digest(SECOND),
            digest(FIRST),
        )
        assert "under the same version" in (await told(running, "status", "board")).out
        listed = " ".join((await told(running, "list")).out.split())
        assert f"board: {url} has {digest(SECOND)} now, under the same version" in listed
        ran = await told(running, "update", "--check")
        assert f"changed: board: {url} has {digest(SECOND)} now" in " ".join(ran.out.split()), ran
        assert ran.code == 0, ran
        assert (await running.plugin("board"))["releaseId"] == installed["releaseId"]
        assert (await running.client.get("/plugins/board/ui/index.js")).content == FIRST

        # Away is not changed, and back again is as it was.
        web.pages["/board.js"] = Page(status=503)
        await until(lambda: _has(running, "board", "problem", "answers 503"), "the failure to be told")
        web.pages["/board.js"] = Page(FIRST)
        await until(lambda: _has(running, "board", "words", "still has what is installed"), "a good look")


async def _of_type(lines: Any, wanted: str) -> dict[str, Any]:
    async for line in lines:
        if line.startswith("data:"):
            event = json.loads(line.removeprefix("data:"))
            if event["type"] == wanted:
                return dict(event)
    raise AssertionError("the stream has ended")


async def _has(running: RunningGateway, id_: str, field: str, words: str) -> bool:
    return words in (await upstream(running, id_))[field]


async def test_without_an_interval_nothing_is_asked_until_somebody_asks(tmp_path: Path) -> None:
    web, home = Web({"/board.js": Page(FIRST)}), tmp_path / "home"
    allow_unsigned(home, "board")
    async with (
        serving(web) as base,
        gateway(home, settings={"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as running,
    ):
        definition = {"id": "board", "version": "1.0.0", "source": "cdn", "checksum": digest(FIRST)}
        await install_agreed(running, {**definition, "uiConfig": {"componentUrl": f"{base}/board.js"}})
        await running.healthy("board")
        asked = len(web.asked)
        assert await upstream(running, "board") is None
        (await running.client.get("/api/v1/updates")).raise_for_status()
        assert len(web.asked) == asked
        (await running.client.post("/api/v1/updates/check")).raise_for_status()
        assert len(web.asked) == asked + 1
        assert (await upstream(running, "board"))["changed"] is False


def test_tags_are_read_page_for_page(tmp_path: Path) -> None:
    with image_registry(tmp_path / "registry") as registry:
        wanted = [f"1.0.{number}" for number in range(5)]
        for tag in wanted:
            registry.put_image(tag, {**LABEL, "version": tag})

        async def listed(page: int) -> tuple[str, ...]:
            fetcher = Fetcher(read_allow_list("127.0.0.1"), timeout=10, max_bytes=2**20)
            registries = Registries(fetcher, lambda host: None, timeout=10)
            async with registries.open(parse_reference(f"oci://{registry.host}/{REPOSITORY}")) as opened:
                return await opened.tags(page)

        assert sorted(asyncio.run(listed(2))) == wanted
        assert sorted(asyncio.run(listed(1000))) == wanted


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with image_shelf(tmp_path_factory.mktemp("shelf")) as shelf:
        yield shelf


@pytest.mark.docker
@pytest.mark.slow
async def test_a_tag_that_moved_and_newer_tags_are_told_and_can_be_moved_to(
    shelf: Shelf, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    allow_unsigned(home, "tiny")
    first = await asyncio.to_thread(shelf.push, "1.0.0", tmp_path)
    definition = {"id": "tiny", "source": "oci", "sourceUrl": f"oci://{shelf.name}:1.0.0"}
    try:
        async with gateway(home, "docker", {"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as running:
            command = ("registry", "login", shelf.registry.host, "-u", USER, "--password-stdin")
            assert (await plugway(*command, stdin=PASSWORD, PLUGWAY_HOME=str(home))).code == 0
            await install_agreed(running, definition)
            installed = await running.healthy("tiny")
            ran = await told(running, "update", "--check")
            assert (ran.code, "Nothing newer is known." in ran.out, "not known" in ran.out) == (
                0,
                True,
                False,
            )

            moved = await asyncio.to_thread(shelf.push, "1.0.0", tmp_path, name="Moved")
            await asyncio.to_thread(shelf.push, "nightly", tmp_path, "9.0.0")
            await asyncio.to_thread(shelf.push, "3.0.0-rc.1", tmp_path, "3.0.0-rc.1")
            # It is not what its tag says.
            await asyncio.to_thread(shelf.push, "2.5.0", tmp_path, "1.0.0")
            wants = {"volumes": ["data", "more"]}
            await asyncio.to_thread(shelf.push, "2.0.0", tmp_path, "2.0.0", permissions=wants)
            await asyncio.sleep(1.5)
            ran = await told(running, "update", "--check", "--json")
            (found,) = ran.json["updates"]
            assert (ran.code, found["newest"], found["unknown"]) == (1, "2.0.0", "")
            assert found["more"]["volumes"] == ["more"]
            assert moved in found["moved"]
            assert first in found["moved"]
            now = await running.healthy("tiny")
            assert now["releaseId"] == installed["releaseId"]
            assert now["upstream"]["newest"] == "2.0.0"
            ran = await told(running, "update", "tiny", "--yes")
            assert ran.code == 0, ran
            # The plugin in it answers as 1.0.0 all the same: the rollout begins, and will not hold.
            assert "is on its way to 2.0.0, from its registry" in ran.out
            await asyncio.to_thread(shelf.registry.stop)
            ran = await told(running, "update", "--check")
            assert "not known: tiny" in ran.out, ran
    finally:
        if shelf.registry.stopped:
            await asyncio.to_thread(shelf.registry.start)
        await asyncio.to_thread(Ground(home, "docker").sweep)
