"""What a route may do with Redis: a Reader looks, a Writer also changes.

Replies are Redis' own (bytes, integers, lists), read by the modules that ask;
the client library only carries them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from plugway_sdk.web.problems import Refusal
from redis.asyncio import Redis
from redis.exceptions import RedisError, WatchError

from redis_management.problems import in_words, say
from redis_management.settings import Connection

Word = bytes | str | int | float
Command = tuple[Word, ...]
ATTEMPTS = 50
"""Looks at a key that others keep changing, before a change of ours is given up."""

# fmt: off
READING = frozenset((
    "PING", "INFO", "DBSIZE", "SCAN", "EXISTS", "TYPE", "PTTL", "OBJECT", "MEMORY|USAGE",
    "MEMORY|DOCTOR", "STRLEN", "GETRANGE", "HLEN", "HSCAN", "HGET", "LLEN", "LRANGE", "LINDEX",
    "SCARD", "SSCAN", "ZCARD", "ZRANGE", "ZREVRANGE", "ZSCAN", "XLEN", "XRANGE", "XREVRANGE", "XINFO",
    "SLOWLOG|GET", "SLOWLOG|LEN", "CLIENT|LIST", "CLIENT|ID", "CONFIG|GET", "ACL|WHOAMI",
    "ACL|USERS", "ACL|GETUSER", "ACL|LOG", "ACL|CAT", "ACL|DRYRUN", "COMMAND|INFO", "ROLE", "TIME", "DUMP",
    "PUBSUB|CHANNELS", "PUBSUB|NUMSUB", "PUBSUB|NUMPAT",
    "CLUSTER|INFO", "CLUSTER|NODES", "CLUSTER|SLOTS", "CLUSTER|MYID",
))
# fmt: on


def changes(command: Command) -> bool:
    """Whether a command is outside the list of those known to change nothing."""
    words = [word.upper() for word in command[:2] if isinstance(word, str)]
    return not words or not (words[0] in READING or "|".join(words) in READING)


class Reader:
    """Runs commands that change nothing; any other is a mistake of ours and stops here."""

    def __init__(self, client: Redis, connection: Connection) -> None:
        self._client = client
        self.connection = connection

    def _check(self, commands: Sequence[Command]) -> None:
        if wrong := [command[0] for command in commands if changes(command)]:
            raise PermissionError(f"{wrong[0]!r} is not a reading command")

    async def run(self, *command: Word) -> Any:
        """One command; raises :class:`Refusal`."""
        self._check([command])
        with in_words(self.connection):
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call] # redis-py's

    async def run_each(self, commands: Sequence[Command]) -> list[Any]:
        """Many commands in one round trip; a command that Redis refuses gives its Refusal as the reply."""
        self._check(commands)
        if not commands:
            return []
        with in_words(self.connection):
            async with self._client.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies = await pipe.execute(raise_on_error=False)
        return [say(reply, self.connection) if isinstance(reply, RedisError) else reply for reply in replies]

    async def run_all(self, commands: Sequence[Command]) -> list[Any]:
        """Many commands in one round trip; the first refusal is raised."""
        replies = await self.run_each(commands)
        for reply in replies:
            if isinstance(reply, Refusal):
                raise reply
        return replies

    async def walk(self, cursor: int, *words: Word) -> tuple[int, list[bytes]]:
        """One SCAN from ``cursor``, which is 0 at the beginning and at the end."""
        following, names = await self.run("SCAN", cursor, *words)
        return int(following), names


class Writer(Reader):
    """Also runs commands that change Redis. Only ``Links.writer`` gives one out."""

    def _check(self, commands: Sequence[Command]) -> None:
        pass

    async def unlink(self, names: Sequence[bytes]) -> int:
        """Delete keys; how many there were."""
        return int(await self.run("UNLINK", *names)) if names else 0

    async def change_if(
        self, key: bytes, look: Command, then: Callable[[Any], Sequence[Command]]
    ) -> list[Any]:
        """Look at ``key``, then do what ``then`` says about it, all or nothing.

        ``then`` gets the reply to ``look`` and may raise a Refusal. Where somebody
        changes the key in between, it looks again: the change may not have been to the
        part that this is about. Raises Changed where that goes on.
        """
        with in_words(self.connection):
            for _ in range(ATTEMPTS - 1):
                with suppress(WatchError):
                    return await self._change_once(key, look, then)
            return await self._change_once(key, look, then)

    async def _change_once(
        self, key: bytes, look: Command, then: Callable[[Any], Sequence[Command]]
    ) -> list[Any]:
        async with self._client.pipeline(transaction=True) as pipe:
            await pipe.watch(key)
            commands = then(await pipe.execute_command(*look))
            pipe.multi()  # type: ignore[no-untyped-call] # redis-py's
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute())
