"""Paths of calls to plugins: taken apart and judged. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from gateway.model import Access, RouteRule

_DOTS = re.compile(rb"(?:^|[/\\])\.\.?(?:[/\\;]|$)")
_LEVELS = (Access.PUBLIC, Access.USER, Access.ADMIN)
_SLASHES = re.compile(rb"/{2,}")


def has_dot_segments(path: bytes) -> bool:
    """Whether ``.`` or ``..`` is a segment, plainly or however often percent-encoded.

    Such a path could mean another place to the plugin than to the access rules.
    """
    if b"." not in path and b"%" not in path:
        return False
    if b"%" not in path:
        return bool(_DOTS.search(path))
    for _ in range(3):
        if _DOTS.search(path):
            return True
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return False
        path = decoded
    return bool(_DOTS.search(path))


def plain(path: bytes) -> bytes:
    """A path as rules mean it, however a client spelt it: decoded, no slash twice."""
    if b"%" in path:
        path = unquote_to_bytes(path)
    if b"//" in path:
        path = _SLASHES.sub(b"/", path)
    return path


class Rules:
    """Access rules of one release, ready to be asked: the first that matches counts.

    Sorted by the first segment of their prefixes, so that a call meets only those that may be for it.
    """

    __slots__ = ("_by_first", "_everywhere", "_rules")

    def __init__(self, rules: tuple[RouteRule, ...]) -> None:
        ready = [(rule.path_prefix.encode().rstrip(b"/"), rule.methods, rule.access) for rule in rules]
        self._rules = ready
        self._everywhere = [rule for rule in ready if not rule[0]]
        self._by_first = {
            first: [rule for rule in ready if not rule[0] or _first_segment(rule[0]) == first]
            for first in {_first_segment(prefix) for prefix, _, _ in ready if prefix}
        }

    def __bool__(self) -> bool:
        return bool(self._everywhere or self._by_first)

    def access(self, method: str, path: bytes) -> Access:
        """The level that a path from the plugin's root needs; ``path`` as the client sent it."""
        found = self._first(method, plain(path))
        return found[1] if found is not None else Access.USER

    def _first(self, method: str, path: bytes) -> tuple[bytes, Access] | None:
        rules = self._everywhere
        if self._by_first:
            rules = self._by_first.get(_first_segment(path), rules)
        for prefix, methods, access in rules:
            if not path.startswith(prefix) or (methods and method not in methods):
                continue
            if len(path) == len(prefix) or not prefix or path[len(prefix)] == 0x2F:
                return prefix, access
        return None

    def is_named(self, method: str, path: bytes) -> bool:
        """Whether the rule that counts for a path names its first segment."""
        found = self._first(method, plain(path))
        return found is not None and bool(found[0])

    def strictest(self, method: str, segments: Sequence[bytes | None]) -> Access:
        """The highest level that a path of this shape may need: None stands for any segment, at the end
        for any number of them.
        """
        found = []
        for prefix, methods, access in self._rules:
            if methods and method not in methods:
                continue
            wanted = prefix.strip(b"/").split(b"/") if prefix else []
            any_length = bool(segments) and segments[-1] is None
            if len(wanted) > len(segments) and not any_length:
                continue
            mine = segments[: len(wanted)]
            if all(one in (None, other) for one, other in zip(mine, wanted, strict=False)):
                found.append(access)
                if None not in mine:
                    # It holds for all of them, so that no later rule is asked.
                    return max(found, key=_LEVELS.index)
        return max([*found, Access.USER], key=_LEVELS.index)


def _first_segment(path: bytes) -> bytes:
    end = path.find(b"/", 1)
    return path[:end] if end > 0 else path
