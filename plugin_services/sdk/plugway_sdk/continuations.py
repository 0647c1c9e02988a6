"""Answers that go on: kept until ReadBody comes for them, for a bounded time."""

from __future__ import annotations

import asyncio
import itertools
import secrets

from plugway_sdk.http_call import HttpCall


class Continuations:
    """Tokens are used once; an answer that nobody reads in time is given up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[str, tuple[HttpCall, asyncio.TimerHandle]] = {}
        # The prefix keeps a token of an earlier process from naming an answer of this one.
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    def keep(self, call: HttpCall) -> str:
        token = f"{self._prefix}-{next(self._numbers)}"
        timer = asyncio.get_running_loop().call_later(self._seconds, self._expire, token)
        self._kept[token] = (call, timer)
        return token

    def take(self, token: str) -> HttpCall | None:
        call, timer = self._kept.pop(token, (None, None))
        if timer is not None:
            timer.cancel()
        return call

    def _expire(self, token: str) -> None:
        call, _ = self._kept.pop(token)
        call.disconnect()
