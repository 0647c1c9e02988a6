"""Browser sessions: signed cookie values, so that a restart does not sign anyone out."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Mapping

from itsdangerous import BadSignature, URLSafeSerializer

from gateway.model import Caller

KeepEnded = Callable[[Mapping[str, float]], None]
"""Stores the ended sessions: id to the Unix time at which they would have expired."""


class Sessions:
    """Makes and reads session values; remembers which of them were ended early."""

    def __init__(
        self,
        key: bytes,
        *,
        seconds: float,
        clock: Callable[[], float],
        ended: Mapping[str, float],
        keep_ended: KeepEnded,
    ) -> None:
        self._serializer = URLSafeSerializer(
            key,
            salt="plugway.session",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
        self._seconds = seconds
        self._clock = clock
        self._ended = dict(ended)
        self._keep_ended = keep_ended
        self._lock = threading.Lock()

    def start(self, user: str, role: str) -> str:
        """The cookie value of a new session."""
        content = [secrets.token_urlsafe(16), user, role, self._clock() + self._seconds]
        return str(self._serializer.dumps(content))

    def read(self, value: str) -> tuple[Caller, float] | None:
        """Who the value stands for and when it expires; None where it does not hold."""
        try:
            session, user, role, expires = self._serializer.loads(value)
        except (BadSignature, ValueError, TypeError):
            return None
        if expires <= self._clock() or self.has_ended(session):
            return None
        return Caller(user=user, role=role, session=session), expires

    def has_ended(self, session: str) -> bool:
        """Whether the session was ended before its time."""
        return session in self._ended

    def end(self, value: str) -> None:
        """Make the value worthless, over restarts too. Writes a file."""
        found = self.read(value)
        if found is None:
            return
        caller, expires = found
        now = self._clock()
        with self._lock:
            self._ended = {id_: until for id_, until in self._ended.items() if until > now}
            self._ended[caller.session] = expires
            self._keep_ended(self._ended)
