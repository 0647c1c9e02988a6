"""UIs from the content store, through the real server, without a call to the plugin."""

from __future__ import annotations

import gzip
import os
import re
from dataclasses import replace

import brotli
import httpx
import pytest

from gateway.model import PluginState, ReleaseId
from gateway.packing.pack import pack
from gateway.ui_bundles import UiBundle
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.data_plane import Plane, route
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

BY_NAME = b'import "./index.js";'
CHROMIUM = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/156.0.0.0 Safari/537.36"}
SCRIPT = b"export function mount(root) { root.textContent = 'hello'; }\n" * 100
BIG = os.urandom(2**21)
UI = "/plugins/notes/ui/"


@pytest.fixture
async def bundle(plane: Plane) -> UiBundle:
    return await plane.bundle(index_js=SCRIPT, css__style_css=b"b{}", big_bin=BIG)


@pytest.fixture
async def assets(plane: Plane, client: httpx.AsyncClient, bundle: UiBundle) -> str:
    """The path of the bundle under its capability, as the frame names it."""
    plane.publish(route(ui=bundle))
    frame = await client.get(UI)
    assert frame.status_code == 200
    found = re.search(r"/plugins/notes/ui/~[0-9a-f]{32}/", frame.text)
    assert found is not None
    return found[0]


async def test_the_whole_first_load_makes_no_call_to_the_plugin(
    plugin: ContractPlugin, client: httpx.AsyncClient, assets: str, bundle: UiBundle
) -> None:
    for name in bundle.files:
        assert (await client.get(assets + name)).status_code == 200
    assert plugin.calls == []


async def test_the_frame_needs_a_caller_and_carries_its_policy(
    plane: Plane, client: httpx.AsyncClient, assets: str
) -> None:
    async with httpx.AsyncClient(base_url=plane.url) as stranger:
        assert (await stranger.get(UI)).status_code == 401
        assert (await stranger.get(UI + "index.js")).status_code == 401
    frame = await client.get(UI)
    assert "sandbox" in frame.headers["content-security-policy"]
    assert (await client.get(UI.rstrip("/"))).headers["location"] == UI


async def test_assets_need_the_capability_and_nothing_else(plane: Plane, assets: str) -> None:
    async with httpx.AsyncClient(base_url=plane.url) as stranger:
        answer = await stranger.get(assets + "index.js", headers={"accept-encoding": "identity"})
        assert answer.content == SCRIPT
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]
        counted = plane.data_plane.metrics.of("notes", "1.0.0", "r1").routes["ui"]
        assert counted.calls[:5] == [0, 2, 0, 0, 0], "the frame, whose path the fixture read, and the file"
        guess = assets[:-3] + ("00/" if assets[-3:] != "00/" else "11/")
        assert (await stranger.get(guess + "index.js")).status_code == 404


