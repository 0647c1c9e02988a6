"""``[check]`` of ``plugway.toml``: what ``plugway check`` has to know of a plugin to try all of it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NONE = "none"
"""What an author writes who says that there is no such route."""

_ROUTE = re.compile(r"(?:([A-Z]+) +)?(/\S*)")


def _route(text: str) -> str:
    if text not in ("", NONE) and not _ROUTE.fullmatch(text):
        raise ValueError("must be a path such as /events, a method and a path, or 'none'")
    return text


NamedRoute = Annotated[str, Field(max_length=500), AfterValidator(_route)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Preparation(_Part):
    """A call that is made before the others, with a JSON body."""

    route: NamedRoute
    body: dict[str, Any] | None = Field(None, alias="json")


class CheckTable(_Part):
    """Routes are ``/path?query`` or ``METHOD /path``; empty where the author names none.

    ``call`` answers at once, ``stream`` in parts that come over time, ``upload`` takes a body of any
    length, ``websocket`` accepts one, ``slow`` answers after two seconds or more. ``settings`` are
    given to the plugin before, then the calls of ``prepare`` are made.
    """

    call: NamedRoute = ""
    stream: NamedRoute = ""
    upload: NamedRoute = ""
    websocket: NamedRoute = ""
    slow: NamedRoute = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    prepare: Annotated[tuple[Preparation, ...], Field(max_length=20)] = ()


def split_route(route: str, method: str) -> tuple[str, str, str]:
    """Method, path and query; ``method`` where the route names none."""
    match = _ROUTE.fullmatch(route)
    assert match is not None
    path, _, query = match[2].partition("?")
    return match[1] or method, path, query
