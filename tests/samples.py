"""Plugins, releases and manifests to test with."""

from __future__ import annotations

from pathlib import Path

from gateway import digests
from gateway.definition import PluginDefinition
from gateway.model import (
    Access,
    Artifact,
    DirectoryArtifact,
    Manifest,
    Permissions,
    PluginId,
    Release,
    RouteRule,
    Source,
    Tier,
    UiType,
)
from gateway.registry.records import PluginRecord, PluginSettings
from gateway.ui_bundles import PackedUi, UiBundle

DIGEST = "sha256:" + "0" * 64


def make_release(plugin: str = "notes", version: str = "1.0.0", artifact: Artifact | None = None) -> Release:
    artifact = artifact or DirectoryArtifact(
        path=f"/plugins/{plugin}",
        digest=DIGEST,
        command=("{python}", "-m", plugin),
        image=f"plugway/{plugin}",
    )
    return digests.make_release(
        plugin_id=PluginId(plugin),
        version=version,
        name=plugin.title(),
        source=Source.BUILT_IN,
        tier=Tier.BUILT_IN,
        artifact=artifact,
        permissions=Permissions(volumes=("data",)),
        ui_type=UiType.STATIC,
    )


def make_record(release: Release, settings: PluginSettings | None = None) -> PluginRecord:
    return PluginRecord(
        id=release.plugin_id,
        definition=PluginDefinition(id=release.plugin_id),
        release_id=release.id,
        settings=settings or PluginSettings(),
    )


def make_manifest(release: Release) -> Manifest:
    return Manifest(
        plugin_id=release.plugin_id,
        version=release.version,
        name=release.name,
        permissions=release.permissions,
        routes=(RouteRule(path_prefix="/admin", access=Access.ADMIN, methods=frozenset({"GET", "PUT"})),),
        ui_type=UiType.STATIC,
        ui_entry="index.js",
        settings_schema={"type": "object", "properties": {"password": {"writeOnly": True}}},
        openapi={"openapi": "3.1.0", "paths": {"/notes": {}}},
        services=("notes.v1.Notes",),
        descriptor_set=b"\x00\xff\xfb\xef",
    )


def make_ui() -> UiBundle:
    packed = PackedUi(
        version=1, entry="ef" * 32, modules={"index.js": "23" * 32}, styles={"a.css": "01" * 32}
    )
    files = {"index.js": "cd" * 32}
    return UiBundle(digest="ab" * 32, type=UiType.STATIC, entry="index.js", files=files, packed=packed)


def write_plugin(directory: Path, plugin: str = "notes", version: str = "1.0.0", **fields: str) -> Path:
    """A plugin's directory that can be resolved (it need not run)."""
    package = directory / plugin.replace("-", "_")
    package.mkdir(parents=True)
    lines = {
        "id": f'"{plugin}"',
        "version": f'"{version}"',
        "name": f'"{plugin.title()}"',
        "command": f'["{{python}}", "-m", "{package.name}"]',
        "image": f'"plugway/{plugin}"',
        **fields,
    }
    text = "".join(f"{name} = {value}\n" for name, value in lines.items())
    (directory / "plugway.toml").write_text(text)
    (package / "__init__.py").write_text("")
    (package / "app.py").write_text("app = None\n")
    return directory
