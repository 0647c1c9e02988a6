"""Receiving a UI bundle: each file streamed into the content store and checked."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection
from typing import Protocol

from plugway.plugin.v1 import plugin_pb2

from gateway.contract.errors import GarbageAnswer
from gateway.contract.names import MAX_FILES, check_bundle_names
from gateway.digests import canonical_json
from gateway.model import Manifest
from gateway.ui_bundles import UiBundle

MAX_BYTES = 256 * 2**20
"""Cap of one bundle, so that no plugin fills the disk of the gateway."""


class Content(Protocol):
    """The part of the content store that is needed here."""

    async def put(self, chunks: AsyncIterator[bytes]) -> str:
        """Keep the bytes; returns their sha256 in hex."""
        ...

    async def all_intact(self, digests: Collection[str]) -> bool:
        """Whether the bytes of these digests are still there, unharmed."""
        ...


Parts = AsyncIterator[plugin_pb2.GetUiResponse]


async def receive_bundle(parts: Parts, manifest: Manifest, content: Content) -> UiBundle:
    """Store the files of a GetUi stream; raises :class:`GarbageAnswer` and then publishes nothing."""
    reader = _Reader(parts)
    files: dict[str, str] = {}
    total = 0
    await reader.advance()
    while (head := reader.file) is not None:
        total += head.size
        if len(files) >= MAX_FILES or total > MAX_BYTES:
            raise GarbageAnswer(f"Its UI bundle exceeds {MAX_FILES} files or {MAX_BYTES >> 20} MiB.")
        if head.path in files:
            raise GarbageAnswer(f"Its UI bundle has {head.path!r} twice.")
        digest = await content.put(reader.chunks(head.path, head.size))
        if digest != head.sha256.hex():
            raise GarbageAnswer(f"The file {head.path!r} of its UI bundle is not what its digest says.")
        files[head.path] = digest
    # Nothing was written under these names yet: the store knows digests only.
    check_bundle_names(files)
    for needed in (manifest.ui_entry, *manifest.ui_styles):
        if needed not in files:
            raise GarbageAnswer(f"Its UI bundle lacks {needed!r}, which the manifest names.")
    return UiBundle(
        digest=_bundle_digest(manifest, files),
        type=manifest.ui_type,
        entry=manifest.ui_entry,
        styles=manifest.ui_styles,
        files=files,
    )


def _bundle_digest(manifest: Manifest, files: dict[str, str]) -> str:
    """``sha256:...`` over the files and how they are mounted: equal digests are equal UIs."""
    document = {
        "type": manifest.ui_type.value,
        "entry": manifest.ui_entry,
        "styles": list(manifest.ui_styles),
        "files": files,
    }
    return f"sha256:{hashlib.sha256(canonical_json(document)).hexdigest()}"


class _Reader:
    """Cuts the flat stream into files; ``file`` is the one that begins next."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.file: plugin_pb2.UiFile | None = None

    async def advance(self) -> bytes | None:
        """The next bytes of the current file; ``None`` where it ended and ``file`` is the next."""
        async for part in self._parts:
            if part.WhichOneof("part") == "file":
                self.file = part.file
                return None
            return part.chunk
        self.file = None
        return None

    async def chunks(self, path: str, size: int) -> AsyncIterator[bytes]:
        got = 0
        while (chunk := await self.advance()) is not None:
            got += len(chunk)
            if got > size:
                break
            yield chunk
        if got != size:
            raise GarbageAnswer(f"The file {path!r} of its UI bundle is not as long as announced.")
