"""The settings of this machine, for the commands that work on the home directory itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.cli.exits import Exit, failure

if TYPE_CHECKING:
    from gateway.settings import Settings


def local_settings() -> Settings:
    """From the environment, as ``plugway serve`` reads them."""
    # Both load pydantic, which takes longer than most commands run.
    from pydantic import ValidationError

    from gateway.settings import Settings

    nothing: dict[str, Any] = {}
    try:
        return Settings(**nothing)
    except ValidationError as error:
        issue = error.errors(include_input=False)[0]
        name = "_".join(map(str, issue["loc"])).upper()
        raise failure(Exit.USAGE, f"PLUGWAY_{name}: {issue['msg']}.", "See docs/settings.md.") from None
