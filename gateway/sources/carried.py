"""Releases of files that came another way than by fetching: a source reads what it would have fetched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from gateway.definition import PluginDefinition
from gateway.model import DirectoryArtifact, Release, Source
from gateway.sources.base import SourceUnreadable
from gateway.sources.evidence import Evidence
from gateway.sources.external import ExternalPlugins, Found, archive_of

ARCHIVE = "archive"
_ENDPOINTS = ("grpc", "unix:")


class Reader(Protocol):
    """A source that can read a file as if it had fetched it."""

    def read(self, definition: PluginDefinition, version: str, file: Path | None, files: Path) -> Found:
        """Unpack below ``files``, which does not exist yet. Blocking; ``file`` is not to be trusted."""
        ...


class Carried:
    """Nothing here asks anybody for a byte. The adapter and its settings are this gateway's own."""

    def __init__(self, external: ExternalPlugins, readers: Mapping[Source, Reader]) -> None:
        self._external = external
        self._readers = dict(readers)

    @asynccontextmanager
    async def workplace(self) -> AsyncIterator[Path]:
        """As that of :class:`ExternalPlugins`."""
        async with self._external.workplace() as place:
            yield place

    def can_carry(self, release: Release) -> bool:
        """Whether the release was made of a file, or of nothing but an address."""
        return isinstance(release.artifact, DirectoryArtifact) and release.source in self._readers

    def can_read(self, definition: PluginDefinition) -> bool:
        """Whether the definition is of a source that can read files, not of an endpoint."""
        return definition.source in self._readers and not definition.source_url.startswith(_ENDPOINTS)

    async def release(self, definition: PluginDefinition, version: str, file: Path | None) -> Release:
        """Made of the file just as if it had been fetched; raises what the source raises."""
        reader = self._readers[definition.source]
        async with self._external.workplace() as place:
            found = await asyncio.to_thread(reader.read, definition, version, file, place / "files")
            return await self._external.publish(definition, found, place)

    async def evidence(self, definition: PluginDefinition, release: Release, envelope: bytes) -> Evidence:
        """The file's own digest, and the signature that came with it."""
        claimed = definition.signature if definition.signature.startswith("sha256:") else ""
        envelopes = (envelope,) if envelope else ()
        return Evidence(subjects=await self._external.subjects(release), envelopes=envelopes, claimed=claimed)

    async def original(self, release: Release) -> tuple[str, Path | None]:
        """The file that a release was made of, and the digest that it must have; none without a page.

        Raises :class:`SourceUnreadable` where it was not kept.
        """
        assert isinstance(release.artifact, DirectoryArtifact)
        directory = Path(release.artifact.path)
        for name, digest in (await self._external.subjects(release)).items():
            file = archive_of(directory) if name == ARCHIVE else directory / name
            if not await asyncio.to_thread(file.is_file):
                raise SourceUnreadable(
                    f"What {release.plugin_id} {release.version} was unpacked from is not here any more.",
                    hint="Install that version again; what is fetched now is kept.",
                    plugin=release.plugin_id,
                )
            return digest, file
        return "", None
