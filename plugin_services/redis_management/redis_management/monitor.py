"""MONITOR: every command that Redis runs, while one looks. It costs Redis up to half of its speed."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.connections import ConnectionName
from plugway_sdk.web.problems import new_router
from starlette.responses import StreamingResponse

from redis_management.blobs import blob
from redis_management.dependencies import LinksOf, Node
from redis_management.hiding import without_secrets
from redis_management.taps import EVENTS, Tap, TapResponse

router = new_router("monitor")
LONGEST = 300
WORD, WORDS = 256, 24
_LINE = re.compile(rb"(\d+\.\d+) \[(\d+) ([^\]]*)\] (.*)", re.DOTALL)
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes.fromhex(code[1:].decode()) if len(code) == 3 else _NAMED.get(code, code)


def words_of(text: bytes) -> list[bytes]:
    """The words of a line of MONITOR, as they were sent."""
    return [_ESCAPE.sub(_unescaped, word) for word in _QUOTED.findall(text)]


def command_of(raw: Any, contains: bytes = b"") -> dict[str, Any] | None:
    """A line of MONITOR for JSON, passwords hidden; None for what is none, or is not looked for."""
    if not isinstance(raw, bytes) or (found := _LINE.fullmatch(raw)) is None:
        return None
    at, database, client, text = found.groups()
    words = without_secrets(words_of(text))
    if contains and not any(contains in word.lower() for word in (*words, client)):
        return None
    return {
        "at": float(at),
        "database": int(database),
        "client": client.decode(errors="replace"),
        "words": [blob(word, WORD).model_dump(by_alias=True) for word in words[:WORDS]],
        "more": max(0, len(words) - WORDS),
    }


@router.get("/monitor", response_class=StreamingResponse, responses=EVENTS)
async def monitor(
    links: LinksOf,
    seconds: Annotated[int, Query(ge=1, le=LONGEST, description="When it ends by itself.")] = 30,
    contains: Annotated[str, Query(max_length=200, description="Only commands with this in a word.")] = "",
    connection: ConnectionName = "",
    node: Node = "",
) -> TapResponse:
    """Every command that Redis runs from now on, as server-sent events; passwords are hidden.

    It costs Redis much of its speed, so it ends by itself.
    """
    wanted = contains.lower().encode()
    pools = links.pools(connection)
    tap = Tap(pools.connection, lambda raw: command_of(raw, wanted), seconds=seconds)
    await tap.begin(pools, node, ("MONITOR",), answers=1)
    return TapResponse(tap)
