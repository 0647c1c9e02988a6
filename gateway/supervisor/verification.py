"""All that can be checked of an installed plugin at any time: files, lock, page, signature, policy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.definition import PluginDefinition
from gateway.errors import PlugwayError
from gateway.model import PluginId, Release, RemoteArtifact
from gateway.registry.records import ReleaseRecord
from gateway.registry.store import RegistryStore
from gateway.supervisor.acts import Verify
from gateway.trust.standing import Standing
from gateway.ui_bundles import PackedUi


class Content(Protocol):
    async def intact(self, digest: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. ``ok`` is None where there is nothing to look at."""

    what: str
    ok: bool | None
    words: str


class Elsewhere(Protocol):
    async def check(self, definition: PluginDefinition, release: Release) -> tuple[Check, ...]: ...


class Verification:
    """Reads everything anew: nothing that was found before counts.

    ``registry`` says whether the registry that it came from vouches for it, ``upstream`` what has become
    of that place.
    """

    def __init__(
        self,
        *,
        store: RegistryStore,
        content: Content,
        verify: Verify,
        standing: Callable[[ReleaseRecord], Awaitable[Standing]],
        registry: Elsewhere,
        upstream: Elsewhere,
    ) -> None:
        self._store = store
        self._content = content
        self._verify = verify
        self._standing = standing
        self._registry = registry
        self._upstream = upstream

    async def check(self, plugin: PluginId) -> tuple[Check, ...]:
        """Of the release in use; raises :class:`UnknownPlugin`, and nothing for what fails."""
        installed = self._store.plugin(plugin)
        record = self._store.release(installed.release_id)
        own = (await self._artefact(record), await self._page(record), await self._policy(record))
        vouched = await self._registry.check(installed.definition, record.release)
        return own + vouched + await self._upstream.check(installed.definition, record.release)

    async def _artefact(self, record: ReleaseRecord) -> Check:
        release = record.release
        if isinstance(release.artifact, RemoteArtifact):
            return Check(what="artefact", ok=None, words="It runs elsewhere: nothing of it lies here.")
        try:
            await self._verify(release)
        except PlugwayError as error:
            return Check(what="artefact", ok=False, words=error.detail)
        return Check(what="artefact", ok=True, words=f"{release.artifact.digest}, as its lock says.")

    async def _page(self, record: ReleaseRecord) -> Check:
        if record.ui is None:
            return Check(what="page", ok=None, words="It has no page in the store.")
        bad = [path for path, digest in record.ui.files.items() if not await self._content.intact(digest)]
        if bad:
            words = f"{len(bad)} of {len(record.ui.files)} files are damaged or gone: {', '.join(bad[:5])}."
            return Check(what="page", ok=False, words=words)
        packed = record.ui.packed.digests if record.ui.packed else ()
        if not all([await self._content.intact(digest) for digest in packed]):
            return Check(
                what="page", ok=False, words="What the gateway made of its files is damaged or gone."
            )
        words = f"{_files(len(record.ui.files))} its digest{_sent(record.ui.packed)}."
        return Check(what="page", ok=True, words=words)

    async def _policy(self, record: ReleaseRecord) -> Check:
        try:
            found = await self._standing(record)
        except PlugwayError as error:
            return Check(what="trust", ok=False, words=error.detail)
        if found.refusal is not None:
            return Check(what="trust", ok=False, words=found.refusal.detail)
        assert found.verdict is not None
        return Check(what="trust", ok=found.verdict.verified or None, words=found.verdict.words)


def _files(count: int) -> str:
    return "1 file, with" if count == 1 else f"{count} files, each with"


def _sent(packed: PackedUi | None) -> str:
    if packed is None:
        return ""
    return f"; sent file by file: {packed.why_not}" if packed.why_not else "; sent in one document"
