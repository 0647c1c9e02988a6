"""Who calls: tokens, sessions and one-time login codes.

Everything a call needs is in memory, as the data plane asks on every call.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping

from gateway.access.codes import LoginCodes
from gateway.access.keys import read_or_make
from gateway.access.sessions import KeepEnded, Sessions
from gateway.home import Home
from gateway.model import Caller
from gateway.settings import Settings

SESSION_COOKIE = "plugway_session"
TOKEN_FILE = "admin.token"  # noqa: S105  the file's name, not a secret

_COOKIE_PREFIX = SESSION_COOKIE.encode() + b"="
_ENDED_FILE = "keys/ended-sessions.json"
_ADMIN = Caller(user="admin", role="admin")
_CACHED = 4096


class Gatekeeper:
    """Turns credentials into a :class:`Caller`. Constructing touches no file; :meth:`open` does."""

    def __init__(
        self,
        *,
        token: str,
        session_key: str,
        session_seconds: float,
        ended: Mapping[str, float] | None = None,
        keep_ended: KeepEnded = lambda ended: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._token_digest = hashlib.sha256(token.encode()).digest()
        self._root_key = session_key.encode()
        self._clock = clock
        self.session_seconds = session_seconds
        self._codes = LoginCodes(clock)
        # The token is part of the key: replacing admin.token ends every session too.
        self._sessions = Sessions(
            self.derive_key("session") + self._token_digest,
            seconds=session_seconds,
            clock=clock,
            ended=ended or {},
            keep_ended=keep_ended,
        )
        self._seen: dict[bytes, tuple[Caller, float]] = {}

    @classmethod
    def open(cls, home: Home, settings: Settings, clock: Callable[[], float] = time.time) -> Gatekeeper:
        """Read the token and the session key, or make them at the first start.

        Blocks on files. Raises ``SecretFileUnusable`` where one is empty.
        """
        home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home.path / "keys").mkdir(mode=0o700, exist_ok=True)
        ended_file = home.path / _ENDED_FILE
        return cls(
            token=read_or_make(home.path / TOKEN_FILE),
            session_key=read_or_make(home.path / "keys" / "session.key"),
            session_seconds=settings.session_hours * 3600,
            ended=json.loads(ended_file.read_text()) if ended_file.exists() else {},
            keep_ended=lambda ended: _write_ended(home, ended),
            clock=clock,
        )

    def identify(self, authorization: bytes | None, cookie: bytes | None) -> Caller | None:
        """The caller, from the raw ``Authorization`` and ``Cookie`` headers, or None.

        A bearer token decides alone, right or wrong; other schemes are left to
        whatever stands in front of the gateway.
        """
        if authorization is not None and authorization[:7].lower() == b"bearer ":
            return _ADMIN if self._is_token(authorization[7:].strip()) else None
        if not cookie:
            return None
        seen = self._seen.get(cookie)
        if seen is not None and seen[1] > self._clock() and not self._sessions.has_ended(seen[0].session):
            return seen[0]
        return self._identify_by_cookie(cookie)

    def accepts_token(self, token: str) -> bool:
        """Whether this is the admin token; compared in constant time."""
        return self._is_token(token.strip().encode())

    def start_session(self, user: str = _ADMIN.user, role: str = _ADMIN.role) -> str:
        """The cookie value of a new session for someone whose identity was established."""
        return self._sessions.start(user, role)

    def new_login_code(self) -> str:
        """A code that :meth:`redeem` takes once, within ten minutes."""
        return self._codes.new()

    def redeem(self, code: str) -> str | None:
        """The cookie value of a new session, or None where the code is used, expired or unknown."""
        return self.start_session() if self._codes.redeem(code) else None

    def end_session(self, value: str) -> None:
        """End one session for good. Blocks on a file; unknown values are ignored."""
        self._sessions.end(value)

    @property
    def asset_key(self) -> bytes:
        """Signs the capabilities under which browsers load a plugin UI's files."""
        return self.derive_key("assets")

    def derive_key(self, purpose: str) -> bytes:
        """A 256-bit key of this home for one purpose; the same after a restart."""
        return hmac.digest(self._root_key, purpose.encode(), "sha256")

    def _is_token(self, token: bytes) -> bool:
        # Hashes have one length, so that not even the token's length can be timed.
        return hmac.compare_digest(hashlib.sha256(token).digest(), self._token_digest)

    def _identify_by_cookie(self, cookie: bytes) -> Caller | None:
        for value in session_values(cookie):
            found = self._sessions.read(value)
            if found is not None:
                if len(self._seen) >= _CACHED:
                    self._seen = {}
                self._seen[cookie] = found
                return found[0]
        self._seen.pop(cookie, None)
        return None


def session_values(cookie: bytes) -> list[str]:
    """The session values in a ``Cookie`` header: several, where another path or host set one too."""
    parts = (part.strip() for part in cookie.split(b";"))
    values = [part[len(_COOKIE_PREFIX) :] for part in parts if part.startswith(_COOKIE_PREFIX)]
    return [value.decode("latin-1") for value in values[:4]]


def _write_ended(home: Home, ended: Mapping[str, float]) -> None:
    home.write_private(_ENDED_FILE, json.dumps(dict(ended)))
