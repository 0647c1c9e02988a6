"""The plugin's directory is on the path, as it is when a runtime starts it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

DIRECTORY = Path(__file__).resolve().parent.parent
if str(DIRECTORY) not in sys.path:
    sys.path.insert(0, str(DIRECTORY))

from notes.app import plugin  # noqa: E402 - needs the path
from plugway_sdk.testing import PluginClient, harness  # noqa: E402 - with the import above


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[PluginClient]:
    """The plugin over the real contract, with settings in force and an empty volume."""
    async with harness(plugin, settings={"max_attachment_mib": 2}, volumes=tmp_path) as client:
        yield client


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Where the plugin under test keeps its data."""
    return tmp_path / "data"
