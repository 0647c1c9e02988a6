"""What the routes ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import StringConstraints

from redis_management.connections import Connections
from redis_management.link import Reader, Writer

Database = Annotated[
    int | None,
    Query(ge=0, le=65_535, description="Number of the database; without it, that of the address set."),
]


def connections(request: Request) -> Connections:
    found: Connections = request.app.state.connections
    return found


ConnectionsOf = Annotated[Connections, Depends(connections)]


async def _reading(ways: ConnectionsOf, database: Database = None) -> AsyncIterator[Reader]:
    async with ways.reader(database) as reader:
        yield reader


async def _writing(ways: ConnectionsOf, database: Database = None) -> AsyncIterator[Writer]:
    async with ways.writer(database) as writer:
        yield writer


Reading = Annotated[Reader, Depends(_reading)]
Writing = Annotated[Writer, Depends(_writing)]
"""A route that takes this is refused while the read-only switch is on."""

Cursor = Annotated[
    str,
    StringConstraints(pattern=r"^\d{1,20}$"),
    Query(description="Where to go on; 0 begins. A string, since it has 64 bits."),
]
Pattern = Annotated[
    str,
    Query(min_length=1, max_length=1000, description="Glob as in Redis: * ? [a-z] and \\ to escape."),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="About how many; a page may have some more.")]
Offset = Annotated[int, Query(ge=0, description="How many to leave out at the beginning.")]
ClientId = Annotated[int, Path(ge=1)]
