"""Answers of a plugin that waits for settings: 503, as the contract has it, and yet nothing that failed.

They are neither errors in the log nor in the error rate: a page that is open asks every few seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

STATUS = 600
"""What such a call is counted as inside of the gateway; its client got 503."""

WORDS = "not configured"
REASON = "not-configured"
"""What docs/contract.md has such an answer say."""

_MEDIA_TYPE = b"application/problem+json"
_LONGEST = 16 * 1024


def told(status: int) -> int:
    """The status that the client got."""
    return HTTPStatus.SERVICE_UNAVAILABLE if status == STATUS else status


def judged(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> int:
    """The status, or :data:`STATUS` where a 503 says that settings are missing."""
    if status != HTTPStatus.SERVICE_UNAVAILABLE or len(body) > _LONGEST:
        return status
    kinds = [value for name, value in headers if name == b"content-type"]
    if not any(kind.partition(b";")[0].strip().lower() == _MEDIA_TYPE for kind in kinds):
        return status
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        return status
    return STATUS if isinstance(problem, dict) and problem.get("reason") == REASON else status


class Heard:
    """A body on its way to the client, kept as far as it may say that settings are missing."""

    __slots__ = ("_send", "body")

    def __init__(self, send: Any) -> None:
        self._send = send
        self.body = b""
        """The whole, where it is short; of a longer one only what shows that."""

    async def send(self, message: Any) -> None:
        if len(self.body) <= _LONGEST:
            self.body += message["body"][: _LONGEST + 1]
        await self._send(message)
