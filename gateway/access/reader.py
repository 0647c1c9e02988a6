"""Who calls, found in an access table: in memory, as the data plane asks on every call."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping

from gateway.access.call_keys import RENEW, CallKey
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
        self._call_key: CallKey | None = None
        self._proofs: dict[tuple[str, str, str], tuple[str, float]] = {}
        self._used: dict[str, float] = {}
        self._told: dict[str, float] = {}

    def update(self, table: AccessTable) -> None:
        """Judge by this table from the next call on."""
        self._callers = {token.digest: (caller_of(token), token.expires_at) for token in table.tokens}
        self._sessions = SessionReader(
            table.session_key, table.ended, {token.id: token for token in table.tokens}
        )
        self._seen = {}
        if table.call_key != self._call_key:
            self._call_key, self._proofs = table.call_key, {}

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

    def call_token(self, user: str, role: str, plugin: str, release: str) -> str:
        """What proves to ``plugin`` in ``release`` who calls; ``""`` without a key.

        Signing costs more than the rest of most calls, so that a proof is used again for half its life.
        """
        now = self._clock()
        # Ids of releases differ between plugins too.
        made = self._proofs.get((user, role, release))
        if made is not None and made[1] > now:
            return made[0]
        if self._call_key is None:
            return ""
        token = self._call_key.prove(user=user, role=role, plugin=plugin, release=release, now=int(now))
        if len(self._proofs) >= _CACHED:
            self._proofs = {}
        self._proofs[user, role, release] = token, now + RENEW
        return token

    def take_used(self) -> dict[str, float]:
        """Ids of tokens used since the last time this was asked, and when (Unix seconds, coarse)."""
        fresh = {id_: at for id_, at in self._used.items() if at != self._told.get(id_)}
        self._told.update(fresh)
        return fresh

    def used_elsewhere(self, times: Mapping[str, float]) -> None:
        """Take over what another process's reader gave to :meth:`take_used`."""
        for id_, at in times.items():
            self._used[id_] = max(at, self._used.get(id_, 0.0))

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
