"""Objects: pages, content, metadata, versions, deletion, against a real MinIO."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import urllib.request
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient

from tests.shipped.servers import eventually

pytestmark = pytest.mark.minio
ODD = "ümläut/& <x> %2F+\u202e'\"?#.txt"


@pytest.fixture
async def place(client: PluginClient, request: pytest.FixtureRequest) -> str:
    name = f"t{hashlib.sha256(request.node.name.encode()).hexdigest()[:20]}"
    (await client.post("/buckets", json={"name": name})).raise_for_status()
    return f"/buckets/{name}"


def put(shared: Any, place: str, *keys: str) -> None:
    bucket, raw = place.rsplit("/", 1)[-1], shared.raw

    def one(key: str) -> None:
        raw.put_object(bucket, key, io.BytesIO(key.encode()), len(key.encode()))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, keys))


async def all_pages(client: PluginClient, path: str, **query: Any) -> tuple[list[str], list[str], int]:
    folders: list[str] = []
    keys: list[str] = []
    token: str | None = ""
    pages = 0
    while token is not None:
        page = (await client.get(path, params={**query, "token": token})).raise_for_status().json()
        assert len(page["folders"]) + len(page["objects"]) <= query["limit"]
        folders += page["folders"]
        keys += [entry["key"] for entry in page["objects"]]
        token = page["token"]
        pages += 1
    return folders, keys, pages


async def test_pages_give_every_object_and_folder_once(client: PluginClient, shared: Any, place: str) -> None:
    names = [f"f{number:02}/x" for number in range(25)] + [f"o{number:02}" for number in range(25)]
    await asyncio.to_thread(put, shared, place, *names, "f00/y", "f00/deep/z")
    folders, keys, pages = await all_pages(client, f"{place}/objects", limit=7)
    assert folders == [f"f{number:02}/" for number in range(25)]
    assert keys == [f"o{number:02}" for number in range(25)]
    assert pages >= 7
    folders, keys, _ = await all_pages(client, f"{place}/objects", limit=7, prefix="f00/")
    assert (folders, keys) == (["f00/deep/"], ["f00/x", "f00/y"])
    _, keys, _ = await all_pages(client, f"{place}/objects", limit=7, flat=True)
    assert keys == sorted([*names, "f00/y", "f00/deep/z"])
    counted = (await client.get(f"{place}/objects/count", params={"prefix": "f00/"})).json()
    assert counted == {"objects": 3, "size": 5 + 5 + 10, "token": None}


@pytest.mark.parametrize(
    "key", [ODD, "a b", "x/y/z.json", "😀", "."], ids=["odd", "space", "deep", "emoji", "dot"]
)
async def test_names_of_every_kind_go_there_and_back(client: PluginClient, place: str, key: str) -> None:
    if key == ".":
        answer = await client.put(f"{place}/object/content", params={"key": key}, content=b"x")
        assert answer.status_code == 422
        return
    stored = await client.put(f"{place}/object/content", params={"key": key}, content=b"content")
    assert stored.raise_for_status().json()["size"] == 7
    _, keys, _ = await all_pages(client, f"{place}/objects", limit=10, flat=True)
    assert keys == [key]
    down = await client.get(f"{place}/object/content", params={"key": key})
    assert down.content == b"content"
    assert down.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert down.headers["content-security-policy"] == "default-src 'none'; sandbox"
    await client.post(f"{place}/objects/delete", json={"objects": [{"key": key}]})
    assert (await client.get(f"{place}/object", params={"key": key})).status_code == 404


async def test_ranges(client: PluginClient, place: str) -> None:
    query = {"key": "r"}
    await client.put(f"{place}/object/content", params=query, content=bytes(range(200)))
    for asked, given in (
        ("bytes=0-9", range(10)),
        ("bytes=190-", range(190, 200)),
        ("bytes=-5", range(195, 200)),
    ):
        answer = await client.get(f"{place}/object/content", params=query, headers={"range": asked})
        assert (answer.status_code, answer.content) == (206, bytes(given))
        assert answer.headers["content-range"] == f"bytes {given.start}-{given.stop - 1}/200"
    beyond = await client.get(f"{place}/object/content", params=query, headers={"range": "bytes=500-"})
    assert beyond.status_code == 422
    assert "no such range" in beyond.json()["detail"]
    bad = await client.get(f"{place}/object/content", params=query, headers={"range": "lines=1-2"})
    assert bad.status_code == 422
    other = await client.get(f"{place}/object/content", params=query, headers={"if-match": '"other"'})
    assert other.status_code == 409


async def test_an_empty_object_and_an_upload_that_may_not_replace(client: PluginClient, place: str) -> None:
    query = {"key": "e.txt", "onlyNew": True}
    (await client.put(f"{place}/object/content", params=query, content=b"")).raise_for_status()
    assert (await client.get(f"{place}/object/content", params={"key": "e.txt"})).content == b""
    assert (await client.get(f"{place}/object/preview", params={"key": "e.txt"})).json()["text"] == ""
    again = await client.put(f"{place}/object/content", params=query, content=b"x")
    assert again.status_code == 409
    details = (await client.get(f"{place}/object", params={"key": "e.txt"})).json()
    assert (details["size"], details["contentType"]) == (0, "text/plain")


async def test_an_upload_that_is_cut_off_leaves_nothing(
    client: PluginClient, shared: Any, place: str
) -> None:
    bucket = place.rsplit("/", 1)[-1]

    def unfinished() -> int:
        return len(shared.raw._list_multipart_uploads(bucket, prefix="half").uploads)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65_536)
            await asyncio.sleep(0)

    path = f"{place}/object/content"
    upload = asyncio.create_task(client.put(path, params={"key": "half"}, content=endless()))

    async def begun() -> int:
        return await asyncio.to_thread(unfinished)

    await eventually(begun)
    upload.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await upload

    async def nothing_left() -> bool:
        return not await begun()

    await eventually(nothing_left)
    assert (await client.get(f"{place}/object", params={"key": "half"})).status_code == 404


async def test_previews(client: PluginClient, place: str) -> None:
    contents = {
        "text.md": ("é" * 200_000).encode(),
        "data.bin": bytes(range(256)),
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "page.html": b"<script>alert(1)</script>",
    }
    found: dict[str, Any] = {}
    for key, content in contents.items():
        (await client.put(f"{place}/object/content", params={"key": key}, content=content)).raise_for_status()
        found[key] = (
            (await client.get(f"{place}/object/preview", params={"key": key})).raise_for_status().json()
        )
    assert (found["text.md"]["kind"], found["text.md"]["truncated"]) == ("text", True)
    assert found["text.md"]["text"] == "é" * 131_072
    assert found["data.bin"]["kind"] == "none"
    assert (found["picture.png"]["kind"], found["picture.png"]["contentType"]) == ("image", "image/png")
    assert (found["page.html"]["kind"], found["page.html"]["text"]) == ("text", "<script>alert(1)</script>")


async def test_metadata_and_tags(client: PluginClient, place: str) -> None:
    query = {"key": "m.txt"}
    await client.put(f"{place}/object/content", params=query, content=b"x")
    (await client.put(f"{place}/object/tags", params=query, json={"tags": {"a": "1"}})).raise_for_status()
    wanted = {"contentType": "text/markdown", "metadata": {"owner": "ann"}}
    answer = await client.put(f"{place}/object/metadata", params=query, json=wanted)
    details = answer.raise_for_status().json()
    assert (details["contentType"], details["metadata"]) == ("text/markdown", {"owner": "ann"})
    assert details["tags"] == {"a": "1"}
    (await client.put(f"{place}/object/tags", params=query, json={"tags": {}})).raise_for_status()
    assert (await client.get(f"{place}/object", params=query)).json()["tags"] == {}
    many = {"tags": {str(number): "x" for number in range(11)}}
    assert (await client.put(f"{place}/object/tags", params=query, json=many)).status_code == 422
    gone = {"key": "nobody"}
    assert (await client.put(f"{place}/object/metadata", params=gone, json=wanted)).status_code == 404


async def test_links_work_without_a_login(client: PluginClient, shared: Any, place: str) -> None:
    await client.put(f"{place}/object/content", params={"key": ODD}, content=b"shared")

    def fetch(url: str, data: bytes | None = None) -> bytes:
        request = urllib.request.Request(url, data, method="PUT" if data else "GET")
        with urllib.request.urlopen(request, timeout=10) as answer:
            content: bytes = answer.read()
        return content

    link = (
        (await client.post(f"{place}/object/link", json={"key": ODD, "seconds": 60}))
        .raise_for_status()
        .json()
    )
    assert await asyncio.to_thread(fetch, link["url"]) == b"shared"
    body = {"key": "sent", "seconds": 60, "method": "PUT"}
    up = (await client.post(f"{place}/object/link", json=body)).raise_for_status().json()
    await asyncio.to_thread(fetch, up["url"], b"from outside")
    assert (await client.get(f"{place}/object/content", params={"key": "sent"})).content == b"from outside"
    assert (
        await client.post(f"{place}/object/link", json={"key": "a", "seconds": 999_999})
    ).status_code == 422


async def test_versions_are_listed_restored_and_deleted(client: PluginClient, place: str) -> None:
    (await client.put(f"{place}/versioning", json={"enabled": True})).raise_for_status()
    query = {"key": "v"}
    for content in (b"one", b"two", b"three"):
        await client.put(f"{place}/object/content", params=query, content=content)
    await client.put(f"{place}/object/content", params={"key": "v-longer"}, content=b"other")
    await client.post(f"{place}/objects/delete", json={"objects": [query]})
    assert (await client.get(f"{place}/object", params=query)).status_code == 404

    async def versions(**more: Any) -> Any:
        return (
            (await client.get(f"{place}/object/versions", params={**query, **more})).raise_for_status().json()
        )

    found = (await versions())["versions"]
    assert [(one["deleteMarker"], one["size"]) for one in found] == [
        (True, 0),
        (False, 5),
        (False, 3),
        (False, 3),
    ]
    assert found[0]["latest"]
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await versions(limit=1, after=after)
        seen += [one["version"] for one in page["versions"]]
        after = page["after"]
    assert sorted(seen) == sorted(one["version"] for one in found)
    marker = await client.post(f"{place}/object/restore", params={**query, "version": found[0]["version"]})
    assert marker.status_code == 409
    assert "nothing to restore" in marker.json()["detail"]
    first = found[-1]["version"]
    (await client.post(f"{place}/object/restore", params={**query, "version": first})).raise_for_status()
    assert (await client.get(f"{place}/object/content", params=query)).content == b"one"
    two = {**query, "version": found[2]["version"]}
    assert (await client.get(f"{place}/object/content", params=two)).content == b"two"
    await client.post(f"{place}/objects/delete", json={"objects": [two]})
    assert (await client.get(f"{place}/object/content", params=two)).status_code == 404
    assert len((await versions())["versions"]) == 4


async def test_delete_below_a_prefix_step_by_step(client: PluginClient, shared: Any, place: str) -> None:
    await asyncio.to_thread(put, shared, place, *(f"tmp/{number}" for number in range(1100)), "kept")
    wrong = await client.post(f"{place}/objects/delete-below", json={"prefix": "tmp/", "confirm": "tmp"})
    assert wrong.status_code == 422
    body = {"prefix": "tmp/", "confirm": "tmp/"}
    first = (await client.post(f"{place}/objects/delete-below", json=body)).raise_for_status().json()
    assert first == {"deleted": 1000, "more": True}
    second = (await client.post(f"{place}/objects/delete-below", json=body)).raise_for_status().json()
    assert second == {"deleted": 100, "more": False}
    _, keys, _ = await all_pages(client, f"{place}/objects", limit=10, flat=True)
    assert keys == ["kept"]


async def test_what_is_locked_stays_and_is_told(client: PluginClient, shared: Any) -> None:
    from datetime import UTC, datetime, timedelta

    from minio.commonconfig import GOVERNANCE
    from minio.retention import Retention

    await client.post("/buckets", json={"name": "kept-for-long", "locking": True})
    raw = shared.raw
    done = raw.put_object("kept-for-long", "deed", io.BytesIO(b"x"), 1)
    raw.set_object_retention(
        "kept-for-long", "deed", Retention(GOVERNANCE, datetime.now(UTC) + timedelta(days=1)), done.version_id
    )
    body = {"objects": [{"key": "deed", "version": done.version_id}]}
    answer = await client.post("/buckets/kept-for-long/objects/delete", json=body)
    assert answer.status_code == 409, answer.text
    assert "1 of 1 were not deleted; the first is 'deed'" in answer.json()["detail"]
    assert (await client.get("/buckets/kept-for-long/object", params={"key": "deed"})).status_code == 200
