"""The content store: files under their sha256, written whole or not at all.

ab/abcd...          the content
ab/abcd....br .gz   the same, compressed once, where that makes it smaller
tmp/                being written
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

import brotli

from gateway.durable import sync
from gateway.errors import BadInput, NotFound, Unavailable
from gateway.unchanged import Unchanged

Encoding = Literal["br", "gzip"]

_HEX = re.compile(r"[0-9a-f]{64}")
_SUFFIX: dict[Encoding, str] = {"br": ".br", "gzip": ".gz"}
# Below it the headers weigh more than the gain; above it the start of a plugin would wait.
_COMPRESS_FROM, _COMPRESS_TO = 256, 16 * 2**20
# Level 11 takes ten times as long as 9 for some percent of size.
_BROTLI_QUALITY = 9
_STALE_AFTER = 3600.0
_FRESH = 600.0


class DigestMismatch(BadInput):
    """The content is not what its digest says."""

    key, title = "digest-mismatch", "The content does not have the digest that was promised"


class ContentTooLarge(BadInput):
    """More bytes than were allowed."""

    key, title = "content-too-large", "The content is too large"


class ContentMissing(NotFound):
    """Nothing is stored under this digest."""

    key, title = "content-missing", "No such content"


class StoreFailed(Unavailable):
    """The disk would not take it."""

    key, title = "store-failed", "The content store cannot be written"


class ContentStore:
    """Files by sha256 in hexadecimal. Constructing touches nothing."""

    def __init__(self, root: Path, unchanged: Unchanged | None = None) -> None:
        self._root = root
        self._unchanged = unchanged
        self._swept = False

    async def put(self, chunks: AsyncIterator[bytes], *, expected: str = "", limit: int = 2**30) -> str:
        """Store what comes and return its digest; nothing is published before the last byte is judged.

        ``expected`` is a digest in hexadecimal, ``limit`` is in bytes. Raises :class:`DigestMismatch`,
        :class:`ContentTooLarge` and :class:`StoreFailed`.
        """
        with self._plain_errors():
            temporary = await asyncio.to_thread(self._begin)
        try:
            digest = await self._receive(temporary, chunks, limit)
            if expected and digest != expected:
                raise DigestMismatch(f"Promised was sha256:{expected}, received sha256:{digest}.")
            with self._plain_errors():
                await asyncio.to_thread(self._publish, temporary, digest)
        finally:
            await asyncio.to_thread(_discard, temporary)
        return digest

    def path(self, digest: str) -> Path:
        """Where the content lies, or would lie; raises :class:`ContentMissing` where that is no digest."""
        if not _HEX.fullmatch(digest):
            raise ContentMissing("A digest is 64 hexadecimal digits.")
        return self._root / digest[:2] / digest

    def encoded(self, digest: str, encoding: Encoding) -> Path | None:
        """The compressed form, made when the content was stored; None where it would not be smaller.

        Blocking, if only for one look at the disk.
        """
        path = self.path(digest)
        compressed = path.with_name(path.name + _SUFFIX[encoding])
        return compressed if compressed.exists() else None

    async def intact(self, digest: str) -> bool:
        """Whether the content is there and still has its digest."""
        return await asyncio.to_thread(_has_digest, self.path(digest), digest)

    async def all_intact(self, digests: Collection[str]) -> bool:
        """The same of many; files that were read before and have not changed since are not read again."""
        return await asyncio.to_thread(self._all_intact, sorted(set(digests)))

    def _all_intact(self, digests: Collection[str]) -> bool:
        root = os.fspath(self._root)

        def files() -> list[str]:
            return [f"{root}/{digest[:2]}/{digest}" for digest in digests]

        def check() -> bool:
            return all(_has_digest(self.path(digest), digest) for digest in digests)

        if self._unchanged is None:
            return check()
        key = hashlib.sha256("\n".join(digests).encode()).hexdigest()
        return self._unchanged.holds(f"{key} {self._root}", files, check)

    async def collect(self, keep: Collection[str]) -> None:
        """Remove what has another digest than these; what is fresh may be part of a bundle half received."""
        await asyncio.to_thread(self._collect, frozenset(keep))

    def _collect(self, keep: Collection[str]) -> None:
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(FileNotFoundError):
                fresh = time.time() - path.stat().st_mtime < _FRESH
                if not fresh and path.name.partition(".")[0] not in keep:
                    path.unlink()

    async def _receive(self, file: IO[bytes], chunks: AsyncIterator[bytes], limit: int) -> str:
        seen, size = hashlib.sha256(), 0
        # The sender's own errors are not the store's.
        async for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise ContentTooLarge(f"The content has more than {limit} bytes.")
            seen.update(chunk)
            with self._plain_errors():
                await asyncio.to_thread(file.write, chunk)
        return seen.hexdigest()

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreFailed(
                f"A file could not be written to {self._root}: {error.strerror}.",
                hint="See to free space and to write permission there, then try again.",
            ) from error

    def _begin(self) -> IO[bytes]:
        directory = self._root / "tmp"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._swept:
            # What a killed gateway left; younger ones may be another store's work.
            for leftover in directory.iterdir():
                if time.time() - leftover.stat().st_mtime > _STALE_AFTER:
                    leftover.unlink(missing_ok=True)
            self._swept = True
        return tempfile.NamedTemporaryFile(dir=directory, delete=False)

    def _publish(self, temporary: IO[bytes], digest: str) -> None:
        temporary.flush()
        os.fsync(temporary.fileno())
        target = self.path(digest)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        self._compress(Path(temporary.name), target)
        # Replaced even where it exists: that heals a file the disk has damaged.
        Path(temporary.name).replace(target)
        sync(target.parent)

    def _compress(self, content: Path, target: Path) -> None:
        size = content.stat().st_size
        if not _COMPRESS_FROM <= size <= _COMPRESS_TO:
            return
        plain = content.read_bytes()
        forms: dict[Encoding, bytes] = {
            "br": brotli.compress(plain, quality=_BROTLI_QUALITY),
            "gzip": gzip.compress(plain, 9, mtime=0),
        }
        for encoding, data in forms.items():
            if len(data) < size * 0.95:
                temporary = content.with_name(content.name + _SUFFIX[encoding])
                temporary.write_bytes(data)
                temporary.replace(target.with_name(target.name + _SUFFIX[encoding]))


def _discard(file: IO[bytes]) -> None:
    try:
        file.close()
    finally:
        for suffix in ("", *_SUFFIX.values()):
            Path(file.name + suffix).unlink(missing_ok=True)


def _has_digest(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return False
