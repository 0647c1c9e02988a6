"""Files of UI bundles as HTTP answers: compressed forms, validators, caching."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

from gateway.errors import Internal
from gateway.media_types import media_type
from gateway.proxy.headers import Pairs
from gateway.proxy.ranges import asked_range
from gateway.ui_bundles import UiBundle

_CONDITIONS = frozenset({b"range", b"if-range", b"if-none-match"})
_CACHE_BYTES = 32 * 2**20
_CACHED_FILE = 2**20
_PART = 256 * 1024
_ALWAYS: Pairs = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"accept-encoding"),
]
_SHARED: Pairs = [
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"cache-control", b"public, max-age=31536000, immutable"),
]
_OWN: Pairs = [(b"cross-origin-resource-policy", b"same-origin"), (b"cache-control", b"private, no-cache")]


class Content(Protocol):
    """What is asked of the content store."""

    def path(self, digest: str) -> Path: ...

    def encoded(self, digest: str, encoding: Literal["br", "gzip"]) -> Path | None: ...


class Assets:
    """Sends files by their digest; small ones are kept in memory, 32 MiB in all."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._cache: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._size = 0

    async def send(self, bundle: UiBundle, name: str, scope: Any, send: Any, *, shared: bool) -> None:
        """Answer with the file ``name`` of the bundle; ``shared`` where its path holds the capability."""
        digest = bundle.files[name]
        if scope["method"] == "GET" and (kept := self._usual(digest, scope["headers"])) is not None:
            headers = list(kept.head(digest, name, shared))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": kept.content})
            return
        # A part is one of the file itself, whatever else the client would take.
        part = asked_range(scope["headers"], digest.encode()) if scope["method"] == "GET" else None
        wanted = () if part is not None else accepted_encodings(scope["headers"])
        encoding, content = await self._load(digest, wanted)
        headers = _validators(digest, encoding, shared)
        if is_known(scope["headers"], digest.encode()):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        headers += _described(name, encoding)
        size = len(content) if isinstance(content, bytes) else await asyncio.to_thread(_size, content)
        if part is not None:
            await _send_part(part.of(size), size, content, headers, send)
            return
        headers.append((b"content-length", b"%d" % size))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        elif isinstance(content, bytes):
            await send({"type": "http.response.body", "body": content})
        else:
            await _send_file(content, send, 0, size)

    async def _load(self, digest: str, wanted: tuple[Literal["br", "gzip"], ...]) -> tuple[str, bytes | Path]:
        key = (digest, wanted[0] if wanted else "")
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
            return found.encoding, found.content
        try:
            encoding, content = await asyncio.to_thread(self._read, digest, wanted)
        except OSError as error:
            raise Internal(
                f"A file of this UI is missing from the content store: {error.strerror}.",
                hint="Restart the plugin: its UI is fetched again.",
            ) from error
        if isinstance(content, bytes):
            self._keep(key, encoding, content)
        return encoding, content

    def _read(self, digest: str, wanted: tuple[Literal["br", "gzip"], ...]) -> tuple[str, bytes | Path]:
        encoding, path = "", self._content.path(digest)
        for name in wanted:
            if (compressed := self._content.encoded(digest, name)) is not None:
                encoding, path = name, compressed
                break
        return encoding, path if path.stat().st_size > _CACHED_FILE else path.read_bytes()

    def _keep(self, key: tuple[str, str], encoding: str, content: bytes) -> None:
        before = self._cache.get(key)
        self._cache[key] = Kept(encoding, content)
        self._size += len(content) - (len(before.content) if before is not None else 0)
        while self._size > _CACHE_BYTES:
            _, dropped = self._cache.popitem(last=False)
            self._size -= len(dropped.content)

    def _usual(self, digest: str, headers: Pairs) -> Kept | None:
        """What answers a call without any condition, where it is in memory."""
        accepted = b""
        for name, value in headers:
            if name in _CONDITIONS:
                return None
            if name == b"accept-encoding":
                accepted = accepted + b"," + value if accepted else value
        return self.kept(digest, accepted)

    def kept(self, digest: str, accepted: bytes) -> Kept | None:
        """The file in memory, in the best form that is ``accepted`` (the client's ``Accept-Encoding``)."""
        wanted = _encodings(accepted)
        key = (digest, wanted[0] if wanted else "")
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
        return found


