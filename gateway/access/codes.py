"""One-time login codes: what a login link carries."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

CODE_SECONDS = 600.0
_MOST = 100


class LoginCodes:
    """Codes that work once and for ten minutes. Only their hashes are kept, in memory."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expiry: dict[bytes, float] = {}

    def new(self) -> str:
        """A fresh code. Of many unused ones the oldest lose."""
        self._forget_expired()
        while len(self._expiry) >= _MOST:
            del self._expiry[next(iter(self._expiry))]
        code = secrets.token_urlsafe(32)
        self._expiry[_digest(code)] = self._clock() + CODE_SECONDS
        return code

    def redeem(self, code: str) -> bool:
        """Whether the code was good; it is not from now on."""
        expires = self._expiry.pop(_digest(code), 0.0)
        return expires > self._clock()

    def _forget_expired(self) -> None:
        now = self._clock()
        self._expiry = {digest: expires for digest, expires in self._expiry.items() if expires > now}


def _digest(code: str) -> bytes:
    # Looked up by hash, so that the time of the look-up tells nothing about the code.
    return hashlib.sha256(code.encode()).digest()
