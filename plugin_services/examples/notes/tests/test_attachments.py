"""Attachments: streamed to the volume, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from notes.app import plugin
from plugway.plugin.v1 import http_pb2, plugin_pb2
from plugway_sdk.testing import PluginClient, harness

MIB = 2**20


@pytest.fixture
async def note(client: PluginClient) -> str:
    """The path of a note."""
    added = (await client.post("/notes", json={"title": "with files"})).json()
    return f"/notes/{added['id']}"


async def parts(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 100_000):
        yield content[at : at + 100_000]


def files(volume: Path) -> list[Path]:
    return [path for path in (volume / "files").rglob("*") if path.is_file()]


async def test_what_is_uploaded_is_downloaded(client: PluginClient, note: str) -> None:
    content = os.urandom(MIB + 17)
    answer = await client.post(
        f"{note}/attachments",
        params={"name": "größe.bin"},
        headers={"content-type": "image/png"},
        content=parts(content),
    )
    attachment = answer.raise_for_status().json()
    assert attachment["size"] == len(content)
    assert (await client.get(note)).json()["attachments"] == [attachment]
    got = await client.get(f"{note}/attachments/{attachment['id']}")
    assert got.content == content
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"] == "attachment; filename*=utf-8''gr%C3%B6%C3%9Fe.bin"
    ranged = await client.get(f"{note}/attachments/{attachment['id']}", headers={"range": "bytes=5-9"})
    assert (ranged.status_code, ranged.content) == (206, content[5:10])


async def test_a_small_one_comes_in_one_message(client: PluginClient, note: str) -> None:
    answer = await client.post(f"{note}/attachments", params={"name": "a.txt"}, content="hello")
    assert answer.status_code == 201
    got = await client.get(f"{note}/attachments/{answer.json()['id']}")
    assert got.text == "hello"


async def test_a_too_large_one_is_refused_and_leaves_nothing(
    client: PluginClient, note: str, volume: Path
) -> None:
    answer = await client.post(f"{note}/attachments", params={"name": "big"}, content=parts(bytes(5 * MIB)))
    assert answer.status_code == 413
    assert "2 MiB" in answer.json()["detail"]
    assert (await client.get(note)).json()["attachments"] == []
    assert files(volume) == []


async def test_an_upload_that_breaks_off_leaves_nothing(
    client: PluginClient, note: str, volume: Path
) -> None:
    call: Any = client.stub.Exchange()
    head = client.head_of("POST", f"{note}/attachments", params={"name": "half"})
    await call.write(plugin_pb2.ExchangeRequest(http_start=head))
    await call.write(plugin_pb2.ExchangeRequest(body=http_pb2.BodyChunk(data=bytes(MIB + 1))))
    async with asyncio.timeout(10):
        while not files(volume):  # noqa: ASYNC110 - a file gives no event
            await asyncio.sleep(0.01)
        call.cancel()
        while files(volume):  # noqa: ASYNC110 - a file gives no event
            await asyncio.sleep(0.01)
    assert (await client.get(note)).json()["attachments"] == []


async def test_deleting_removes_the_files(client: PluginClient, note: str, volume: Path) -> None:
    for name in ("a", "b"):
        await client.post(f"{note}/attachments", params={"name": name}, content=name)
    first, _ = (await client.get(note)).json()["attachments"]
    assert (await client.delete(f"{note}/attachments/{first['id']}")).status_code == 204
    assert len(files(volume)) == 1
    await client.delete(note)
    assert files(volume) == []


async def test_an_unknown_note_takes_none(client: PluginClient, volume: Path) -> None:
    answer = await client.post("/notes/99/attachments", params={"name": "a"}, content=parts(b"x"))
    assert answer.status_code == 404
    assert files(volume) == []


async def test_a_start_sweeps_what_a_kill_left(tmp_path: Path) -> None:
    left = tmp_path / "data" / "files" / "incoming" / "left"
    young = tmp_path / "data" / "files" / "young"
    left.parent.mkdir(parents=True)
    for path in (left, young):
        path.write_bytes(b"x")
    os.utime(left, (time.time() - 7200,) * 2)
    async with harness(plugin, volumes=tmp_path):
        assert not left.exists()
        assert young.exists()
