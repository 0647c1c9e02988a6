"""An HTTP server behind the adapter, and the adapter over its real contract."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient, harness

from tests.fakes.http_api import Upstream
from tests.fakes.serving import serving

sys.path.append(str(Path(__file__).resolve().parents[1]))

from web_adapter.app import make_plugin

Opened = AbstractAsyncContextManager[PluginClient]


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    server = Upstream()
    async with serving(server.app()) as base:
        server.base = base
        yield server


@pytest.fixture
def adapter(tmp_path: Path) -> Callable[..., Opened]:
    """Opens the adapter for an API: ``adapter(base_url, private=True)``."""

    def opened(base: str, *, private: bool = True) -> Opened:
        egress = base.removeprefix("http://").partition("/")[0]
        return harness(make_plugin(_directory(tmp_path, baseUrl=base, egress=egress, private=private)))

    return opened


@pytest.fixture
async def only_page(tmp_path: Path) -> AsyncIterator[PluginClient]:
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "index.js").write_text("export function mount() {}\n")
    async with harness(make_plugin(_directory(tmp_path))) as client:
        yield client


def _directory(place: Path, **api: Any) -> Path:
    """As the gateway lays it out."""
    document: dict[str, Any] = {"id": "panel", "version": "1.2.3", "name": "Panel"}
    if api:
        document["api"] = api
    if (place / "ui").is_dir():
        document["ui"] = {"type": "static", "entry": "index.js"}
    (place / "adapter.json").write_text(json.dumps(document))
    return place
