"""What a plugin says about itself: to its users, to the gateway, and who may do what."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any

from plugway_sdk import Plugin
from plugway_sdk.testing import harness

Operation = tuple[str, str]
_LOOKING = ("GET", "HEAD", "OPTIONS")


def changing_routes(plugin: Plugin[Any], harmless: set[Operation]) -> set[Operation]:
    """Every route that is not for looking alone, from the document that the plugin publishes."""
    app: Any = plugin.app
    paths = app.openapi()["paths"]
    found = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    return {(method, path) for method, path in found if method not in _LOOKING} - harmless


def access(plugin: Plugin[Any], method: str, path: str) -> str:
    """Who may call it: the first rule that matches counts."""
    return next(
        rule.access
        for rule in plugin.routes
        if path.startswith(rule.path_prefix) and (not rule.methods or method in rule.methods)
    )


async def check_declared(
    plugin: Plugin[Any], directory: Path, operations: int, streamed: Container[str] = ()
) -> Any:
    """The manifest is that of plugway.toml, and more than so many operations are described, each with what it
    answers but for the ``streamed`` ones. Returns the manifest."""
    async with harness(plugin) as client:
        described = await client.describe()
    manifest, declared = described.manifest, tomllib.loads((directory / "plugway.toml").read_text())
    for name in ("id", "version", "name", "description"):
        assert getattr(manifest, name) == declared[name]
    for name in ("egress", "volumes", "origins"):
        assert list(getattr(manifest.permissions, name)) == declared["permissions"].get(name, [])
    assert list(manifest.permissions.volumes) == []
    paths = json.loads(described.openapi_json)["paths"]
    found = [operation for path in paths.values() for operation in path.values()]
    identities = [operation["operationId"] for operation in found]
    assert len(set(identities)) == len(identities) > operations
    for identity, operation in zip(identities, found, strict=True):
        answers = operation["responses"]
        success = next(answers[code] for code in ("201", "202", "200") if code in answers)
        if identity not in streamed:
            assert success["content"]["application/json"]["schema"], identity
        assert "application/problem+json" in answers["422"]["content"], identity
        assert operation["description"], identity
    return manifest
