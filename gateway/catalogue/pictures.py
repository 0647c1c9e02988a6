"""Screenshots: fetched by the gateway, held against the index, and served from here.

A browser never goes to a catalogue's host, and gets nothing but pictures: the type is read from the
bytes, and SVG, which may hold scripts, is none of them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection
from urllib.parse import urljoin

from gateway.catalogue.errors import CatalogueRefused
from gateway.catalogue.index import Screenshot
from gateway.sources.documents import Documents
from gateway.sources.store import ContentStore

MAX_PICTURE = 4 * 2**20
_AT_ONCE = 4
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"WEBP", 8, "image/webp"),
    (b"GIF8", 0, "image/gif"),
)
PICTURE_TYPES = tuple(kind for _, _, kind in _KINDS)


class Pictures:
    """``store`` is of their own: what no index names any more goes from it."""

    def __init__(self, fetcher: Documents, store: ContentStore) -> None:
        self._fetcher = fetcher
        self._store = store
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def picture(self, index_url: str, screenshot: Screenshot) -> tuple[bytes, str]:
        """The bytes and their media type. Raises :class:`CatalogueRefused` and what fetching raises."""
        content = await asyncio.to_thread(self._kept, screenshot.sha256)
        if content is None:
            async with self._gate:
                content = await self._fetch(index_url, screenshot)
        return content, picture_type(content)

    async def collect(self, keep: Collection[str]) -> None:
        await self._store.collect(keep)

    def _kept(self, sha256: str) -> bytes | None:
        try:
            content = self._store.path(sha256).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == sha256 else None

    async def _fetch(self, index_url: str, screenshot: Screenshot) -> bytes:
        url = urljoin(index_url, screenshot.path)
        content = await self._fetcher.document(url, limit=MAX_PICTURE)
        found = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
        if found != screenshot.sha256:
            raise CatalogueRefused(
                f"{screenshot.path} is not the picture that the catalogue names: its sha256 is {found}.",
                hint="Tell whoever publishes the catalogue.",
                reason="signature",
            )
        picture_type(content)
        await self._store.put(_once(content), expected=screenshot.sha256, limit=MAX_PICTURE)
        return content


def picture_type(content: bytes) -> str:
    """The media type by the first bytes; raises :class:`CatalogueRefused`."""
    for mark, at, kind in _KINDS:
        if content[at : at + len(mark)] == mark:
            return kind
    raise CatalogueRefused(
        "The screenshot is no picture that is shown (PNG, JPEG, WebP or GIF).",
        hint="Tell whoever publishes the catalogue.",
        reason="unreadable",
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