class Kept:
    """A file in memory, and the heads of the answers that it was given in."""

    __slots__ = ("_heads", "_lines", "content", "encoding")

    def __init__(self, encoding: str, content: bytes) -> None:
        self.encoding = encoding
        self.content = content
        self._heads: dict[tuple[str, bool], Pairs] = {}
        self._lines: dict[str, bytes] = {}

    def head(self, digest: str, name: str, shared: bool) -> Pairs:
        """Of the whole file; not to be changed."""
        # Files of one content may differ in what their names say of its type; there are few.
        key = (name, shared)
        found = self._heads.get(key)
        if found is None:
            found = self._heads[key] = [
                *_validators(digest, self.encoding, shared),
                *_described(name, self.encoding),
                (b"content-length", b"%d" % len(self.content)),
            ]
        return found

    def lines(self, digest: str, name: str) -> bytes:
        """The same as HTTP/1.1 has it, for a path that holds the capability."""
        found = self._lines.get(name)
        if found is None:
            pairs = self.head(digest, name, True)
            found = self._lines[name] = b"".join(b"%s: %s\r\n" % pair for pair in pairs)
        return found


def _validators(digest: str, encoding: str, shared: bool) -> Pairs:
    etag = f'"{digest}{"-" + encoding if encoding else ""}"'.encode()
    return [*_ALWAYS, *(_SHARED if shared else _OWN), (b"etag", etag)]


def _described(name: str, encoding: str) -> Pairs:
    described = [(b"content-type", media_type(name).encode()), (b"accept-ranges", b"bytes")]
    return [(b"content-encoding", encoding.encode()), *described] if encoding else described


def accepted_encodings(headers: Pairs) -> tuple[Literal["br", "gzip"], ...]:
    """What the client accepts, best first."""
    return _encodings(b",".join(value for name, value in headers if name == b"accept-encoding"))


@lru_cache(maxsize=256)
def _encodings(accepted: bytes) -> tuple[Literal["br", "gzip"], ...]:
    """What the client accepts, best first."""
    accepted = accepted.lower()
    named: set[bytes] = set()
    for item in accepted.split(b","):
        coding, _, quality = item.partition(b";")
        if quality.strip().replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"):
            named.add(coding.strip())
    best: tuple[Literal["br", "gzip"], ...] = ("br", "gzip")
    return tuple(encoding for encoding in best if encoding.encode() in named)


def is_known(headers: Pairs, digest: bytes) -> bool:
    """Whether the client has this content already, in whatever encoding."""
    for name, value in headers:
        if name == b"if-none-match":
            tags = [tag.strip().removeprefix(b"W/").strip(b'"') for tag in value.split(b",")]
            if b"*" in tags or any(tag.partition(b"-")[0] == digest for tag in tags):
                return True
    return False


def _size(path: Path) -> int:
    return path.stat().st_size


async def _send_part(
    part: tuple[int, int] | None, size: int, content: bytes | Path, headers: Pairs, send: Any
) -> None:
    """The bytes from the first to before the second number; None where the file has no such part."""
    if part is None:
        headers += [(b"content-range", b"bytes */%d" % size), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 416, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    start, end = part
    headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size)))
    headers.append((b"content-length", b"%d" % (end - start)))
    await send({"type": "http.response.start", "status": 206, "headers": headers})
    if isinstance(content, bytes):
        await send({"type": "http.response.body", "body": content[start:end]})
    else:
        await _send_file(content, send, start, end)


async def _send_file(path: Path, send: Any, start: int, end: int) -> None:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, start)
        left = end - start
        while left and (part := await asyncio.to_thread(file.read, min(_PART, left))):
            left -= len(part)
            await send({"type": "http.response.body", "body": part, "more_body": True})
    finally:
        await asyncio.to_thread(file.close)
    await send({"type": "http.response.body", "body": b""})
