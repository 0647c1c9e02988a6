"""What the routes ask for, and the form of what they answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from plugway_sdk.web.connections import ConnectionName
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refused

from grafana_management.links import Link, Links


class Done(ApiModel):
    """It was done; Grafana's own words, where it has some."""

    done: bool = True
    message: str = ""


Organisation = Annotated[
    int,
    Query(alias="organisation", ge=0, description="Its number; without it, the connection's or the login's."),
]


def _links(request: Request) -> Links:
    found: Links = request.app.state.links
    return found


LinksOf = Annotated[Links, Depends(_links)]


async def _reading(links: LinksOf, connection: ConnectionName = "", organisation: Organisation = 0) -> Link:
    return links.reader(connection, organisation)


async def _writing(links: LinksOf, connection: ConnectionName = "", organisation: Organisation = 0) -> Link:
    return links.writer(connection, organisation)


Reading = Annotated[Link, Depends(_reading)]
Writing = Annotated[Link, Depends(_writing)]
"""A route that takes this is refused while the connection's read-only switch is on."""

UID = r"^[A-Za-z0-9_-]{1,64}$"
Uid = Annotated[str, Path(pattern=UID, examples=["cIBgcSjkk"])]
FolderUid = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{0,64}$", description="The folder; none: the root.")]
Number = Annotated[int, Path(ge=1)]
Search = Annotated[str, Query(max_length=200, description="Part of the name.")]
Page = Annotated[int, Query(ge=1, le=1_000_000, description="Counted from 1.")]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many.")]
Confirm = Annotated[str, Query(max_length=500, description="The name once more, as it is on the server.")]


def confirmed(typed: str, name: str) -> None:
    """Raises Refused where what was typed is not the name."""
    if typed != name:
        raise Refused("What was typed is not the name.", hint=f"Type {name} to delete it.")


def cut(entries: list[Any], page: int, limit: int) -> tuple[list[Any], bool]:
    """One page of a list that Grafana only gives as a whole, and whether there are more."""
    begin = (page - 1) * limit
    return entries[begin : begin + limit], begin + limit < len(entries)


def matches(search: str, *texts: Any) -> bool:
    """Whether one of the texts has all words of ``search`` in it, in whatever case."""
    words = search.lower().split()
    return any(all(word in str(text or "").lower() for word in words) for text in texts)
