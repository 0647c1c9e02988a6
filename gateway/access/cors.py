"""Which pages of other origins may call, by the operator's word (CORS, https://fetch.spec.whatwg.org).

Credentials that a browser adds by itself are never allowed: a page of another origin calls
with a token of its own or as nobody, so it can do nothing in its user's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from gateway.errors import Forbidden

Pairs = list[tuple[bytes, bytes]]

_TOKENS = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")
_MOST = 2048
_MAX_AGE = 600
"""Seconds that a browser may remember a preflight's answer; a changed policy holds after that."""


class OriginRefused(Forbidden):
    key, title = "origin-refused", "Pages of this origin may not call here"


class Cors:
    """Judges by ``origins``, each ``scheme://host[:port]`` in lower case, or ``*`` for every page."""

    __slots__ = ("_everyone", "_origins")

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._everyone = b"*" in self._origins

    def preflight(self, method: str, headers: Pairs) -> Pairs | OriginRefused | None:
        """What answers the question whether a page may call; None where this is no such question."""
        if method != "OPTIONS":
            return None
        origin = wanted = names = None
        for name, value in headers:
            if name == b"origin":
                origin = value
            elif name == b"access-control-request-method":
                wanted = value
            elif name == b"access-control-request-headers":
                names = value
        if origin is None or wanted is None:
            return None
        allowed = self._allowed(origin)
        if allowed is None:
            return OriginRefused(
                "The operator's policy names no such origin.",
                hint="PLUGWAY_CORS_ORIGINS and PLUGWAY_CORS_API_ORIGINS name those that may.",
            )
        answer = [
            (b"access-control-allow-origin", allowed),
            (b"access-control-max-age", b"%d" % _MAX_AGE),
            (b"vary", b"origin, access-control-request-method, access-control-request-headers"),
        ]
        if _is_list(wanted):
            answer.append((b"access-control-allow-methods", wanted))
        if names is not None and _is_list(names):
            answer.append((b"access-control-allow-headers", names))
        return answer

    def dress(self, headers: Pairs, send: Any) -> Any:
        """A ``send`` that tells the browser whether the page behind ``headers`` may read the answer."""
        origin = next((value for name, value in headers if name == b"origin"), b"")
        allowed = self._allowed(origin)
        extra: Pairs = [] if self._everyone else [(b"vary", b"origin")]
        if allowed is not None:
            extra += [(b"access-control-allow-origin", allowed), (b"access-control-expose-headers", b"*")]

        async def dressed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        return dressed

    def _allowed(self, origin: bytes) -> bytes | None:
        if self._everyone:
            return b"*"
        # Browsers send origins in one spelling only, so any other is not one of theirs.
        return origin if origin in self._origins else None


def _is_list(value: bytes) -> bool:
    return len(value) <= _MOST and _TOKENS.fullmatch(value) is not None
