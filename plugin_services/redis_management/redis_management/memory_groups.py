"""Adds up the memory of keys by the shape of their names and by type. Pure, and of bounded size."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass, field

SHAPES = 2000
"""Shapes that are told apart; what comes after them counts as one."""
LARGEST = 20
OTHERS = b"(others)"
_VARIES = re.compile(rb"\d+|[0-9a-fA-F]{8,}|[0-9a-fA-F-]{32,40}|[\w-]*\d[\w-]*\d[\w-]{4,}")


@dataclass
class Sum:
    """How many keys, and their bytes."""

    keys: int = 0
    size: int = 0

    def add(self, size: int) -> None:
        self.keys += 1
        self.size += size


def shape_of(name: bytes, separator: bytes, depth: int) -> bytes:
    """``user:17:cart`` becomes ``user:*:cart``: parts that look like numbers or identities are one."""
    parts = name.split(separator)
    shown = [b"*" if _VARIES.fullmatch(part) else part[:64] for part in parts[:depth]]
    return separator.join(shown) + (separator + b"*" if len(parts) > depth else b"")


@dataclass
class Groups:
    """All that was seen so far."""

    separator: bytes = b":"
    depth: int = 3
    total: Sum = field(default_factory=Sum)
    shapes: dict[bytes, Sum] = field(default_factory=dict)
    types: dict[str, Sum] = field(default_factory=dict)
    largest: list[tuple[int, bytes, str]] = field(default_factory=list)

    def add(self, name: bytes, kind: str, size: int) -> None:
        shape = shape_of(name, self.separator, self.depth)
        if shape not in self.shapes and len(self.shapes) >= SHAPES:
            shape = OTHERS
        self.shapes.setdefault(shape, Sum()).add(size)
        self.types.setdefault(kind, Sum()).add(size)
        self.total.add(size)
        entry = (size, name, kind)
        if len(self.largest) < LARGEST:
            heapq.heappush(self.largest, entry)
        elif entry > self.largest[0]:
            heapq.heapreplace(self.largest, entry)

    def heaviest(self, most: int) -> list[tuple[bytes, Sum]]:
        """The shapes with the most bytes; what is left over as one at the end."""
        ordered = heapq.nlargest(most, self.shapes.items(), key=lambda item: item[1].size)
        shown = Sum(sum(one.keys for _, one in ordered), sum(one.size for _, one in ordered))
        rest = Sum(self.total.keys - shown.keys, self.total.size - shown.size)
        return [*ordered, (OTHERS, rest)] if rest.keys else ordered
