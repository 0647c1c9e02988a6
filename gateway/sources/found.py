"""From what was fetched and unpacked to a page, for every source alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.definition import PluginDefinition
from gateway.model import UiType
from gateway.sources.external import Found, Page, ui_type_of
from gateway.sources.package_json import Package
from gateway.sources.store import DigestMismatch


def check_sum(definition: PluginDefinition, digest: str) -> None:
    """Compare ``sha256:...`` with the definition's; raises :class:`DigestMismatch`."""
    if definition.checksum and definition.checksum != digest:
        raise DigestMismatch(
            f"What was fetched has another checksum than the definition of {definition.id}.",
            fields={"/checksum": f"is {digest}"},
            hint="Do not install it before you know why; a new version has a checksum of its own.",
            plugin=definition.id,
        )


def found_in(
    definition: PluginDefinition,
    package: Package,
    names: tuple[str, ...],
    files: Path,
    *,
    version: str,
    origin: Mapping[str, Any],
    archive: Path | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> Found:
    """The page of an unpacked package, of the type that definition or package say."""
    type_ = ui_type_of(definition, package.ui_type)
    page = Page(root=files, names=names, type=type_, entry=package.entry, styles=package.styles)
    return Found(
        version=version,
        page=None if type_ is UiType.NONE else page,
        name=package.title,
        description=package.description,
        wants=package.egress,
        origins=package.origins,
        origin=origin,
        archive=archive,
        beside=beside or {},
    )
