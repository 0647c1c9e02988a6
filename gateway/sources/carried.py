"""Releases of files that came another way than by fetching: a source reads what it would have fetched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gateway.definition import PluginDefinition
from gateway.model import DirectoryArtifact, ImageArtifact, Release, Source
from gateway.sources.base import SourceUnreadable
from gateway.sources.carried_images import CarriedImages
from gateway.sources.evidence import Evidence
from gateway.sources.external import ExternalPlugins, Found, archive_of
from gateway.sources.module_files import fetched
from gateway.sources.vouched import NOTHING, Vouched

ARCHIVE = "archive"
_ENDPOINTS = ("grpc", "unix:")


class Reader(Protocol):
    """A source that can read a file as if it had fetched it."""

    def read(
        self, definition: PluginDefinition, version: str, file: Path | None, files: Path, said: Vouched
    ) -> Found:
        """Unpack below ``files``, which does not exist yet. Blocking; what is given is not to be trusted."""
        ...


class Registry(Protocol):
    """A source whose registry signs."""

    async def vouched(self, release: Release) -> Vouched: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What a release was made of: the files by digest, of which ``first`` names the others.

    ``first`` is empty where it was made of nothing but an address. ``envelopes`` are all
    signatures that are known of it, ``vouched`` is what its registry signed.
    """

    first: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    envelopes: tuple[bytes, ...] = ()
    vouched: Vouched = NOTHING


class Carried:
    """Reading asks nobody for a byte. The adapter and its settings are this gateway's own."""

    def __init__(
        self,
        external: ExternalPlugins,
        readers: Mapping[Source, Reader],
        images: CarriedImages,
        registries: Mapping[Source, Registry],
    ) -> None:
        self._external = external
        self._readers = dict(readers)
        self._images = images
        self._registries = dict(registries)

    @asynccontextmanager
    async def workplace(self) -> AsyncIterator[Path]:
        """As that of :class:`ExternalPlugins`."""
        async with self._external.workplace() as place:
            yield place

    def can_carry(self, release: Release) -> bool:
        """Whether the release was made of files, or of nothing but an address."""
        if isinstance(release.artifact, ImageArtifact):
            return True
        return isinstance(release.artifact, DirectoryArtifact) and release.source in self._readers

    def can_read(self, definition: PluginDefinition) -> bool:
        """Whether the definition is of a source that can read files, not of an endpoint."""
        known = definition.source in self._readers or definition.source is Source.OCI
        return known and not definition.source_url.startswith(_ENDPOINTS)

    async def release(
        self,
        definition: PluginDefinition,
        version: str,
        first: str,
        files: Mapping[str, Path],
        said: Vouched = NOTHING,
    ) -> Release:
        """Made of the files just as if they had been fetched; raises what the source raises.

        As for :class:`Original`; each file has the digest that it is listed under.
        """
        if definition.source is Source.OCI:
            return await self._images.read(definition, version, first, files)
        if len(files) > 1:
            raise SourceUnreadable(f"{definition.id} is made of one file, and {len(files)} are listed.")
        file = files.get(first)
        reader = self._readers[definition.source]
        async with self._external.workplace() as place:
            unpacked = place / "files"
            found = await asyncio.to_thread(reader.read, definition, version, file, unpacked, said)
            return await self._external.publish(definition, found, place)

    async def keep(self, release: Release, files: Mapping[str, Path], envelopes: tuple[bytes, ...]) -> None:
        """What :meth:`release` has not put in its place already, for the runtime and for going on."""
        if isinstance(release.artifact, ImageArtifact):
            await self._images.keep(release, files, envelopes)

    async def evidence(
        self, definition: PluginDefinition, release: Release, envelopes: tuple[bytes, ...]
    ) -> Evidence:
        """The file's own digest, and the signatures that came with it."""
        claimed = definition.signature if definition.signature.startswith("sha256:") else ""
        image = isinstance(release.artifact, ImageArtifact)
        subjects = None if image else await self._external.subjects(release)
        return Evidence(subjects=subjects, envelopes=envelopes, claimed=claimed)

    async def original(self, release: Release) -> Original:
        """What it was made of. The digests are those that files must have, and may not have any more.

        An image that is not kept is fetched by its digest, and kept. Raises
        :class:`SourceUnreadable` where a package was not kept, and what fetching raises.
        """
        if isinstance(release.artifact, ImageArtifact):
            async with self._external.workplace() as place:
                image = await self._images.original(release, place)
            envelopes = await self._images.signatures(release)
            files = {digest: image.path(digest) for digest in image.digests}
            return Original(first=image.root, files=files, envelopes=envelopes)
        assert isinstance(release.artifact, DirectoryArtifact)
        directory = Path(release.artifact.path)
        if subjects := await self._external.subjects(release):
            name, digest = fetched(subjects)
            file = archive_of(directory) if name == ARCHIVE else directory / name
            if not await asyncio.to_thread(file.is_file):
                raise SourceUnreadable(
                    f"What {release.plugin_id} {release.version} was unpacked from is not here any more.",
                    hint="Install that version again; what is fetched now is kept.",
                    plugin=release.plugin_id,
                )
            registry = self._registries.get(release.source)
            vouched = await registry.vouched(release) if registry else NOTHING
            return Original(first=digest, files={digest: file}, vouched=vouched)
        return Original()
