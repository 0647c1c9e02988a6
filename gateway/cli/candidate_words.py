"""What the command line says of a release before it is installed."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.cli.client import Object
from gateway.cli.rating_words import rating_lines
from gateway.page_origins import page_origin_words


def candidate_lines(found: Object) -> Iterator[str]:
    """Who vouches for it, and all that it may do."""
    yield f"{found['name']} ({found['id']}) {found['version']}, from {found['source']}, {found['tier']}."
    yield found["trust"]["words"]
    permissions = found["permissions"]
    if not permissions["egress"] and not permissions["volumes"]:
        yield "It may use nothing outside its container."
    for destination in permissions["egress"]:
        yield f"It may connect to {_destination(destination)}."
    for volume in permissions["volumes"]:
        yield f"It keeps data of its own, in the volume '{volume}'."
    for origin in permissions["origins"]:
        yield f"Its page may {page_origin_words(origin)}, which learns who looks at it."
    yield from rating_lines(found["rating"])
    yield f"Release {found['releaseId']}."


def _destination(text: str) -> str:
    pointer = text.removeprefix("settings:")
    return text if pointer == text else f"the server that you set in its settings, at {pointer}"
