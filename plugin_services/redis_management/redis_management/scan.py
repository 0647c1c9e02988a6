"""Walks over big collections in steps of bounded work. KEYS is never used.

One SCAN looks at about COUNT keys and answers those that match. A step makes
several, growing COUNT where matches are rare, and stops at its budget whether
it found anything or not; the cursor it gives back goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from redis_management.link import Reader

LARGEST_COUNT = 1000
"""Keys that one SCAN looks at: about half a millisecond of Redis' time, which it gives to nobody else."""


@dataclass(frozen=True)
class Budget:
    """The most that one request may do: SCAN calls, and seconds for slow networks."""

    calls: int = 50
    seconds: float = 0.2


BUDGET = Budget()

Item = TypeVar("Item", bound=Hashable)


@dataclass
class Found(Generic[Item]):
    """What a step found. ``cursor`` is 0 at the end; ``looked_at`` is about how many were looked at."""

    items: list[Item] = field(default_factory=list)
    cursor: int = 0
    looked_at: int = 0
    calls: int = 0


Scan = Callable[[int, int], Awaitable[tuple[int, list[Item]]]]
"""(cursor, count) -> (next cursor, items)."""


def keys_of(reader: Reader, pattern: bytes, kind: str | None) -> Scan[bytes]:
    """SCAN over the database; ``kind`` is one of Redis' type names."""
    narrow = (b"MATCH", pattern) if pattern != b"*" else ()
    typed = (b"TYPE", kind) if kind else ()

    async def scan(cursor: int, count: int) -> tuple[int, list[bytes]]:
        return await reader.walk(cursor, *narrow, b"COUNT", count, *typed)

    return scan


def members_of(reader: Reader, command: str, key: bytes, pattern: bytes) -> Scan[bytes]:
    """SSCAN over one key, or HSCAN and ZSCAN where ``pairs_of`` takes the reply apart."""
    narrow = (b"MATCH", pattern) if pattern != b"*" else ()

    async def scan(cursor: int, count: int) -> tuple[int, list[bytes]]:
        following, items = await reader.run(command, key, cursor, *narrow, b"COUNT", count)
        return int(following), items

    return scan


def pairs_of(reader: Reader, command: str, key: bytes, pattern: bytes) -> Scan[tuple[bytes, bytes]]:
    """HSCAN (field, value) or ZSCAN (member, score)."""
    flat = members_of(reader, command, key, pattern)

    async def scan(cursor: int, count: int) -> tuple[int, list[tuple[bytes, bytes]]]:
        following, items = await flat(cursor, count)
        return following, list(zip(items[::2], items[1::2], strict=True))

    return scan


async def step(scan: Scan[Item], cursor: int, wanted: int, budget: Budget = BUDGET) -> Found[Item]:
    """Go on from ``cursor`` until ``wanted`` items are found, all is seen, or the budget is used."""
    found: Found[Item] = Found(cursor=cursor)
    items: dict[Item, None] = {}  # in order, once: SCAN may name a key twice
    until = time.monotonic() + budget.seconds
    while found.calls < budget.calls:
        count = next_count(wanted, len(items), found.looked_at)
        found.cursor, some = await scan(found.cursor, count)
        found.calls += 1
        found.looked_at += count
        items.update(dict.fromkeys(some))
        if found.cursor == 0 or len(items) >= wanted or time.monotonic() > until:
            break
    found.items = list(items)
    return found


def next_count(wanted: int, found: int, looked_at: int) -> int:
    """How many keys the next SCAN should look at: as many as the density so far asks for."""
    if not looked_at:
        return min(wanted, LARGEST_COUNT)
    missing = wanted - found
    needed = LARGEST_COUNT if not found else missing * looked_at // found
    return max(min(needed, LARGEST_COUNT), min(missing, LARGEST_COUNT), 1)


def is_exact(pattern: bytes) -> bool:
    """Whether the pattern can only match one name, which needs no walk at all."""
    return not any(character in pattern for character in b"*?[\\")
