"""Settings go to a release with another form of them and back, through a real gateway, with their secrets.

The later release is this plugin with one field of each connection in another unit.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.running import gateway
from tests.shipped.managed import LATER, Managed, over_and_back, write_release

pytestmark = pytest.mark.timeout(280)
PLUGIN = Path(__file__).resolve().parents[1]


def count(found: Any) -> int:
    return len(found["workspaces"])


async def test_settings_migrate_to_a_later_release_and_back(cloud: Any, tmp_path: Path) -> None:
    await asyncio.to_thread(write_release, tmp_path / "releases", PLUGIN, "1.1.0", LATER)
    place = {"PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases")}
    async with gateway(tmp_path / "home", "process", place) as running:
        plugin = Managed(running, "power-bi", "/workspaces", count, held=100)
        await plugin.install("1.0.0")
        await over_and_back(plugin, "contoso", cloud.connection, "clientSecret")
