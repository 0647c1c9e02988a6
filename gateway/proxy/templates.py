"""The route templates of a release, and which of them a path belongs to. Pure."""

from __future__ import annotations

from functools import lru_cache

from gateway.proxy.paths import plain

OTHER = "other"
"""Paths that the plugin declared nowhere."""

_DEEPEST = 16
_REMEMBERED, _SHORT = 512, 128


class _Node:
    __slots__ = ("label", "literal", "mixed", "rest")

    def __init__(self) -> None:
        self.label = ""
        self.rest = ""
        self.literal: dict[bytes, _Node] = {}
        # Segments with braces: what stands before and after them.
        self.mixed: dict[tuple[bytes, bytes], _Node] = {}

    def child(self, segment: bytes) -> _Node:
        before, brace, after = segment.partition(b"{")
        if not brace:
            return self.literal.setdefault(segment, _Node())
        return self.mixed.setdefault((before, after.rpartition(b"}")[2]), _Node())

    def find(self, parts: list[bytes], at: int) -> str:
        if at == len(parts):
            return self.label or self.rest
        part = parts[at]
        if (node := self.literal.get(part)) is not None and (found := node.find(parts, at + 1)):
            return found
        for (before, after), node in self.mixed.items():
            fits = len(part) > len(before) + len(after) and part.startswith(before) and part.endswith(after)
            if fits and (found := node.find(parts, at + 1)):
                return found
        return self.rest


class Templates:
    """Literal segments go before those in braces, and both before a template that ends in ``/*``.

    However a plugin writes its templates, finding one visits each segment of them once at most.
    """

    def __init__(self, templates: tuple[str, ...]) -> None:
        self._met: dict[bytes, str] = {}
        self._root = _Node()
        for template in templates:
            self._add(template.encode(), template)

    def _add(self, path: bytes, label: str) -> None:
        *segments, last = path[1:].split(b"/")
        if len(segments) >= _DEEPEST:
            return
        node = self._root
        for segment in segments:
            node = node.child(segment)
        if last == b"*":
            node.rest = node.rest or label
        else:
            node = node.child(last)
            node.label = node.label or label

    def find(self, path: bytes) -> str:
        """The template of a path as a client sent it, or OTHER."""
        found = self._met.get(path)
        if found is None:
            found = self._look(path)
            if len(path) <= _SHORT:
                if len(self._met) >= _REMEMBERED:
                    self._met.clear()
                self._met[path] = found
        return found

    def _look(self, path: bytes) -> str:
        if b"%" in path or b"//" in path:
            path = plain(path)
        return self._root.find(path[1:].split(b"/", _DEEPEST), 0) or OTHER


@lru_cache(maxsize=2048)
def templates_of(templates: tuple[str, ...]) -> Templates:
    """Made once for all snapshots and releases that declare the same."""
    return Templates(templates)
