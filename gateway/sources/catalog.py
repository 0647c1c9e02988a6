"""All sources under one roof."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.definition import PluginDefinition
from gateway.errors import PlugwayError
from gateway.model import Release, Source
from gateway.semver import preference
from gateway.sources.base import CatalogEntry, ReleaseSource, UnsupportedSource
from gateway.sources.evidence import Evidence


class SourceCatalog:
    """Asks the source that a definition names. A source that fails does not hide the others."""

    def __init__(self, sources: Mapping[Source, ReleaseSource]) -> None:
        self._sources = dict(sources)

    def add(self, sources: Mapping[Source, ReleaseSource]) -> None:
        """More sources, or others in the place of known ones."""
        self._sources |= sources

    async def resolve(self, definition: PluginDefinition) -> Release:
        source = self._sources.get(definition.source)
        if source is None:
            known = ", ".join(sorted(known.value for known in self._sources))
            raise UnsupportedSource(
                f"This gateway cannot install from the source '{definition.source.value}'.",
                fields={"/source": f"must be one of: {known}"},
                hint=f"It installs from: {known}.",
                plugin=definition.id,
            )
        return await source.resolve(definition)

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        """What the release's source has to show for it."""
        return await self._sources[release.source].evidence(definition, release)

    async def available(self) -> tuple[CatalogEntry, ...]:
        """Entries of every source by id, the version that installing takes first.

        What a source could not say is an entry with a problem.
        """
        entries: list[CatalogEntry] = []
        for kind, source in self._sources.items():
            try:
                entries.extend(await source.available())
            except PlugwayError as error:
                name = kind.value
                entries.append(CatalogEntry(id="", name=name, version="", source=kind, problem=error.detail))
        newest_first = sorted(entries, key=lambda entry: preference(entry.version), reverse=True)
        return tuple(sorted(newest_first, key=lambda entry: entry.id))
