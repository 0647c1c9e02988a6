"""The audit trail: what the door writes down of every act of management.

An act is written down before it is done, and its outcome after; where the first cannot be
written, nothing is done. Signing in is written with its outcome alone, before the caller gets it.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from typing import Any, Protocol

from starlette.types import Message, Scope, Send

from gateway.access.csrf import SAFE_METHODS
from gateway.api.access import ASKED
from gateway.api.ports import Audit
from gateway.api.problems import problem_response
from gateway.api.rights import Asked
from gateway.errors import PlugwayError, Unavailable
from gateway.model import Caller

_log = logging.getLogger(__name__)

CALLER = "plugway.caller"
REQUEST_ID = "plugway.request_id"
_NOTES = "plugway.notes"
_ACTS_BY_GET = frozenset({"redeemLoginLink", "finishOidcLogin"})
_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
# What strangers try is written down up to a measure, or they could fill the disk.
_BURST, _A_SECOND = 60.0, 0.5


class AuditUnavailable(Unavailable):
    """The audit log takes no entry, so nothing is done."""

    key, title = "audit-unavailable", "The audit log cannot be written"


def note(scope: Scope, **facts: Any) -> None:
    """What the entry of this act should say beside who and where. Never a secret."""
    scope.setdefault(_NOTES, {}).update(facts)


def name_request(scope: Scope) -> str:
    """The request's id: the client's own where it is a plain one, else a new one."""
    own = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    scope[REQUEST_ID] = own.decode() if _ID.fullmatch(own) else secrets.token_hex(10)
    return str(scope[REQUEST_ID])


class Trail:
    """Writes the entries. ``clock`` is in seconds, and steady."""

    def __init__(self, log: Audit) -> None:
        self._audit = log
        self._refusals = Measure()

    async def refused(self, scope: Scope, error: PlugwayError) -> None:
        """The door refused the request."""
        if not _acts(scope):
            return
        left_out = self._refusals.take()
        if left_out is None:
            return
        entry = _entry(scope, "refused", status=error.status, problem=error.key)
        if left_out:
            entry["left_out"] = left_out
        await self._write_late(entry)

    async def begin(self, scope: Scope, send: Send) -> Recorder | None:
        """What sends the answer and writes down how it ended; None for what only reads.

        Raises :class:`AuditUnavailable`.
        """
        if not _acts(scope):
            return None
        asked: Asked = scope[ASKED]
        if asked.right.open:
            return _SignIn(self, scope, send)
        return _Act(self, scope, send, await self.write(_entry(scope, "begun")))

    async def write(self, entry: dict[str, Any]) -> int:
        """Raises :class:`AuditUnavailable`."""
        try:
            return await self._audit.append(entry)
        except PlugwayError as error:
            raise AuditUnavailable(
                f"Nothing was done, as it could not be written down: {error.detail}",
                hint=error.hint,
                retry_after=5.0,
            ) from error

    async def ended(self, scope: Scope, begun: int, status: int, problem: str) -> None:
        await self._write_late(_entry(scope, "done", status=status, problem=problem, begun=begun))

    async def signed_in(self, scope: Scope, status: int, problem: str) -> None:
        """Raises :class:`AuditUnavailable` where it went well and could not be written down."""
        if status < 400:
            await self.write(_entry(scope, "done", status=status))
        elif (left_out := self._refusals.take()) is not None:
            entry = _entry(scope, "refused", status=status, problem=problem)
            await self._write_late({**entry, "left_out": left_out} if left_out else entry)

    async def _write_late(self, entry: dict[str, Any]) -> None:
        """What cannot be undone any more is at least in the log of the gateway."""
        try:
            await self._audit.append(entry)
        except PlugwayError as error:
            _log.error("Not in the audit log (%s): %s", error.detail, json.dumps(entry))


class Recorder(Protocol):
    """A ``send``; ``end`` is told where no answer was begun, with status 0."""

    async def __call__(self, message: Message) -> None: ...
    async def end(self, status: int) -> None: ...


class Measure:
    """Lets so many through at once and in the long run, and counts the others."""

    def __init__(self) -> None:
        self._left = _BURST
        self._at = time.monotonic()
        self._missed = 0

    def take(self) -> int | None:
        """None where this is one too many; else how many were, since the last that was not."""
        now = time.monotonic()
        self._left = min(_BURST, self._left + (now - self._at) * _A_SECOND)
        self._at = now
        if self._left < 1.0:
            self._missed += 1
            return None
        self._left -= 1.0
        missed, self._missed = self._missed, 0
        return missed


class _Act:
    """The ``send`` of an act that was begun."""

    def __init__(self, trail: Trail, scope: Scope, send: Send, begun: int) -> None:
        self._trail, self._scope, self._send, self._begun = trail, scope, send, begun
        self._told = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._told:
            await self.end(message["status"])
        await self._send(message)

    async def end(self, status: int) -> None:
        """Once; 0 where no answer was begun."""
        if not self._told:
            self._told = True
            await self._trail.ended(self._scope, self._begun, status, _PROBLEMS.get(status, ""))


class _SignIn:
    """The ``send`` of a way to sign in: what cannot be written down is not handed out."""

    def __init__(self, trail: Trail, scope: Scope, send: Send) -> None:
        self._trail, self._scope, self._send = trail, scope, send
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            try:
                status = message["status"]
                await self._trail.signed_in(self._scope, status, _PROBLEMS.get(status, ""))
            except AuditUnavailable as error:
                self._replaced = True
                await problem_response(error)(self._scope, _nothing, self._send)
                return
        if not self._replaced:
            await self._send(message)

    async def end(self, status: int) -> None:
        """Nothing was handed out."""


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


_PROBLEMS = {401: "unauthenticated", 403: "forbidden", 404: "not-found", 409: "conflict", 422: "bad-input"}


def _acts(scope: Scope) -> bool:
    asked: Asked | None = scope.get(ASKED)
    return asked is not None and (asked.right.method not in SAFE_METHODS or asked.right.act in _ACTS_BY_GET)


def _entry(scope: Scope, phase: str, **more: Any) -> dict[str, Any]:
    asked: Asked = scope[ASKED]
    caller: Caller | None = scope.get(CALLER)
    client = scope.get("client")
    return {
        "act": asked.right.act,
        "phase": phase,
        "on": {name: value[:200] for name, value in asked.parameters.items()},
        "user": caller.user if caller else "",
        "role": caller.role if caller else "",
        "token": caller.token if caller else "",
        "by": "session" if caller and caller.session else "token" if caller else "",
        "from": client[0] if client else "",
        "request": scope[REQUEST_ID],
        **({"facts": scope[_NOTES]} if scope.get(_NOTES) else {}),
        **{name: value for name, value in more.items() if value != ""},
    }


__all__ = ["AuditUnavailable", "Trail", "name_request", "note"]
