"""Asks sentinels where the primary is now, at each new connection: so a failover is followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import RedisError

from redis_management.granted import Granted, GrantedTls
from redis_management.topology import Place

Ask = Callable[..., Awaitable[Any]]
Make = Callable[[Place], AbstractConnection]


class Followed(Granted):
    """A connection to where ``find`` says, asked each time that it is made."""

    def __init__(self, *, find: Callable[[], Awaitable[Place]], **options: Any) -> None:
        super().__init__(**options)
        self._find = find

    async def _open(self) -> None:
        self.host, self.port = await self._find()
        await super()._open()


class FollowedTls(Followed, GrantedTls):
    """The same with TLS."""


class Sentinels:
    """The sentinels at ``places``, of which one that answers is enough."""

    def __init__(self, name: str, places: list[Place], make: Make) -> None:
        self.name, self._places, self._make = name, places, make

    async def primary(self) -> Place:
        """Where it is now; raises redis-py's ConnectionError in words that ``problems`` knows."""
        async with self.asking() as ask:
            found = await ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        if found is None:
            raise LostError("no sentinel knows that primary")
        return found[0].decode(), int(found[1])

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Ask]:
        """A way to ask the first sentinel that answers."""
        for place in self._places:
            link = self._make(place)

            async def ask(*words: str, to: AbstractConnection = link) -> Any:
                await to.send_command(*words, check_health=False)
                return await to.read_response()

            try:
                await link.connect()  # type: ignore[no-untyped-call] # redis-py's
                await ask("SENTINEL", "MASTERS")
            except (RedisError, OSError):
                # A server that is no sentinel refuses the question.
                await link.disconnect(nowait=True)
                continue
            try:
                yield ask
            finally:
                await link.disconnect(nowait=True)
            return
        raise LostError("no sentinel answers")
