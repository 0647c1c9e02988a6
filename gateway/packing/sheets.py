"""Style sheets as they can stand in a document, where addresses would mean something else."""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Callable
from urllib.parse import unquote

from gateway.media_types import media_type

EMBEDDED = 256 * 1024
"""Bytes of pictures and fonts in one sheet, at the most. A browser asks for a font when text needs it,
so that one sheet may name twenty of which a reader needs two."""

_URL = re.compile(r"""url\(\s*(?:"([^"\\\n]*)"|'([^'\\\n]*)'|([^\s"'()\\]*))\s*\)""", re.IGNORECASE)
_ANY_URL = re.compile(r"url\(", re.IGNORECASE)
# Other words that take an address, and what would end the style element.
_OTHERS = re.compile(r"@import|image-set\(|\bsrc\(|</style|\0", re.IGNORECASE)
_CHARSET = re.compile(r"""@charset\s+["'](?!utf-8["'])""", re.IGNORECASE)
_STANDS = re.compile(r"[a-z][a-z0-9+.-]*:|//|#|$", re.IGNORECASE)


class Stays(Exception):
    """The sheet is asked for by itself, as its addresses mean something in its own place only."""


def inline_sheet(data: bytes, path: str, read: Callable[[str], bytes | None]) -> str:
    """The text for a style element; what it names in its bundle becomes ``data:``.

    ``path`` is the sheet's in the bundle, ``read`` gives a file of the bundle. Raises :class:`Stays`.
    """
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise Stays from None
    if _OTHERS.search(text) or _CHARSET.match(text):
        raise Stays
    if len(_URL.findall(text)) != len(_ANY_URL.findall(text)):
        raise Stays
    left = EMBEDDED

    def embedded(match: re.Match[str]) -> str:
        nonlocal left
        address = next((part for part in match.groups() if part is not None), "")
        if _STANDS.match(address):
            return match[0]
        name, fragment = _named(address, path)
        content = read(name)
        left -= len(content or b"")
        if content is None or left < 0:
            raise Stays
        return f'url("data:{media_type(name)};base64,{base64.b64encode(content).decode()}{fragment}")'

    return _URL.sub(embedded, text)


def _named(address: str, path: str) -> tuple[str, str]:
    """The file of the bundle, and the part of it (``#...``)."""
    address, hash_, fragment = address.partition("#")
    if address.startswith("/"):
        raise Stays
    name = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(address.partition("?")[0])))
    if re.search(r'["\\\n]', fragment):
        raise Stays
    return name, hash_ + fragment
