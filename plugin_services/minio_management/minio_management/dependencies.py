"""What the routes ask for, and the form of what they answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request
from plugway_sdk.web.connections import ConnectionName
from plugway_sdk.web.models import ApiModel
from pydantic import Field

from minio_management.links import Link, Links


class Tags(ApiModel):
    """Tags by name."""

    tags: dict[str, str] = Field(max_length=50)


def _links(request: Request) -> Links:
    found: Links = request.app.state.links
    return found


LinksOf = Annotated[Links, Depends(_links)]


async def _reading(links: LinksOf, connection: ConnectionName = "") -> Link:
    return links.reader(connection)


async def _writing(links: LinksOf, connection: ConnectionName = "") -> Link:
    return links.writer(connection)


Reading = Annotated[Link, Depends(_reading)]
Writing = Annotated[Link, Depends(_writing)]
"""A route that takes this is refused while the connection's read-only switch is on."""

BucketName = Annotated[str, Path(min_length=3, max_length=63, examples=["photos"])]
Key = Annotated[
    str, Query(min_length=1, max_length=1024, description="The object's name.", examples=["a/b.txt"])
]
Version = Annotated[str, Query(max_length=200, description="A version; without it, the newest.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]