async def test_compressed_forms_are_sent_to_those_who_take_them(
    client: httpx.AsyncClient, assets: str
) -> None:
    for accepted, encoding, unpack in (
        ("br, gzip", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("gzip, br;q=0", "gzip", gzip.decompress),
        ("identity", None, bytes),
    ):
        async with client.stream("GET", assets + "index.js", headers={"accept-encoding": accepted}) as answer:
            raw = b"".join([part async for part in answer.aiter_raw()])
        assert answer.headers.get("content-encoding") == encoding
        assert answer.headers["vary"] == "accept-encoding"
        assert unpack(raw) == SCRIPT


async def test_a_known_etag_is_304(client: httpx.AsyncClient, assets: str) -> None:
    first = await client.get(assets + "index.js")
    for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = await client.get(assets + "index.js", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"]
    other = await client.get(assets + "index.js", headers={"if-none-match": '"other"'})
    assert other.status_code == 200


async def test_a_big_file_streams(client: httpx.AsyncClient, assets: str) -> None:
    assert (await client.get(assets + "big.bin")).content == BIG
    assert (await client.head(assets + "big.bin")).headers["content-length"] == str(2**21)


async def test_pages_of_an_older_bundle_go_on(plane: Plane, client: httpx.AsyncClient, assets: str) -> None:
    await client.get(assets + "index.js")
    newer = await plane.bundle(index_js=b"export function mount() {}")
    plane.publish(route(ui=newer))
    assert (await client.get(assets + "index.js")).status_code == 200
    assert assets not in (await client.get(UI)).text


async def test_a_ui_is_there_while_its_plugin_is_not(
    plane: Plane, client: httpx.AsyncClient, assets: str, bundle: UiBundle
) -> None:
    plane.publish(route(ui=bundle, state=PluginState.STARTING))
    assert (await client.get(UI)).status_code == 200
    plane.publish(route(ui=bundle, state=PluginState.DISABLED))
    assert (await client.get(UI)).status_code == 503
    plane.publish(route(state=PluginState.STARTING))
    assert (await client.get(UI)).status_code == 503
    written = await client.post(assets + "index.js")
    assert (written.status_code, written.headers["allow"]) == (405, "GET, HEAD")


async def test_a_plugin_without_ui_says_so(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    answer = await client.get(UI)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:plugway:problem:no-ui")


async def test_the_frame_shows_the_plugins_name(
    plane: Plane, client: httpx.AsyncClient, bundle: UiBundle
) -> None:
    plane.publish(replace(route(ui=bundle), name="My <Notes>"))
    assert "My &lt;Notes&gt;" in (await client.get(UI)).text


@pytest.mark.parametrize("name", ["index.js", "big.bin"])
async def test_a_part_of_a_file_is_sent(client: httpx.AsyncClient, assets: str, name: str) -> None:
    content = {"index.js": SCRIPT, "big.bin": BIG}[name]
    whole = await client.head(assets + name, headers={"accept-encoding": "identity"})
    assert whole.headers["accept-ranges"] == "bytes"
    for asked, part in (("5-99", content[5:100]), ("1000-", content[1000:]), ("-7", content[-7:])):
        answer = await client.get(assets + name, headers={"range": f"bytes={asked}"})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"].endswith(f"/{len(content)}")
        assert "content-encoding" not in answer.headers
        assert answer.headers["etag"] == whole.headers["etag"]
    beyond = await client.get(assets + name, headers={"range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
    for condition, status in ((whole.headers["etag"], 206), ('"other"', 200)):
        headers = {"range": "bytes=0-9", "if-range": condition}
        assert (await client.get(assets + name, headers=headers)).status_code == status
    assert (await client.head(assets + name, headers={"range": "bytes=0-9"})).status_code == 200


@pytest.fixture
async def packed(plane: Plane) -> UiBundle:
    return await pack(await plane.bundle(index_js=SCRIPT), plane.content)


async def test_a_packed_ui_is_one_document(plane: Plane, client: httpx.AsyncClient, packed: UiBundle) -> None:
    plane.publish(route(ui=packed))
    frame = await client.get(UI)
    assert SCRIPT.decode() in frame.text
    assert 'rel="modulepreload"' not in frame.text
    assert frame.headers["cache-control"] == "private, no-cache"
    assert frame.headers["vary"] == "accept-encoding"
    for accepted, unpack in (("br", brotli.decompress), ("gzip", gzip.decompress), ("identity", bytes)):
        async with client.stream("GET", UI, headers={"accept-encoding": accepted}) as answer:
            raw = b"".join([part async for part in answer.aiter_raw()])
        assert unpack(raw).decode() == frame.text
        assert len(raw) == int(answer.headers["content-length"])
        again = await client.get(UI, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["content-security-policy"] == frame.headers["content-security-policy"]
    assert (await client.head(UI)).headers["content-length"]


async def test_who_has_a_document_needs_a_session_to_be_told_so(
    plane: Plane, client: httpx.AsyncClient, packed: UiBundle
) -> None:
    plane.publish(route(ui=packed))
    etag = (await client.get(UI)).headers["etag"]
    async with httpx.AsyncClient(base_url=plane.url) as stranger:
        assert (await stranger.get(UI, headers={"if-none-match": etag})).status_code == 401


async def test_a_document_is_another_one_with_its_text_policy_name_or_release(
    plane: Plane, client: httpx.AsyncClient, packed: UiBundle
) -> None:
    plain = route(ui=packed)
    granted = replace(plain.targets[0], page_origins=("img-src https://tiles.example",))
    released = replace(plain.targets[0], release_id=ReleaseId("notes-2"))
    routes = [
        plain,
        replace(plain, name="Other"),
        replace(plain, targets=(granted,)),
        replace(plain, targets=(released,)),
        route(ui=replace(packed, packed=None)),
    ]
    seen: list[str] = []
    for one_ in routes:
        plane.publish(one_)
        answer = await client.get(UI, headers={"if-none-match": ", ".join(seen)})
        assert answer.status_code == 200
        seen.append(answer.headers["etag"])
    assert len(set(seen)) == len(routes)


async def test_several_modules_are_in_the_document_where_a_browser_is_known_to_run_them(
    plane: Plane, client: httpx.AsyncClient
) -> None:
    plane.publish(route(ui=await pack(await plane.bundle(index_js=BY_NAME), plane.content)))
    frame = await client.get(UI, headers=CHROMIUM)
    assert 'rel="modulepreload"' not in frame.text
    assert "data:text/javascript,import" in frame.text
    again = CHROMIUM | {"if-none-match": frame.headers["etag"]}
    assert (await client.get(UI, headers=again)).status_code == 304
    for agent in ("Mozilla/5.0 Chrome/126.0.0.0 Safari/537.36", "Mozilla/5.0 Firefox/140.0", ""):
        files = await client.get(UI, headers=again | {"user-agent": agent})
        assert files.status_code == 200
        assert 'rel="modulepreload"' in files.text
        assert "data:text/javascript" not in files.text


@pytest.mark.parametrize("script", [SCRIPT, BY_NAME], ids=["one", "by name"])
async def test_a_text_that_was_changed_on_the_disk_is_not_sent(
    plane: Plane, client: httpx.AsyncClient, script: bytes
) -> None:
    packed = await pack(await plane.bundle(index_js=script), plane.content)
    assert packed.packed is not None
    plane.publish(route(ui=packed))
    (digest,) = packed.packed.digests
    plane.content.path(digest).write_bytes(b"globalThis.replaced = 1;")
    frame = await client.get(UI, headers=CHROMIUM)
    assert "replaced" not in frame.text
    assert 'rel="modulepreload"' in frame.text
