"""The ReleaseSource protocol: where releases come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.definition import PluginDefinition
from gateway.errors import BadInput, NotFound, Unavailable
from gateway.model import Permissions, Release, Source, UiType
from gateway.sources.evidence import Evidence


class NotInCatalog(NotFound):
    """The source has no such plugin, or no such version of it."""

    key, title = "not-in-catalog", "No such plugin to install"


class UnsupportedSource(BadInput):
    """A source that this gateway cannot install from."""

    key, title = "unsupported-source", "Unsupported source"


class SourceUnreadable(Unavailable):
    """The source is there but cannot be read now."""

    key, title = "source-unreadable", "The source cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """One version of a plugin that could be installed; ``problem`` says why it could not."""

    id: str
    name: str
    version: str
    source: Source
    description: str = ""
    ui_type: UiType = UiType.NONE
    permissions: Permissions = Permissions()
    problem: str = ""


class ReleaseSource(Protocol):
    """Finds what a definition names. Raises errors that say what to do."""

    async def resolve(self, definition: PluginDefinition) -> Release: ...

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        """What is to be judged of a release that :meth:`resolve` gave for this definition."""
        ...

    async def available(self) -> Sequence[CatalogEntry]: ...
