"""Settings go to a release with another form of them and back, through a real gateway, with their secrets.

The later release is this plugin with one field of each connection in another unit.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.running import RunningGateway, gateway
from tests.shipped.managed import LATER, Managed, over_and_back, write_release

pytestmark = [pytest.mark.minio, pytest.mark.timeout(280)]
PLUGIN = Path(__file__).resolve().parents[1]


def managed(running: RunningGateway) -> Managed:
    return Managed(running, "minio-management", "/buckets", lambda found: found["total"], held=1)


async def test_settings_migrate_to_a_later_release_and_back(minio: Any, tmp_path: Path) -> None:
    await asyncio.to_thread(minio.raw.make_bucket, "photos")
    await asyncio.to_thread(write_release, tmp_path / "releases", PLUGIN, "1.1.0", LATER)
    place = {"PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases")}
    async with gateway(tmp_path / "home", "process", place) as running:
        plugin = managed(running)
        await plugin.install("1.0.0")
        await over_and_back(plugin, "local", minio.connection, "secretKey")


async def test_kill_9_of_minio_and_its_return_need_no_restart_of_the_plugin(
    minio: Any, tmp_path: Path
) -> None:
    await asyncio.to_thread(minio.raw.make_bucket, "photos")
    settings = {"PLUGWAY_INSTALL": "minio-management"}
    async with gateway(tmp_path / "home", "process", settings) as running:
        plugin = managed(running)
        await running.healthy(plugin.id, 120)
        await plugin.configure({"connections": minio.connections()})
        await plugin.works("1.0.0")
        await plugin.kill_and_return(minio, "1.0.0")
        accounts = await running.client.get(f"/plugins/{plugin.id}/api/accounts/policies")
        assert accounts.raise_for_status().json()["total"] >= 5
