"""Paths of calls to plugins: taken apart and judged. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from gateway.model import Access, RouteRule

_DOTS = re.compile(rb"(?:^|[/\\])\.\.?(?:[/\\;]|$)")
_SLASHES = re.compile(rb"/{2,}")


def has_dot_segments(path: bytes) -> bool:
    """Whether ``.`` or ``..`` is a segment, plainly or however often percent-encoded.

    Such a path could mean another place to the plugin than to the access rules.
    """
    if b"." not in path and b"%" not in path:
        return False
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
    """Access rules of one release, ready to be asked: the first that matches counts."""

    __slots__ = ("_rules",)

    def __init__(self, rules: tuple[RouteRule, ...]) -> None:
        self._rules = [(rule.path_prefix.encode().rstrip(b"/"), rule.methods, rule.access) for rule in rules]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def access(self, method: str, path: bytes) -> Access:
        """The level that a path from the plugin's root needs; ``path`` as the client sent it."""
        path = plain(path)
        for prefix, methods, access in self._rules:
            if not path.startswith(prefix) or (methods and method not in methods):
                continue
            if len(path) == len(prefix) or not prefix or path[len(prefix)] == 0x2F:
                return access
        return Access.USER
