"""Frames' documents as HTTP answers: made once, compressed once, asked for again by their validator."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli

from gateway.proxy.assets import Content, accepted_encodings, is_known
from gateway.proxy.frame import frame_document
from gateway.proxy.headers import Pairs
from gateway.routing import Target
from gateway.ui_bundles import PackedUi, UiBundle

_REMEMBERED = 64 * 2**20
_SMALL = 256
# As the content store compresses files.
_BROTLI_QUALITY, _GZIP_LEVEL = 9, 9

# With ``integrity`` in import maps. Others may have it too, and get files until somebody has tried them.
_CHROMIUM, _OLDEST = re.compile(rb"Chrom(?:e|ium)/([0-9]{1,4})\b"), 127

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """``forms`` are the body as it is ("") and compressed; ``digest`` covers the headers too."""

    digest: bytes
    headers: Pairs
    forms: Mapping[str, bytes]

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return sum(map(len, self.forms.values())) + 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a document is made of; two that are equal have the same one. See :func:`frame_document`."""

    plugin: str
    name: str
    release: str
    asset_base: str
    origin: str
    page_origins: tuple[str, ...]
    ui_digest: str
    packed: frozenset[str]


class Documents:
    """Those that pages ask for, 64 MiB of them in memory."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._made: OrderedDict[Frame, Document] = OrderedDict()
        self._size = 0

    async def get(
        self, plugin: str, name: str, target: Target, ui: UiBundle, base: str, origin: str
    ) -> Document:
        """The document for a page that begins now."""
        frame = Frame(
            plugin=plugin,
            name=name,
            release=target.release_id,
            asset_base=base,
            origin=origin,
            page_origins=tuple(target.page_origins),
            ui_digest=ui.digest,
            packed=ui.packed.digests if ui.packed else frozenset(),
        )
        if (made := self._made.get(frame)) is not None:
            self._made.move_to_end(frame)
            return made
        made = await asyncio.to_thread(_make, frame, ui, self._content)
        if frame not in self._made:
            self._made[frame] = made
            self._size += made.size
        while self._size > _REMEMBERED and len(self._made) > 1:
            _, dropped = self._made.popitem(last=False)
            self._size -= dropped.size
        return made


def takes_modules(headers: Pairs) -> bool:
    """Whether the reader runs modules that stand in an import map. Only its name tells, over plain HTTP."""
    named = (_CHROMIUM.search(value) for name, value in headers if name == b"user-agent")
    return any(found and int(found[1]) >= _OLDEST for found in named)


async def send_document(document: Document, request_id: str, scope: Any, send: Any) -> None:
    """200 with the body, or 304 where the reader has it."""
    wanted = (one for one in accepted_encodings(scope["headers"]) if one in document.forms)
    encoding: str = next(wanted, "")
    etag = document.digest + (b"-" + encoding.encode() if encoding else b"")
    headers = [*document.headers, (b"etag", b'"%s"' % etag), (b"x-request-id", request_id.encode())]
    if is_known(scope["headers"], document.digest):
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    body = document.forms[encoding]
    if encoding:
        headers.append((b"content-encoding", encoding.encode()))
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})


def _make(frame: Frame, ui: UiBundle, content: Content) -> Document:
    body, headers = frame_document(
        plugin_id=frame.plugin,
        name=frame.name,
        ui=ui,
        asset_base=frame.asset_base,
        origin=frame.origin,
        release=frame.release,
        page_origins=frame.page_origins,
        inline=_texts(ui.packed, content),
    )
    forms = {"": body}
    if len(body) > _SMALL:
        forms["br"] = brotli.compress(body, quality=_BROTLI_QUALITY)
        forms["gzip"] = gzip.compress(body, _GZIP_LEVEL, mtime=0)
    seen = hashlib.sha256(body)
    for pair in headers:
        seen.update(b"\n" + b": ".join(pair))
    return Document(digest=seen.hexdigest().encode(), headers=headers, forms=forms)


def _texts(packed: PackedUi | None, content: Content) -> dict[str, str] | None:
    """By digest; None where it is not packed, or something of it is not there as it was made."""
    if packed is None or not (packed.entry or packed.modules):
        return None
    try:
        return {digest: _text(content.path(digest), digest) for digest in packed.digests}
    except (OSError, ValueError) as error:
        _log.warning("A packed page is served as files, as its text is damaged: %s", error)
        return None


def _text(path: Path, digest: str) -> str:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"{digest} has another content than it had")
    return data.decode()
