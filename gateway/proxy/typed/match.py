"""Which binding a call is for: a tree over the segments of all templates. Pure."""

from __future__ import annotations

import re
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from gateway.proxy.typed.template import Template, Wildcard

T = TypeVar("T")

# What RFC 6570 reserves stays encoded where a value has several segments: there it would mean more.
_UNRESERVED = re.compile(rb"%(?!2[1346789ABCFabcf]|3[ABDFabdf]|40|5[BDbd])[0-9A-Fa-f]{2}")
_LONGEST = 100


class TakenTwice(ValueError):
    """Two bindings for the same method and path; the first stays."""


class Tree(Generic[T]):
    """Literals go before ``*``, and ``*`` before ``**``."""

    def __init__(self) -> None:
        self._root = _Node[T]()
        self._verbs: set[bytes] = set()

    def add(self, method: str, template: Template, binding: T) -> None:
        """Raises :class:`TakenTwice`."""
        node = self._root
        for segment in template.segments:
            if isinstance(segment, Wildcard):
                node = node.below(segment)
            else:
                node = node.literal.setdefault(segment.encode(), _Node())
        verb = template.verb.encode()
        if (method, verb) in node.leaves:
            raise TakenTwice(f"{method} of this path is bound already")
        if verb:
            self._verbs.add(verb)
        node.leaves[method, verb] = (template, binding)

    def find(self, method: str, path: bytes) -> tuple[T, Template, list[bytes]] | None:
        """The binding, and the segments of the path that its template speaks of."""
        verb = b""
        if self._verbs and b":" in path:
            name, _, said = path.rpartition(b":")
            if said in self._verbs:
                verb, path = said, name
        parts = path[1:].rstrip(b"/").split(b"/")
        if parts == [b""]:
            parts = []
        if len(parts) > _LONGEST:
            return None
        found = self._root.find(parts, 0, (method, verb))
        return (found[1], found[0], parts) if found is not None else None


class _Node(Generic[T]):
    __slots__ = ("leaves", "literal", "one", "rest")

    def __init__(self) -> None:
        self.literal: dict[bytes, _Node[T]] = {}
        # Not in a dictionary: to hash a member of an enum costs more than the rest of a step.
        self.one: _Node[T] | None = None
        self.rest: _Node[T] | None = None
        self.leaves: dict[tuple[str, bytes], tuple[Template, T]] = {}

    def below(self, wildcard: Wildcard) -> _Node[T]:
        """The node behind a wildcard, made where there is none."""
        if wildcard is Wildcard.ONE:
            self.one = self.one or _Node()
            return self.one
        self.rest = self.rest or _Node()
        return self.rest

    def find(self, parts: list[bytes], at: int, key: tuple[str, bytes]) -> tuple[Template, T] | None:
        if at < len(parts):
            part = parts[at]
            if (next_ := self.literal.get(part)) and (found := next_.find(parts, at + 1, key)):
                return found
            if (next_ := self.one) and (found := next_.find(parts, at + 1, key)):
                return found
        elif found := self.leaves.get(key):
            return found
        return self.rest.leaves.get(key) if self.rest else None


def values(template: Template, parts: list[bytes]) -> list[bytes]:
    """The decoded value of each variable, in the template's order."""
    found = []
    for variable in template.variables:
        taken = parts[variable.start : variable.end]
        several = variable.several and len(taken) > 1
        value = b"/".join(taken)
        if b"%" in value:
            value = _UNRESERVED.sub(_decoded, value) if several else unquote_to_bytes(value)
        found.append(value)
    return found


def _decoded(found: re.Match[bytes]) -> bytes:
    return unquote_to_bytes(found[0])
