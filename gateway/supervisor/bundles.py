"""Plugins carried as one file to a site without network: written here, judged anew there."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.definition import PluginDefinition
from gateway.errors import Conflict, NotFound
from gateway.model import ImageArtifact, PluginId, Release, RemoteArtifact, Source
from gateway.registry.errors import AlreadyInstalled
from gateway.registry.records import Acceptance, PluginRecord
from gateway.registry.store import RegistryStore
from gateway.sources.bundle_file import BadBundle, Carriage, dump_bundle, file_in, read_bundle
from gateway.sources.evidence import Evidence
from gateway.sources.lazy import Lazy
from gateway.supervisor.candidates import Candidate, ConsentNeeded
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


class Installs(Protocol):
    async def install_found(
        self, definition: PluginDefinition, candidate: Candidate, consent: str
    ) -> PluginRecord: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """``length`` is in bytes; ``parts`` block on files."""

    length: int
    parts: Iterator[bytes]


class Bundles:
    """What comes in a bundle counts as much as what a stranger's server hands out, and is judged so.

    ``limit`` is in bytes. Nothing is asked of any network.
    """

    def __init__(
        self,
        *,
        store: RegistryStore,
        carried: Lazy[Carried],
        judge: Callable[[Release, Evidence], Awaitable[Acceptance]],
        lifecycle: Installs,
        limit: int,
    ) -> None:
        self._store = store
        self._carried = carried
        self._judge = judge
        self._lifecycle = lifecycle
        self._limit = limit

    async def export(self, ids: Sequence[PluginId]) -> Export:
        """The releases in use of these plugins; all is checked before the first byte.

        Raises :class:`NotCarried`, ``UnknownPlugin``, ``SourceUnreadable`` and :class:`BadBundle`
        where a file is damaged.
        """
        carried = await self._carried.get()
        plugins, files = [], {}
        for id_ in dict.fromkeys(ids):
            record = self._store.plugin(id_)
            known = self._store.release(record.release_id)
            release = known.release
            if not carried.can_carry(release):
                raise _not_carried(release)
            digest, file = await carried.original(release)
            if file is not None:
                if await asyncio.to_thread(_digest, file) != digest:
                    raise BadBundle(
                        f"What {id_} {release.version} was made of is damaged here.",
                        hint="Uninstall it and install it again (its data stays).",
                        plugin=id_,
                    )
                files[digest] = file
            # What is carried is this version, also where the definition names a range.
            definition = record.definition.model_copy(update={"version": release.version})
            envelope = known.acceptance.envelope if known.acceptance else b""
            plugins.append(
                Carriage(definition=definition, version=release.version, file=digest, envelope=envelope)
            )
        length, parts = await asyncio.to_thread(dump_bundle, plugins, files)
        return Export(length=length, parts=parts)

    async def preview(self, chunks: Chunks, ids: Collection[str] = ()) -> tuple[Candidate, ...]:
        """What installing the bundle would bring: all of it, or the plugins named. Installs nothing."""
        async with self._opened(chunks, ids) as found:
            return tuple(candidate for _, candidate in found)

    async def install(
        self, chunks: Chunks, ids: Collection[str] = (), consents: Collection[str] = ()
    ) -> tuple[PluginId, ...]:
        """Install all, or those named, once each of them may be; one that is here already stays.

        ``consents`` are the ids of the releases that were shown. Raises :class:`Refused`,
        :class:`ConsentNeeded` and :class:`AlreadyInstalled` before anything is installed.
        """
        async with self._opened(chunks, ids) as found:
            wanted = [(definition, new) for definition, new in found if not self._here(new.release)]
            for _, candidate in wanted:
                candidate.accepted()
                if candidate.release.id not in consents:
                    raise ConsentNeeded(candidate)
            for definition, candidate in wanted:
                await self._lifecycle.install_found(definition, candidate, candidate.release.id)
            return tuple(PluginId(definition.id) for definition, _ in found)

    @asynccontextmanager
    async def _opened(
        self, chunks: Chunks, ids: Collection[str]
    ) -> AsyncIterator[list[tuple[PluginDefinition, Candidate]]]:
        carried = await self._carried.get()
        async with carried.workplace() as place:
            archive = place / "bundle.tar"
            await _receive(chunks, archive)
            unpacked = place / "bundle"
            plugins = await asyncio.to_thread(read_bundle, archive, unpacked, limit=self._limit)
            names = [plugin.definition.id for plugin in plugins]
            if missing := sorted(set(ids) - set(names)):
                raise NotInBundle(
                    f"The bundle does not hold {missing[0][:80]!r}.", hint=f"It holds: {', '.join(names)}."
                )
            yield [
                (plugin.definition, await self._candidate(carried, plugin, file_in(unpacked, plugin)))
                for plugin in plugins
                if not ids or plugin.definition.id in ids
            ]

    async def _candidate(self, carried: Carried, plugin: Carriage, file: Path | None) -> Candidate:
        definition = plugin.definition
        if not carried.can_read(definition):
            raise BadBundle(
                f"{definition.id} is of a source that bundles do not carry.", plugin=definition.id
            )
        release = await carried.release(definition, plugin.version, file)
        evidence = await carried.evidence(definition, release, plugin.envelope)
        try:
            return Candidate(release=release, acceptance=await self._judge(release, evidence))
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
    elif isinstance(release.artifact, ImageArtifact):
        why = "is an image, which bundles do not hold"
        hint = "Copy it into a registry that the other site reaches, with 'plugway registry attach' for the "
        hint += "signature; its digest stays the same."
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


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
