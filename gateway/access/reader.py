"""Who calls, found in an access table: in memory, as the data plane asks on every call."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from gateway.access.sessions import SessionReader, caller_of, session_values
from gateway.access.table import AccessTable
from gateway.model import Caller

COARSE = 60.0
"""Seconds within which a token's uses count as one."""

_CACHED = 4096


class AccessReader:
    """Turns credentials into a :class:`Caller`. Give it tables with :meth:`update`."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._callers: dict[bytes, tuple[Caller, float]] = {}
        self._sessions = SessionReader(b"", {}, {})
        self._seen: dict[bytes, tuple[Caller, float]] = {}
        self._used: dict[str, float] = {}
        self._told: dict[str, float] = {}

    def update(self, table: AccessTable) -> None:
        """Judge by this table from the next call on."""
        self._callers = {token.digest: (caller_of(token), token.expires_at) for token in table.tokens}
        self._sessions = SessionReader(
            table.session_key, table.ended, {token.id: token for token in table.tokens}
        )
        self._seen = {}

    def identify(self, authorization: bytes | None, cookie: bytes | None) -> Caller | None:
        """The caller, from the raw ``Authorization`` and ``Cookie`` headers, or None.

        A bearer token decides alone, right or wrong; other schemes are left to
        whatever stands in front of the gateway.
        """
        if authorization is not None and authorization[:7].lower() == b"bearer ":
            return self._by_token(authorization[7:].strip())
        if not cookie:
            return None
        seen = self._seen.get(cookie)
        if seen is not None and seen[1] > self._clock():
            return seen[0]
        return self._by_cookie(cookie)

    def take_used(self) -> dict[str, float]:
        """Ids of tokens used since the last time this was asked, and when (Unix seconds, coarse)."""
        fresh = {id_: at for id_, at in self._used.items() if at != self._told.get(id_)}
        self._told.update(fresh)
        return fresh

    def _by_token(self, secret: bytes) -> Caller | None:
        # 256 random bits cannot be guessed however fast the hash, so it need not be a slow one. And a
        # look-up by hash tells by its time nothing about the token.
        found = self._callers.get(hashlib.sha256(secret).digest())
        if found is None:
            return None
        caller, expires = found
        now = self._clock()
        if expires and expires <= now:
            return None
        if now - self._used.get(caller.token, 0.0) >= COARSE:
            self._used[caller.token] = now
        return caller

    def _by_cookie(self, cookie: bytes) -> Caller | None:
        for value in session_values(cookie):
            found = self._sessions.read(value, self._clock())
            if found is not None:
                if len(self._seen) >= _CACHED:
                    self._seen = {}
                self._seen[cookie] = found
                return found[0]
        self._seen.pop(cookie, None)
        return None
