"""The form of an export: JSON lines.

1. ``{"format": "plugway-redis-keys", "version": 1, "redis", "database", "pattern", "type", "at"}``
2. for each key ``{"key", "keyEncoding", "type", "expiresAt", "dump"}``: ``dump`` is what DUMP gives, in
   base64; ``expiresAt`` milliseconds of Unix time, or null. Or ``{"key", "keyEncoding", "skipped"}``, why.
3. ``{"end": true, "keys", "skipped"}``, or ``{"error"}`` where it could not go on. A file with
   neither was cut.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from plugway_sdk.web.problems import Refused

from redis_management.blobs import blob, decode

FORMAT, VERSION = "plugway-redis-keys", 1
LARGEST_KEY = 16 * 1024 * 1024
"""Bytes in Redis' memory; a larger key is skipped, and told, as it would be whole in memory here too."""
LONGEST_LINE = 3 * LARGEST_KEY


@dataclass(frozen=True)
class Record:
    """One key of a file."""

    line: int
    name: bytes
    dump: bytes
    expires_at: int | None


class BadLine(Exception):
    """A line that is no record; the message says why."""


def line_of(**facts: Any) -> bytes:
    return json.dumps(facts, separators=(",", ":")).encode() + b"\n"


def named(name: bytes) -> dict[str, str]:
    shown = blob(name)
    return {"key": shown.data, "keyEncoding": shown.encoding}


def key_line(name: bytes, kind: str, expires_at: int | None, dump: bytes) -> bytes:
    data = base64.b64encode(dump).decode()
    return line_of(**named(name), type=kind, expiresAt=expires_at, dump=data)


def check_head(text: bytes) -> None:
    """Raises Refused where this does not begin an export that can be read here."""
    try:
        head = json.loads(text)
        known = head["format"] == FORMAT
        version = head["version"]
    except (ValueError, KeyError, TypeError):
        known, version = False, None
    if not known:
        raise Refused("This file is no export of keys.", hint="Choose one that was made here.")
    if version != VERSION:
        raise Refused(f"This file has version {version}, which this release cannot read.")


def read_line(number: int, text: bytes) -> Record | dict[str, Any]:
    """A record, or what else the line says (skipped, end, error); raises BadLine."""
    try:
        facts = json.loads(text)
        if not isinstance(facts, dict):
            raise BadLine("it is no object")
        if "dump" not in facts:
            return facts
        name = decode(facts["key"], facts["keyEncoding"])
        expires_at = facts["expiresAt"]
        if expires_at is not None and not (isinstance(expires_at, int) and expires_at > 0):
            raise BadLine("expiresAt is no time")
        return Record(number, name, base64.b64decode(facts["dump"], validate=True), expires_at)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, Refused):
        raise BadLine("it is damaged") from None


async def lines_of(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines without their ends, at most one of them in memory; raises Refused for one that is too long."""
    rest = bytearray()
    async for part in parts:
        before = len(rest)
        rest += part
        if part.find(b"\n") < 0:
            if len(rest) > LONGEST_LINE:
                raise Refused("A line of this file is longer than any key that is taken.")
            continue
        end = rest.rfind(b"\n", before)
        for line in bytes(rest[:end]).split(b"\n"):
            yield line
        del rest[: end + 1]
    if rest:
        yield bytes(rest)
