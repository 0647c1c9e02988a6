"""What the routes ask for, and the form of what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Query, Request
from plugway_sdk.web.connections import ConnectionName

from power_bi.links import Links
from power_bi.service import Service

GUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"


def _links(request: Request) -> Links:
    found: Links = request.app.state.links
    return found


LinksOf = Annotated[Links, Depends(_links)]


async def _reading(links: LinksOf, connection: ConnectionName = "") -> Service:
    return links.reader(connection)


async def _writing(links: LinksOf, connection: ConnectionName = "") -> Service:
    return links.writer(connection)


Reading = Annotated[Service, Depends(_reading)]
Writing = Annotated[Service, Depends(_writing)]
"""A route that takes this is refused while the connection's read-only switch is on."""

WorkspaceId = Annotated[str, Path(pattern=GUID)]
ItemId = Annotated[str, Path(pattern=GUID)]
Search = Annotated[str, Query(max_length=200, description="Part of the name.")]
After = Annotated[int, Query(ge=0, le=1_000_000, description="Where to go on, as the page before says.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]

T = TypeVar("T")


def cut(
    entries: Sequence[dict[str, Any]],
    name: str,
    search: str,
    after: int,
    limit: int,
    make: Callable[[dict[str, Any]], T],
) -> tuple[list[T], int | None, int]:
    """A page of a list that the API gives whole: its entries, where the next begins, how many there are."""
    wanted = search.casefold()
    found = [one for one in entries if wanted in str(one.get(name) or "").casefold()]
    found.sort(key=lambda one: (str(one.get(name) or "").casefold(), str(one.get("id"))))
    page = found[after : after + limit]
    following = after + len(page)
    return [make(one) for one in page], following if following < len(found) else None, len(found)
