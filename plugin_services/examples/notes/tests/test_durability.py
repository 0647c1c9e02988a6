"""kill -9 at any moment: what was acknowledged is there."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import grpc
from plugway_sdk.testing import PluginClient, PluginProcess, plugin_process

DIRECTORY = Path(__file__).resolve().parent.parent


async def write(client: PluginClient, acknowledged: dict[int, str], writer: int) -> None:
    """Write until the plugin is gone."""
    number = 0
    while True:
        number += 1
        title = f"{writer}.{number}"
        try:
            answer = await client.post("/notes", json={"title": title})
            note = answer.raise_for_status().json()
            path = f"/notes/{note['id']}/attachments"
            await client.post(path, params={"name": title}, content=title)
        except grpc.aio.AioRpcError:
            return
        acknowledged[note["id"]] = title


async def verify(client: PluginClient, acknowledged: dict[int, str]) -> None:
    for note_id, title in acknowledged.items():
        note: Any = (await client.get(f"/notes/{note_id}")).raise_for_status().json()
        assert note["title"] == title
        (attachment,) = note["attachments"]
        assert (await client.get(f"/notes/{note_id}/attachments/{attachment['id']}")).text == title
    found = (await client.get("/notes", params={"q": "1"})).raise_for_status().json()
    assert found["total"] > 0


def start(directory: Path) -> Any:
    return plugin_process("-m", "notes", directory=directory, path=[DIRECTORY])


async def kill_under_load(plugin: PluginProcess, acknowledged: dict[int, str]) -> None:
    async with plugin.client() as client:
        await verify(client, acknowledged) if acknowledged else None
        before = len(acknowledged)
        writers = [asyncio.ensure_future(write(client, acknowledged, number)) for number in range(4)]
        while len(acknowledged) < before + 20:  # noqa: ASYNC110 - the writers are the clock
            await asyncio.sleep(0.005)
        assert await plugin.end(signal.SIGKILL) == -signal.SIGKILL
        await asyncio.gather(*writers)


async def test_what_was_acknowledged_survives_kills_under_load(tmp_path: Path) -> None:
    acknowledged: dict[int, str] = {}
    for _ in range(3):
        async with start(tmp_path) as plugin:
            await kill_under_load(plugin, acknowledged)
    async with start(tmp_path) as plugin, plugin.client() as client:
        await verify(client, acknowledged)
        assert len(acknowledged) >= 60
        assert await plugin.end() == 0


async def test_a_database_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    import sqlite3

    file = tmp_path / "volumes" / "data" / "notes.db"
    file.parent.mkdir(parents=True)
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 99")
    database.close()
    async with start(tmp_path) as plugin, asyncio.timeout(20):
        assert await plugin.ended() == 1
    assert "written by a later version" in plugin.output
