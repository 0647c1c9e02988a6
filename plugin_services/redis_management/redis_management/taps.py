"""Connections that only listen, handed on as server-sent events.

What comes faster than it is fetched is dropped and counted, so neither Redis nor the plugin ever
holds more than a tap's buffer.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

from plugway_sdk.web.problems import Refusal
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as LateError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from redis_management.pools import Pools
from redis_management.problems import Busy, in_words, say
from redis_management.settings import Connection

MOST_WAITING = 1000
"""Messages that wait to be fetched; each is cut to a few KiB."""
MOST_TAPS = 16
GATHER = 0.1
"""Seconds for which messages are gathered into one event: a page is told of ten a second at most."""
HEARTBEAT = 15.0
_TURN = 50

Take = Callable[[Any], dict[str, Any] | None]


def event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


class Tap:
    """What one connection says, for at most ``seconds``; ``take`` makes a message of a reply, or none."""

    open_now = 0

    def __init__(
        self, connection: Connection, take: Take, *, seconds: float = math.inf, heartbeat: float = HEARTBEAT
    ) -> None:
        self._connection, self._take = connection, take
        self._seconds, self._heartbeat = seconds, heartbeat
        self._link: AbstractConnection | None = None
        self._waiting: deque[dict[str, Any]] = deque()
        self._dropped = 0
        self._some = asyncio.Event()
        self._lost: Refusal | None = None
        self._heard = 0.0
        self._counted = False

    async def begin(self, pools: Pools, node: str, *commands: tuple[str | bytes, ...], answers: int) -> None:
        """Connect, send what makes Redis talk, and await its ``answers``.

        Raises Refusal, and is closed then.
        """
        if Tap.open_now >= MOST_TAPS:
            raise Busy("Too many pages listen to Redis at once.", hint="Close one of them, then try again.")
        Tap.open_now += 1
        self._counted = True
        try:
            self._link = link = await pools.alone(None, node)
            with in_words(self._connection):
                for command in commands:
                    await link.send_command(*command, check_health=False)
                for _ in range(answers):
                    await link.read_response()
        except BaseException:
            await self.close()
            raise

    async def events(self) -> AsyncIterator[str]:
        """Events ``messages`` ({items, dropped}), and ``end`` ({reason, message}) at the end."""
        loop = asyncio.get_running_loop()
        until, self._heard = loop.time() + self._seconds, loop.time()
        reading = asyncio.create_task(self._read(self._opened))
        try:
            yield event("messages", {"items": [], "dropped": 0})
            while (left := until - loop.time()) > 0 and self._lost is None:
                try:
                    async with asyncio.timeout(min(self._heartbeat, left)):
                        await self._some.wait()
                except TimeoutError:
                    await self._ask_for_life(loop.time())
                    yield ": still here\n\n"
                    continue
                await asyncio.sleep(GATHER)
                if batch := self._fetch():
                    yield batch
            if batch := self._fetch():
                yield batch
            yield self._end()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await self.close()

    async def _read(self, link: AbstractConnection) -> None:
        count = 0
        try:
            while True:
                raw = await link.read_response(timeout=math.inf)
                self._heard = asyncio.get_running_loop().time()
                count += 1
                if count % _TURN == 0:
                    # Reading what is there already gives nobody else a turn.
                    await asyncio.sleep(0)
                if len(self._waiting) >= MOST_WAITING:
                    self._dropped += 1
                elif (message := self._take(raw)) is not None:
                    self._waiting.append(message)
                    self._some.set()
        except (RedisError, OSError) as error:
            self._lost = say(error, self._connection)
            self._some.set()

    async def _ask_for_life(self, now: float) -> None:
        if now - self._heard > 2.5 * self._heartbeat:
            self._lost = say(LateError(), self._connection)
            return
        try:
            await self._opened.send_command("PING", check_health=False)
        except (RedisError, OSError) as error:
            self._lost = say(error, self._connection)

    def _fetch(self) -> str:
        self._some.clear()
        if not self._waiting and not self._dropped:
            return ""
        items, self._waiting = list(self._waiting), deque()
        dropped, self._dropped = self._dropped, 0
        return event("messages", {"items": items, "dropped": dropped})

    def _end(self) -> str:
        reason: Literal["time", "lost"] = "time" if self._lost is None else "lost"
        return event("end", {"reason": reason, "message": self._lost.detail if self._lost else ""})

    @property
    def _opened(self) -> AbstractConnection:
        assert self._link is not None, "begin comes first"
        return self._link

    async def close(self) -> None:
        if self._counted:
            self._counted = False
            Tap.open_now -= 1
        if self._link is not None:
            await self._link.disconnect(nowait=True)


class TapResponse(StreamingResponse):
    """The events of a tap, which is closed however the call ends."""

    media_type = "text/event-stream"

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap.events(), headers={"cache-control": "no-store"})
        self._tap = tap

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._tap.close()


EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events `messages` and `end`.", "content": {"text/event-stream": {}}}
}
