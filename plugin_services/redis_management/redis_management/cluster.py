"""A cluster: each command goes to the node that has the key, a walk over all primaries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from plugway_sdk.web.problems import Refusal
from redis.crc import key_slot

from redis_management.link import Command, Reader, Word, Writer
from redis_management.pools import Pools
from redis_management.problems import Busy, Elsewhere, NoSuchNode, NotGranted, Unreachable
from redis_management.settings import Connection
from redis_management.topology import Place, Table, in_one_word, table_of

KEYLESS = frozenset(
    (
        "PING", "INFO", "DBSIZE", "SCAN", "CLIENT", "CONFIG", "ACL", "SLOWLOG", "COMMAND", "PUBSUB",
        "PUBLISH", "TIME", "ROLE", "CLUSTER", "LATENCY",
    )
)  # fmt: skip
SECOND = frozenset(("MEMORY", "OBJECT", "XINFO", "XGROUP"))
"""Commands whose key comes after a subcommand."""


def key_of(command: Command) -> bytes | None:
    """The key that decides where a command goes; None where any node will do."""
    name = str(command[0]).upper()
    at = 2 if name in SECOND else 1
    if name in KEYLESS or len(command) <= at:
        return None
    key = command[at]
    return key if isinstance(key, bytes) else str(key).encode()


class ClusterPools(Pools):
    """The way to all nodes; where slots lie is asked once, and again when a node says otherwise."""

    most_open = 64

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._table: Table | None = None
        self._learning = asyncio.Lock()

    @asynccontextmanager
    async def reader(self, database: int | None, node: str = "") -> AsyncIterator[Reader]:
        yield ClusterReader(self, await self._place(node))

    @asynccontextmanager
    async def writer(self, database: int | None, node: str = "") -> AsyncIterator[Writer]:
        yield ClusterWriter(self, await self._place(node))

    async def table(self) -> Table:
        """Where slots lie; raises Unreachable where no node that is set answers."""
        async with self._learning:
            if self._table is None:
                self._table = await self._learn()
            return self._table

    async def unnamed(self) -> tuple[str, ...]:
        """Nodes that the cluster announces and the settings do not name."""
        unnamed = set((await self.table()).nodes.values()) - set(self.connection.places)
        return tuple(map(in_one_word, sorted(unnamed)))

    def forget(self) -> None:
        """Ask again before the next command."""
        self._table = None

    async def _learn(self) -> Table:
        refusal: Refusal | None = None
        for place in self.connection.places:
            try:
                async with self.opened(0, place) as client:
                    raw = await Reader(client, self.connection).run("CLUSTER", "SLOTS")
                if raw:
                    return table_of(raw, place[0])
                refusal = Busy("This node belongs to no cluster that serves slots.")
            except Refusal as refused:
                refusal = refused
        assert refusal is not None
        raise refusal

    async def _place(self, node: str) -> Place | None:
        if not node:
            return None
        found = (await self.table()).place_of(node)
        if found is None:
            raise NoSuchNode(f"The cluster has no node '{node}'.", hint="Look at its nodes.")
        return found

    async def place_for(self, key: bytes | None) -> Place:
        """The node of a key, or for none the first that the settings name and that is there."""
        table = await self.table()
        if key is None:
            known = set(table.nodes.values())
            return next((place for place in self.connection.places if place in known), next(iter(known)))
        found = table.owner(key_slot(key))
        if found is None:
            raise Busy("No node of the cluster serves the slot of this key.", hint="Look at its nodes.")
        return found


class ClusterReader(Reader):
    """A Reader over all nodes, or with ``node`` over that one where a command has no key."""

    def __init__(self, pools: ClusterPools, node: Place | None) -> None:
        self._pools, self._node = pools, node
        self.connection = pools.connection

    async def run(self, *command: Word) -> Any:
        reply = (await self.run_each([command]))[0]
        if isinstance(reply, Refusal):
            raise reply
        return reply

    async def run_each(self, commands: Sequence[Command]) -> list[Any]:
        self._check(commands)
        replies: list[Any] = [None] * len(commands)
        groups: dict[Place, list[int]] = {}
        for at, command in enumerate(commands):
            if command == ("DBSIZE",) and self._node is None:
                replies[at] = await self._size()
            else:
                groups.setdefault(await self._where(command), []).append(at)

        async def ask(place: Place, which: list[int]) -> None:
            found = await self._at(place, [commands[at] for at in which])
            for at, reply in zip(which, found, strict=True):
                replies[at] = reply

        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_told(ask(place, which))) for place, which in groups.items()]
        for task in asked:
            if (refusal := task.result()) is not None:
                raise refusal
        for at, reply in enumerate(replies):
            if isinstance(reply, Elsewhere):
                replies[at] = await self._again(commands[at], reply)
        return replies

    async def _where(self, command: Command) -> Place:
        key = key_of(command)
        return self._node if key is None and self._node else await self._pools.place_for(key)

    async def _at(self, place: Place, commands: Sequence[Command]) -> list[Any]:
        """At one node; what these commands may be was checked before."""
        try:
            async with self._pools.opened(0, place) as client:
                return await Writer(client, self.connection).run_each(commands)
        except NotGranted as refused:
            refused.others = await self._pools.unnamed()
            raise
        except Unreachable:
            # Its slots may be another's by the next call.
            self._pools.forget()
            raise

    async def _again(self, command: Command, elsewhere: Elsewhere) -> Any:
        """It was not run, so it is sent once more, to where the node said."""
        if elsewhere.moving:
            return (await self._at(elsewhere.place, [("ASKING",), command]))[1]
        self._pools.forget()
        return (await self._at(elsewhere.place, [command]))[0]

    async def _size(self) -> int:
        places = (await self._pools.table()).primaries.values()
        sizes = [(await self._at(place, [("DBSIZE",)]))[0] for place in places]
        for size in sizes:
            if isinstance(size, Refusal):
                raise size
        return sum(sizes)

    async def walk(self, cursor: int, *words: Word) -> tuple[int, list[bytes]]:
        """Node by node, in the order of their ids; the upper bits of the cursor say which is next."""
        if self._node is not None:
            following, names = await self.run("SCAN", cursor, *words)
            return int(following), names
        table = await self._pools.table()
        wanted = f"{cursor >> 64:016x}" if cursor else ""
        node = table.from_(wanted)
        if node is None:
            return 0, []
        # Where the node is gone meanwhile, the next one begins.
        inside = cursor & _INSIDE if node.startswith(wanted) else 0
        reply = (await self._at(table.primaries[node], [("SCAN", inside, *words)]))[0]
        if isinstance(reply, Refusal):
            raise reply
        if following := int(reply[0]):
            return _upper(node) | following, reply[1]
        after = table.after(node)
        return (_upper(after) if after else 0), reply[1]


_INSIDE = (1 << 64) - 1


def _upper(node: str) -> int:
    return int(node[:16], 16) << 64


async def _told(work: Any) -> Refusal | None:
    try:
        await work
    except Refusal as refusal:
        return refusal
    return None


class ClusterWriter(ClusterReader, Writer):
    """The same for changing. Only ``Links.writer`` gives one out."""

    def _check(self, commands: Sequence[Command]) -> None:
        pass

    async def unlink(self, names: Sequence[bytes]) -> int:
        # One by one: together they would have to lie in one slot.
        return sum(await self.run_all([("UNLINK", name) for name in names]))

    async def change_if(
        self, key: bytes, look: Command, then: Callable[[Any], Sequence[Command]]
    ) -> list[Any]:
        place = await self._pools.place_for(key)
        for _ in range(2):
            try:
                async with self._pools.opened(0, place) as client:
                    return await Writer(client, self.connection).change_if(key, look, then)
            except Elsewhere as elsewhere:
                self._pools.forget()
                place = elsewhere.place
        raise Busy("The slot of this key is being moved.", retry_after=1)
