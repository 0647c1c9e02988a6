"""The plugin's papers agree with its code."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from notes.app import plugin
from plugway_sdk.testing import PluginClient

DIRECTORY = Path(__file__).resolve().parent.parent


def test_the_definition_is_what_the_plugin_says() -> None:
    definition = tomllib.loads((DIRECTORY / "plugway.toml").read_text())
    for field in ("id", "version", "name", "description"):
        assert definition[field] == getattr(plugin, field)
    assert definition["permissions"] == {
        "egress": list(plugin.permissions.egress),
        "volumes": list(plugin.permissions.volumes),
    }
    project = tomllib.loads((DIRECTORY / "pyproject.toml").read_text())["project"]
    assert project["version"] == plugin.version


async def test_the_api_is_described(client: PluginClient) -> None:
    document = json.loads((await client.describe()).openapi_json)
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/about",
        "/notes",
        "/notes/{note_id}",
        "/notes/{note_id}/attachments",
        "/notes/{note_id}/attachments/{attachment_id}",
        "/events",
    }
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)


async def test_the_bundle_is_whole_and_asks_no_other_host(client: PluginClient) -> None:
    files = await client.ui()
    assert {"index.js", "notes.css"} <= set(files)
    for name, content in files.items():
        text = content.decode()
        assert not re.search(r"https?://|innerHTML|\beval\(", text), name
        for imported in re.findall(r'from "\./([^"]+)"', text):
            assert imported in files


async def test_the_authors_metrics_are_collected(client: PluginClient) -> None:
    await client.post("/notes", json={"title": "a"})
    assert re.search(r'notes_changes_total\{kind="added"\} [1-9]', await client.metrics())
