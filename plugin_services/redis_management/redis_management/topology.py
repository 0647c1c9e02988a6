"""What Redis tells of the nodes of a cluster and of what sentinels watch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, int]
"""Host and port."""
SLOTS = 16_384


def in_one_word(place: Place) -> str:
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True)
class Table:
    """Where each slot lies. ``primaries`` by the nodes' ids, in their order."""

    slots: tuple[tuple[int, int, str], ...] = ()
    primaries: dict[str, Place] = field(default_factory=dict)
    nodes: dict[str, Place] = field(default_factory=dict)

    def owner(self, slot: int) -> Place | None:
        for first, last, node in self.slots:
            if first <= slot <= last:
                return self.primaries[node]
        return None

    def place_of(self, node: str) -> Place | None:
        """By its id, or by host:port."""
        by_place = {f"{host}:{port}": (host, port) for host, port in self.nodes.values()}
        return self.nodes.get(node) or by_place.get(node)

    def from_(self, node: str) -> str | None:
        """The id of this primary, or of the next one where it is gone; None after the last."""
        return next((one for one in sorted(self.primaries) if one >= node), None)

    def after(self, node: str) -> str | None:
        return next((one for one in sorted(self.primaries) if one > node), None)


def table_of(raw: list[Any], asked: str) -> Table:
    """From CLUSTER SLOTS; a node without a name of its own is at the host that was ``asked``."""
    slots, primaries, nodes = [], {}, {}
    for first, last, *owners in raw:
        for at, (host, port, identity, *_) in enumerate(owners):
            node, place = identity.decode(), ((host or b"").decode() or asked, int(port))
            nodes[node] = place
            if not at:
                primaries[node] = place
                slots.append((first, last, node))
    return Table(tuple(slots), primaries, nodes)


@dataclass(frozen=True)
class Member:
    """One node, in words."""

    id: str
    address: str
    role: str
    state: str
    follows: str
    slots: str
    slot_count: int


def members_of(text: str) -> list[Member]:
    """From CLUSTER NODES."""
    return sorted((_member(line.split()) for line in text.splitlines() if line), key=lambda one: one.address)


def _member(words: list[str]) -> Member:
    identity, address, flag_text, follows, *_ = words
    flags, link, ranges = set(flag_text.split(",")), words[7], words[8:]
    owned = [part for part in ranges if not part.startswith("[")]
    state = "failed" if "fail" in flags else "perhaps failed" if "fail?" in flags else "ok"
    return Member(
        id=identity,
        address=address.split("@", 1)[0],
        role="primary" if "master" in flags else "replica",
        state="not connected" if state == "ok" and link != "connected" else state,
        follows="" if follows == "-" else follows,
        slots=" ".join(owned) + (" (moving)" if len(owned) < len(ranges) else ""),
        slot_count=sum(map(_width, owned)),
    )


def _width(part: str) -> int:
    first, _, last = part.partition("-")
    return int(last or first) - int(first) + 1


def watched(raw: Iterable[Any]) -> list[dict[str, str]]:
    """From SENTINEL REPLICAS and the like: names and values of each."""
    found = []
    for one in raw:
        words = [part.decode(errors="replace") for part in one]
        found.append(dict(zip(words[::2], words[1::2], strict=True)))
    return found


def state_of(flags: str) -> str:
    words = set(flags.split(","))
    if words & {"o_down"}:
        return "down"
    return "perhaps down" if words & {"s_down", "disconnected"} else "ok"
