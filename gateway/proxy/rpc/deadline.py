"""``grpc-timeout``: how long the client waits. Pure; times in seconds."""

from __future__ import annotations

import re

_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_MOST = 99_999_999


def read_timeout(value: bytes) -> float | None:
    """None where it is no timeout."""
    found = _TIMEOUT.fullmatch(value)
    return int(found[1]) * _UNITS[found[2]] if found else None


def write_timeout(seconds: float) -> bytes:
    """In the finest unit that eight digits have room for, rounded up: the client's own end comes first."""
    for unit, size in ((b"u", 1e-6), (b"m", 1e-3), (b"S", 1.0), (b"M", 60.0)):
        number = int(max(0.0, seconds) / size) + 1
        if number <= _MOST:
            return b"%d%s" % (number, unit)
    return b"%dH" % min(_MOST, int(seconds / 3600.0) + 1)
