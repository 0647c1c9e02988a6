"""What the routes ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from plugway_sdk.web.connections import ConnectionName
from pydantic import StringConstraints

from redis_management.link import Reader, Writer
from redis_management.links import Links

Database = Annotated[
    int | None,
    Query(ge=0, le=65_535, description="Number of the database; without it, that of the address set."),
]


def _links(request: Request) -> Links:
    found: Links = request.app.state.links
    return found


Node = Annotated[
    str,
    Query(max_length=300, description="In a cluster: the node to ask, by id or host:port; else all or any."),
]
LinksOf = Annotated[Links, Depends(_links)]


async def _reading(
    links: LinksOf, connection: ConnectionName = "", database: Database = None, node: Node = ""
) -> AsyncIterator[Reader]:
    async with links.reader(connection, database, node) as reader:
        yield reader


async def _writing(
    links: LinksOf, connection: ConnectionName = "", database: Database = None, node: Node = ""
) -> AsyncIterator[Writer]:
    async with links.writer(connection, database, node) as writer:
        yield writer


Reading = Annotated[Reader, Depends(_reading)]
Writing = Annotated[Writer, Depends(_writing)]
"""A route that takes this is refused while the connection's read-only switch is on."""

Cursor = Annotated[
    str,
    StringConstraints(pattern=r"^\d{1,40}$"),
    Query(description="Where to go on; 0 begins. A string, since it has 64 bits or more."),
]
Pattern = Annotated[
    str,
    Query(min_length=1, max_length=1000, description="Glob as in Redis: * ? [a-z] and \\ to escape."),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="About how many; a page may have some more.")]
Offset = Annotated[int, Query(ge=0, description="How many to leave out at the beginning.")]
ClientId = Annotated[int, Path(ge=1)]
