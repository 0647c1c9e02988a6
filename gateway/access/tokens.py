"""Tokens: made, listed, revoked. The gatekeeper's table follows at once."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from gateway.access.gatekeeper import ADMIN, Gatekeeper
from gateway.access.roles import ANY, Grant, Role
from gateway.errors import BadInput, Conflict, NotFound, PlugwayError
from gateway.hints import near
from gateway.model import PLUGIN_ID, Token

REFRESH = 2.0
"""Seconds after which a token that was revoked at another gateway is unknown here at the latest, while
the database answers."""

_NOTE_USES = 60.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_PREFIX = "plugway_"
_log = logging.getLogger(__name__)


class TokenRefused(BadInput):
    """No such token can be made."""

    key, title = "token-refused", "No such token can be made"


class UnknownToken(NotFound):
    """There is no token of that id or name."""

    key, title = "unknown-token", "No such token"


class TokenOfHome(Conflict):
    """The admin token is a file; it is not revoked by the API."""

    key, title = "token-of-home", "The admin token is a file"


class TokenRows(Protocol):
    """Where tokens last."""

    @property
    def shared(self) -> bool: ...
    async def all(self) -> Sequence[Token]: ...
    async def add(self, token: Token) -> None: ...
    async def remove(self, id_: str) -> bool: ...
    async def used(self, times: Mapping[str, float]) -> None: ...


class Tokens:
    """The tokens of this gateway, beside the one in its home directory."""

    def __init__(
        self,
        rows: TokenRows,
        gatekeeper: Gatekeeper,
        clock: Callable[[], float] = time.time,
        refresh: float = REFRESH,
    ) -> None:
        self._rows = rows
        self._gatekeeper = gatekeeper
        self._clock = clock
        self._refresh = refresh
        self._known: tuple[Token, ...] = ()
        self._changing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Read them; raises ``RegistryUnavailable``."""
        await self._read()
        self._tasks.append(asyncio.create_task(self._every(_NOTE_USES, self.note_uses)))
        if self._rows.shared:
            self._tasks.append(asyncio.create_task(self._every(self._refresh, self._read)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(PlugwayError):
            await self.note_uses()

    def all(self) -> tuple[Token, ...]:
        """Oldest first; expired ones too, until they are revoked."""
        return self._known

    def find(self, name: str) -> Token:
        """By id or name; raises :class:`UnknownToken`."""
        for token in self._known:
            if name in (token.id, token.name):
                return token
        if name == ADMIN:
            raise TokenOfHome(
                "The admin token is the file admin.token of PLUGWAY_HOME.",
                hint="Delete the file and start the gateway again: that makes a new one.",
            )
        raise UnknownToken(
            f"There is no token '{name}'.", hint=near(name, [token.name for token in self._known])
        )

    async def create(
        self, *, name: str, role: str, grants: Mapping[str, str], expires_at: float, by: str
    ) -> tuple[Token, str]:
        """A new token and its secret, which is shown this once. Raises :class:`TokenRefused`.

        ``expires_at`` is in Unix seconds, 0 for never.
        """
        now = self._clock()
        _check(name, role, grants, expires_at, now)
        secret = _PREFIX + secrets.token_urlsafe(32)
        token = Token(
            id=secrets.token_hex(6), name=name, digest=hashlib.sha256(secret.encode()).digest(),
            role=role, grants=tuple(sorted(grants.items())), created_at=now, created_by=by[:200],
            expires_at=expires_at,
        )  # fmt: skip
        async with self._changing:
            await self._rows.add(token)
            self._take((*self._known, token))
        return token, secret

    async def revoke(self, name: str) -> Token:
        """From now on it is nobody's, and so are its sessions. Raises :class:`UnknownToken`."""
        token = self.find(name)
        async with self._changing:
            await self._rows.remove(token.id)
            self._take(tuple(other for other in self._known if other.id != token.id))
        return token

    async def note_uses(self) -> None:
        """Write down when tokens were last used; raises ``RegistryUnavailable``."""
        times = self._gatekeeper.reader.take_used()
        mine = {token.id for token in self._known}
        times = {id_: at for id_, at in times.items() if id_ in mine}
        if not times:
            return
        self._known = tuple(replace(t, used_at=times.get(t.id, t.used_at)) for t in self._known)
        await self._rows.used(times)

    async def _read(self) -> None:
        async with self._changing:
            self._take(tuple(await self._rows.all()))

    def _take(self, tokens: tuple[Token, ...]) -> None:
        self._known = tokens
        # Without the times of use, so that these alone publish no new table.
        self._gatekeeper.set_tokens(tuple(replace(token, used_at=0.0) for token in tokens))

    async def _every(self, seconds: float, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await act()
            except PlugwayError as error:
                _log.warning("Tokens could not be brought up to date: %s", error.detail)


def _check(name: str, role: str, grants: Mapping[str, str], expires_at: float, now: float) -> None:
    fields = {}
    if not _NAME.fullmatch(name):
        fields["/name"] = "letters, digits and . _ @ -, at most 63"
    elif name == ADMIN:
        fields["/name"] = "this is the name of the token in PLUGWAY_HOME"
    if role not in ("", *Role):
        fields["/role"] = f"one of {', '.join(Role)}, or empty where grants say all"
    for plugin, grant in grants.items():
        if plugin != ANY and not PLUGIN_ID.fullmatch(plugin):
            fields[f"/grants/{plugin}"] = "no plugin's id, nor *"
        elif grant not in tuple(Grant):
            fields[f"/grants/{plugin}"] = f"one of {', '.join(Grant)}"
    if not role and not grants:
        fields["/role"] = "a token needs a role or a grant"
    if expires_at and expires_at <= now:
        fields["/expiresAt"] = "is in the past"
    if fields:
        raise TokenRefused("This token cannot be made.", fields=fields)


__all__ = ["REFRESH", "TokenOfHome", "TokenRefused", "TokenRows", "Tokens", "UnknownToken"]
