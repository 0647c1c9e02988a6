"""Ranges of a file (RFC 9110, 14): one range of bytes, under a condition or none. Pure."""

from __future__ import annotations

import re

from gateway.proxy.headers import Pairs

_RANGE = re.compile(rb"bytes[ \t]*=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE)


class Range:
    """One range as it was asked for: ``first`` to ``last``, or the ``last`` bytes where first is None."""

    __slots__ = ("first", "last")

    def __init__(self, first: int | None, last: int | None) -> None:
        self.first = first
        self.last = last

    def of(self, size: int) -> tuple[int, int] | None:
        """Start and end (exclusive) in a file of ``size`` bytes; None where it has no such part."""
        if self.first is None:
            return (max(0, size - (self.last or 0)), size) if self.last and size else None
        if self.first >= size:
            return None
        return self.first, size if self.last is None else min(self.last + 1, size)


def asked_range(headers: Pairs, digest: bytes) -> Range | None:
    """The range that is asked for of the file with this digest as its strong validator.

    None means the whole file: nothing valid was asked for, or several ranges, or the
    client's ``If-Range`` names other content.
    """
    asked = condition = b""
    for name, value in headers:
        if name == b"range":
            asked = value
        elif name == b"if-range":
            condition = value
    if not asked or (condition and condition.strip() != b'"%s"' % digest):
        return None
    found = _RANGE.fullmatch(asked)
    if found is None:
        return None
    first, last = (int(number) if number else None for number in found.groups())
    if (first is None and last is None) or (first is not None and last is not None and first > last):
        return None
    return Range(first, last)
