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

    route: NamedRoute = Field(description="`METHOD /path`; POST where it names no method.")
    body: dict[str, Any] | None = Field(default=None, alias="json", description="What is sent, as JSON.")


class CheckTable(_Part):
    """Routes are ``/path?query`` or ``METHOD /path``; empty where the author names none, ``none`` where
    there is none."""

    call: NamedRoute = Field(default="", description="A route that answers at once.")
    stream: NamedRoute = Field(default="", description="One that answers in parts that come over time.")
    upload: NamedRoute = Field(default="", description="One that takes a body of any length.")
    websocket: NamedRoute = Field(default="", description="One that accepts a WebSocket.")
    slow: NamedRoute = Field(default="", description="One that answers after two seconds or more.")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="Given to the plugin before; no secrets, for those `--settings FILE`.",
    )
    prepare: Annotated[tuple[Preparation, ...], Field(max_length=20)] = Field(
        default=(), description="Calls that are made before the others."
    )


def split_route(route: str, method: str) -> tuple[str, str, str]:
    """Method, path and query; ``method`` where the route names none."""
    match = _ROUTE.fullmatch(route)
    assert match is not None
    path, _, query = match[2].partition("?")
    return match[1] or method, path, query
