"""Answers of plugins in fewer bytes, where the client takes them so. What is in hand goes out at once."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import brotli
from plugway.plugin.v1.http_pb2 import HttpHeader

from gateway.model import Caller
from gateway.proxy.headers import Pairs

LEAST = 1024
"""Bytes from which on it is worth while: less fits into one packet as it is."""

OFF_LOOP = 32 * 1024
"""Bytes that are compressed in a thread: they would take the loop about half a millisecond."""

# Of the levels those at which a byte saved costs least: below them little is lost, above they cost double.
_BROTLI_QUALITY, _GZIP_LEVEL = 3, 3
# Small windows: a stream may be open for hours, and each has a compressor of its own.
_BROTLI_WINDOW, _GZIP_WINDOW, _GZIP_MEMORY = 16, 16 + 14, 7

BR, GZIP, NONE = b"br", b"gzip", b""

_TYPES = frozenset(
    {
        b"application/json", b"application/javascript", b"application/ecmascript", b"application/xml",
        b"application/x-ndjson", b"application/ndjson", b"application/jsonl", b"application/wasm",
        b"application/graphql", b"application/manifest+json", b"application/yaml", b"application/toml",
        b"application/x-javascript", b"image/x-icon", b"image/bmp", b"font/ttf", b"font/otf",
    }
)  # fmt: skip
# What speaks of the bytes as they are, or is sent in single events that should not wait for each other.
_KEPT = frozenset({b"content-encoding", b"content-range", b"content-digest", b"digest", b"content-md5"})
_WHOLE = frozenset({204, 205, 206, 304})


@lru_cache(maxsize=512)
def negotiated(accept: bytes, sized: bool = True) -> bytes:
    """The coding that ``Accept-Encoding`` asks for most (RFC 9110, 12.5.3), or NONE.

    Of equals the better one; for streams without length gzip, whose compressor holds a quarter of the memory.
    """
    wanted: dict[bytes, float] = {}
    for item in accept.lower().split(b","):
        name, *parameters = (part.strip() for part in item.split(b";"))
        wanted[name] = _quality(parameters)
    wanted.setdefault(BR, 0.0)
    # Whoever takes anything surely takes the oldest.
    wanted.setdefault(GZIP, wanted.get(b"*", 0.0))
    favourite, other = (BR, GZIP) if sized else (GZIP, BR)
    best = favourite if wanted[favourite] >= wanted[other] else other
    return best if wanted[best] > 0 else NONE


def _quality(parameters: list[bytes]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


@lru_cache(maxsize=512)
def compressible(content_type: bytes) -> bool:
    """Whether content of this type shrinks; event streams are left alone, as each would need a compressor."""
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == b"text/event-stream":
        return False
    return kind.startswith(b"text/") or kind in _TYPES or kind.endswith((b"+json", b"+xml"))


def may_shrink(caller: Caller | None, headers: Pairs) -> bool:
    """Whether the size of the answer may depend on its content (see docs/decisions, BREACH).

    A page elsewhere can make a browser call with the user's session, and whoever watches the line sees how
    long the answers are. Tokens no page can use; of a session the browser has to say that the page is ours.
    """
    if caller is None or not caller.session:
        return True
    return any(name == b"sec-fetch-site" and value == b"same-origin" for name, value in headers)


def agree(accept: bytes, status: int, headers: Pairs, asked: Iterable[HttpHeader]) -> bytes:
    """The coding for an answer, or NONE. Its ``headers`` are changed to those of the coded answer.

    ``asked`` are the headers of the request.
    """
    if status in _WHOLE or not _worth_while(headers):
        return NONE
    if any(header.name == b"cache-control" and b"no-transform" in header.value.lower() for header in asked):
        return NONE
    headers.append((b"vary", b"accept-encoding"))
    coding = negotiated(accept, any(name == b"content-length" for name, _ in headers))
    if coding:
        headers[:] = [
            (name, _weak(value) if name == b"etag" else value)
            for name, value in headers
            if name not in (b"content-length", b"accept-ranges")
        ]
        headers.append((b"content-encoding", coding))
    return coding


def _worth_while(headers: Pairs) -> bool:
    shrinks = False
    for name, value in headers:
        if name == b"content-type":
            shrinks = len(value) < 256 and compressible(value)
        elif name == b"content-length":
            if int(value) < LEAST:
                return False
        elif name in _KEPT or (name == b"cache-control" and b"no-transform" in value.lower()):
            return False
    return shrinks


def _weak(etag: bytes) -> bytes:
    return etag if etag.startswith(b"W/") else b"W/" + etag


def strong_tags(value: bytes) -> bytes:
    """``If-Match`` with the tags as the plugin gave them.

    A weak one never matches there (RFC 9110, 13.1.1), and it is this gateway that makes tags weak: without
    this a client that has read a compressed answer could not change what it has read.
    """
    return value.replace(b'W/"', b'"')


class Encoder:
    """An ASGI ``send`` for an answer whose head is sent. Each part is flushed, so none waits for the next."""

    __slots__ = ("_encode", "_send")

    def __init__(self, send: Any, coding: bytes) -> None:
        self._send = send
        self._encode = _brotli() if coding == BR else _gzip()

    async def __call__(self, message: Any) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body, last = message.get("body", b""), not message.get("more_body", False)
        if len(body) > OFF_LOOP:
            coded = await asyncio.to_thread(self._encode, body, last)
        else:
            coded = self._encode(body, last)
        if coded or last:
            await self._send({**message, "body": coded})


def _brotli() -> Callable[[bytes, bool], bytes]:
    codec = brotli.Compressor(quality=_BROTLI_QUALITY, lgwin=_BROTLI_WINDOW)

    def encode(body: bytes, last: bool) -> bytes:
        coded: bytes = codec.process(body) if body else b""
        rest: bytes = codec.finish() if last else codec.flush()
        return coded + rest

    return encode


def _gzip() -> Callable[[bytes, bool], bytes]:
    codec = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW, _GZIP_MEMORY)

    def encode(body: bytes, last: bool) -> bytes:
        return codec.compress(body) + codec.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

    return encode
