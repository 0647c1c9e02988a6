"""The keeper of the access table: sessions, one-time login codes, the token in the home directory.

Who calls is found by an :class:`~gateway.access.reader.AccessReader`, here and in every data plane.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.access.call_keys import CallKeys
from gateway.access.codes import LoginCodes
from gateway.access.keys import read_or_make
from gateway.access.reader import AccessReader
from gateway.access.sessions import SESSION_COOKIE, SessionReader, new_session, session_values
from gateway.access.table import AccessBoard, AccessTable
from gateway.home import Home
from gateway.model import Caller, Token
from gateway.settings import Settings

TOKEN_FILE = "admin.token"  # noqa: S105  the file's name, not a secret
ADMIN = "admin"
"""Name and id of the token in that file."""

_ENDED_FILE = "keys/ended-sessions.json"
_CALL_KEYS_FILE = "keys/call-keys.json"
_log = logging.getLogger(__name__)

KeepEnded = Callable[[Mapping[str, float]], None]
"""Stores the ended sessions: id to the Unix time at which they would have expired."""


class Gatekeeper:
    """Makes and ends what proves who calls. Constructing touches no file; :meth:`open` does."""

    def __init__(
        self,
        *,
        token: str,
        session_key: str,
        session_seconds: float,
        ended: Mapping[str, float] | None = None,
        keep_ended: KeepEnded = lambda ended: None,
        clock: Callable[[], float] = time.time,
        call_keys: CallKeys | None = None,
        keep_call_keys: Callable[[CallKeys], None] = lambda keys: None,
    ) -> None:
        digest = hashlib.sha256(token.encode()).digest()
        self._own = Token(id=ADMIN, name=ADMIN, digest=digest, role=ADMIN)
        self._root_key = session_key.encode()
        self._clock = clock
        self._keep_ended = keep_ended
        self._ending = threading.Lock()
        self.session_seconds = session_seconds
        self._codes = LoginCodes(clock)
        self.call_keys = call_keys or CallKeys.new(clock())
        self._keep_call_keys = keep_call_keys
        self.board = AccessBoard(
            AccessTable(
                tokens=(self._own,),
                ended=MappingProxyType(dict(ended or {})),
                # The token is part of the key: replacing admin.token ends every session too.
                session_key=self.derive_key("session") + digest,
                asset_key=self.derive_key("assets"),
                call_key=self.call_keys.current,
            )
        )
        self.reader = AccessReader(clock)
        self.board.subscribe(self.reader.update)

    @classmethod
    def open(cls, home: Home, settings: Settings, clock: Callable[[], float] = time.time) -> Gatekeeper:
        """Read the token and the session key, or make them at the first start.

        Blocks on files. Raises ``SecretFileUnusable`` where one is empty.
        """
        home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home.path / "keys").mkdir(mode=0o700, exist_ok=True)
        ended_file, keys_file = home.path / _ENDED_FILE, home.path / _CALL_KEYS_FILE
        if keys_file.exists():
            call_keys = CallKeys.load(json.loads(keys_file.read_text()))
        else:
            # Kept, as plugins that outlive this process know them.
            call_keys = CallKeys.new(clock())
            _write_call_keys(home, call_keys)
        return cls(
            token=read_or_make(home.path / TOKEN_FILE),
            session_key=read_or_make(home.path / "keys" / "session.key"),
            session_seconds=settings.session_hours * 3600,
            ended=json.loads(ended_file.read_text()) if ended_file.exists() else {},
            keep_ended=lambda ended: _write_ended(home, ended),
            clock=clock,
            call_keys=call_keys,
            keep_call_keys=lambda keys: _write_call_keys(home, keys),
        )

    async def roll_call_keys(self, period: float) -> None:
        """Let the next key sign where the current one has for ``period`` seconds. Raises ``OSError``."""
        rolled = self.call_keys.rolled(self._clock(), period)
        if rolled is not self.call_keys:
            # Written first: what plugins were told must be known after a restart.
            await asyncio.to_thread(self._keep_call_keys, rolled)
            self.call_keys = rolled
            self.board.change(call_key=rolled.current)

    async def keep_rolling(self, period: float) -> None:
        """:meth:`roll_call_keys` for ever."""
        while True:
            try:
                await self.roll_call_keys(period)
            except OSError as error:
                _log.warning("The keys of call tokens could not be renewed: %s", error)
            await asyncio.sleep(min(period, 60.0))

    def call_token(self, user: str, role: str, plugin: str, release: str) -> str:
        """See :meth:`AccessReader.call_token`."""
        return self.reader.call_token(user, role, plugin, release)

    def identify(self, authorization: bytes | None, cookie: bytes | None) -> Caller | None:
        """See :meth:`AccessReader.identify`."""
        return self.reader.identify(authorization, cookie)

    def identify_token(self, token: str) -> Caller | None:
        """Whom this token stands for; None where it is unknown or expired."""
        return self.reader.identify(b"Bearer " + token.strip().encode(), None)

    def set_tokens(self, tokens: tuple[Token, ...]) -> None:
        """The tokens that hold from now on, beside the one of the home directory."""
        self.board.change(tokens=(self._own, *tokens))

    def start_session(self, user: str = ADMIN, role: str = ADMIN) -> str:
        """The cookie value of a new session for someone whose identity was established.

        The role ``user`` is a viewer who may call the ``user`` routes of all plugins.
        """
        expires = self._clock() + self.session_seconds
        return new_session(self.board.current.session_key, user=user, role=role, expires=expires)

    def start_token_session(self, caller: Caller) -> str:
        """The same for who showed a token; the session is worth what the token is worth at the time."""
        expires = self._clock() + self.session_seconds
        key = self.board.current.session_key
        return new_session(key, user=caller.user, role=caller.role, expires=expires, token=caller.token)

    def new_login_code(self) -> str:
        """A code that :meth:`redeem` takes once, within ten minutes."""
        return self._codes.new()

    def redeem(self, code: str) -> str | None:
        """The cookie value of a new session, or None where the code is used, expired or unknown."""
        return self.start_session() if self._codes.redeem(code) else None

    async def end_session(self, value: str) -> None:
        """End one session for good, over restarts too. Unknown values are ignored."""
        table, now = self.board.current, self._clock()
        tokens = {token.id: token for token in table.tokens}
        found = SessionReader(table.session_key, table.ended, tokens).read(value, now)
        if found is None:
            return
        caller, expires = found
        ended = {id_: until for id_, until in table.ended.items() if until > now}
        self.board.change(ended=MappingProxyType({**ended, caller.session: expires}))
        await asyncio.to_thread(self._write_ended)

    @property
    def asset_key(self) -> bytes:
        """Signs the capabilities under which browsers load a plugin UI's files."""
        return self.board.current.asset_key

    def derive_key(self, purpose: str) -> bytes:
        """A 256-bit key of this home for one purpose; the same after a restart."""
        return hmac.digest(self._root_key, purpose.encode(), "sha256")

    def _write_ended(self) -> None:
        with self._ending:
            self._keep_ended(self.board.current.ended)


def _write_ended(home: Home, ended: Mapping[str, float]) -> None:
    home.write_private(_ENDED_FILE, json.dumps(dict(ended)))


def _write_call_keys(home: Home, keys: CallKeys) -> None:
    home.write_private(_CALL_KEYS_FILE, json.dumps(keys.dump()))


__all__ = ["ADMIN", "SESSION_COOKIE", "TOKEN_FILE", "Gatekeeper", "session_values"]
