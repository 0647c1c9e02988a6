"""Plugins carried as one file to a site without network: written here, judged anew there."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.catalogue.brought import Brought
from gateway.catalogue.catalogues import Catalogues
from gateway.definition import PluginDefinition
from gateway.errors import Conflict, NotFound
from gateway.image_files import digest_of_file
from gateway.model import PluginId, Release, RemoteArtifact, Source
from gateway.registry.errors import AlreadyInstalled
from gateway.registry.records import Acceptance, PluginRecord
from gateway.registry.store import RegistryStore
from gateway.sources.bundle_file import BadBundle, Carriage, Contents, dump_bundle, file_in, read_bundle
from gateway.sources.evidence import Evidence
from gateway.sources.lazy import Lazy
from gateway.supervisor.candidates import Candidate, ConsentNeeded
from gateway.trust.envelope import MAX_BYTES
from gateway.trust.refusal import Refused

if TYPE_CHECKING:
    from gateway.sources.carried import Carried

Chunks = AsyncIterator[bytes]


class NotCarried(Conflict):
    """A plugin that a bundle cannot hold."""

    key, title = "not-carried", "The plugin cannot be put into a bundle"


class NotInBundle(NotFound):
    """The bundle has no such plugin."""

    key, title = "not-in-bundle", "No such plugin in the bundle"


class Judge(Protocol):
    async def __call__(
        self, release: Release, evidence: Evidence, *, downgrade: bool = False
    ) -> Acceptance: ...


class Installs(Protocol):
    def check_kind(self, release: Release) -> None: ...

    async def install_found(
        self, definition: PluginDefinition, candidate: Candidate, consent: str
    ) -> PluginRecord: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """``length`` is in bytes; ``parts`` block on files."""

    length: int
    parts: Iterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """What a bundle would bring: releases, and what its catalogues are to this gateway."""

    candidates: tuple[Candidate, ...]
    catalogues: tuple[Brought, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """An unpacked bundle, whose files all have their digests."""

    found: list[tuple[Carriage, Candidate]]
    place: Path
    indexes: tuple[bytes, ...]

    def files(self, plugin: Carriage) -> dict[str, Path]:
        return {digest: file_in(self.place, digest) for digest in plugin.digests}


class Bundles:
    """What comes in a bundle counts as much as what a stranger's server hands out, and is judged so.

    ``limit`` is in bytes. An import asks nothing of any network; an export fetches images that are
    not kept yet, by their digests.
    """

    def __init__(
        self,
        *,
        store: RegistryStore,
        carried: Lazy[Carried],
        judge: Judge,
        lifecycle: Installs,
        catalogues: Catalogues,
        limit: int,
    ) -> None:
        self._store = store
        self._carried = carried
        self._judge = judge
        self._lifecycle = lifecycle
        self._catalogues = catalogues
        self._limit = limit

    async def export(self, ids: Sequence[PluginId]) -> Export:
        """The releases in use of these plugins; all is checked before the first byte.

        Raises :class:`NotCarried`, ``UnknownPlugin``, ``SourceUnreadable``, what fetching an image
        raises, and :class:`BadBundle` where a file is damaged.
        """
        plugins: list[Carriage] = []
        files: dict[str, Path | bytes] = {}
        for id_ in dict.fromkeys(ids):
            plugin, own = await self._carriage(self._store.plugin(id_))
            plugins.append(plugin)
            files |= own
        definitions = [plugin.definition for plugin in plugins]
        definitions += [self._store.plugin(PluginId(one.id)).definition for one in definitions]
        indexes = {_digest_of(data): data for data in await self._catalogues.offering(definitions)}
        contents = Contents(plugins=tuple(plugins), catalogues=tuple(indexes))
        length, parts = await asyncio.to_thread(dump_bundle, contents, files | indexes)
        return Export(length=length, parts=parts)

    async def _carriage(self, record: PluginRecord) -> tuple[Carriage, Mapping[str, Path]]:
        carried = await self._carried.get()
        known = self._store.release(record.release_id)
        release = known.release
        if not carried.can_carry(release):
            raise _not_carried(release)
        original = await carried.original(release)
        for digest, file in original.files.items():
            if await asyncio.to_thread(digest_of_file, file) != digest:
                raise BadBundle(
                    f"What {record.id} {release.version} was made of is damaged here.",
                    hint="Uninstall it and install it again (its data stays).",
                    plugin=record.id,
                )
        counted = known.acceptance.envelope if known.acceptance else b""
        plugin = Carriage(
            # What is carried is this version, also where the definition names a range.
            definition=record.definition.model_copy(update={"version": release.version}),
            version=release.version,
            file=original.first,
            parts=tuple(digest for digest in original.files if digest != original.first),
            envelope=counted,
            envelopes=tuple(one for one in dict.fromkeys(original.envelopes) if one != counted),
            vouched=original.vouched,
        )
        return plugin, original.files

    async def preview(
        self, chunks: Chunks, ids: Collection[str] = (), *, downgrade: bool = False
    ) -> Contained:
        """What installing the bundle would bring: all of it, or the plugins named. Installs nothing.

        With ``downgrade`` also what is below a version floor.

        Raises :class:`BadBundle`, ``CatalogueRefused`` and what the sources raise.
        """
        async with self._opened(chunks, ids, downgrade) as opened:
            return Contained(
                candidates=tuple(candidate for _, candidate in opened.found),
                catalogues=await self._catalogues.brought(opened.indexes, take=False),
            )

    async def install(
        self,
        chunks: Chunks,
        ids: Collection[str] = (),
        consents: Collection[str] = (),
        *,
        downgrade: bool = False,
    ) -> tuple[PluginId, ...]:
        """Install all, or those named, once each of them may be; one that is here already stays.

        ``consents`` are the ids of the releases that were shown. Raises :class:`Refused`,
        :class:`ConsentNeeded` and :class:`AlreadyInstalled` before anything is installed, and what
        :meth:`preview` raises. Catalogues of this gateway take what is newer in the bundle.
        """
        async with self._opened(chunks, ids, downgrade) as opened:
            wanted = [(plugin, new) for plugin, new in opened.found if not self._here(new.release)]
            for _, candidate in wanted:
                candidate.accepted()
                self._lifecycle.check_kind(candidate.release)
                if candidate.release.id not in consents:
                    raise ConsentNeeded(candidate)
            await self._catalogues.brought(opened.indexes, take=True)
            carried = await self._carried.get()
            for plugin, candidate in wanted:
                await carried.keep(candidate.release, opened.files(plugin), plugin.signatures)
                await self._lifecycle.install_found(plugin.definition, candidate, candidate.release.id)
            return tuple(PluginId(plugin.definition.id) for plugin, _ in opened.found)

    @asynccontextmanager
    async def _opened(self, chunks: Chunks, ids: Collection[str], downgrade: bool) -> AsyncIterator[_Opened]:
        carried = await self._carried.get()
        async with carried.workplace() as place:
            archive = place / "bundle.tar"
            await _receive(chunks, archive)
            unpacked = place / "bundle"
            contents = await asyncio.to_thread(read_bundle, archive, unpacked, limit=self._limit)
            await asyncio.to_thread(archive.unlink)
            names = [plugin.definition.id for plugin in contents.plugins]
            if missing := sorted(set(ids) - set(names)):
                raise NotInBundle(
                    f"The bundle does not hold {missing[0][:80]!r}.", hint=f"It holds: {', '.join(names)}."
                )
            opened = _Opened(found=[], place=unpacked, indexes=await _indexes(contents, unpacked))
            for plugin in contents.plugins:
                if not ids or plugin.definition.id in ids:
                    candidate = await self._candidate(carried, plugin, opened.files(plugin), downgrade)
                    opened.found.append((plugin, candidate))
            yield opened

    async def _candidate(
        self, carried: Carried, plugin: Carriage, files: Mapping[str, Path], downgrade: bool
    ) -> Candidate:
        definition = plugin.definition
        if not carried.can_read(definition):
            raise BadBundle(
                f"{definition.id} is of a source that bundles do not carry.", plugin=definition.id
            )
        release = await carried.release(definition, plugin.version, plugin.file, files, plugin.vouched)
        evidence = await carried.evidence(definition, release, plugin.signatures)
        try:
            accepted = await self._judge(release, evidence, downgrade=downgrade)
            return Candidate(release=release, acceptance=accepted)
        except Refused as refusal:
            return Candidate(release=release, refusal=refusal)

    def _here(self, release: Release) -> bool:
        """Whether just this release is installed; raises :class:`AlreadyInstalled` for another one."""
        mine = [record for record in self._store.plugins() if record.id == release.plugin_id]
        if mine and mine[0].release_id != release.id:
            raise AlreadyInstalled(
                f"{release.plugin_id} is installed already, in another release than the bundle's.",
                hint=f"plugway uninstall {release.plugin_id} (its data stays), then import again.",
                plugin=release.plugin_id,
            )
        return bool(mine)


def _not_carried(release: Release) -> NotCarried:
    id_ = release.plugin_id
    if isinstance(release.artifact, RemoteArtifact):
        why, hint = "runs elsewhere: there is nothing to carry", "Attach it there by its address."
    else:
        assert release.source is Source.BUILT_IN
        why, hint = "is shipped with the gateway", f"Install it there by its name: plugway install {id_}"
    return NotCarried(f"{id_} {why}.", hint=hint, plugin=id_)


async def _receive(chunks: Chunks, target: Path) -> None:
    file = await asyncio.to_thread(target.open, "xb")
    try:
        async for chunk in chunks:
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)


async def _indexes(contents: Contents, place: Path) -> tuple[bytes, ...]:
    files = [file_in(place, digest) for digest in contents.catalogues]
    for file in files:
        if (await asyncio.to_thread(file.stat)).st_size > MAX_BYTES:
            raise BadBundle(f"An index of a catalogue in it is larger than {MAX_BYTES >> 20} MiB.")
    return tuple([await asyncio.to_thread(file.read_bytes) for file in files])


def _digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
