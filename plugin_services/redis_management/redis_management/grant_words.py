"""What to do where Redis leads to an address that the settings do not name, as a command to copy."""

from __future__ import annotations

import json
import shlex
from typing import Any

from fastapi import FastAPI, Request
from plugway_sdk.web.connection_settings import ConnectionSettings
from plugway_sdk.web.problems import Refusal

from redis_management.links import Links
from redis_management.problems import NotGranted
from redis_management.settings import Connection
from redis_management.topology import in_one_word

_LONGEST = 2000
"""Longer commands (certificates) are nothing to copy."""
_SECRETS = {"password", "sentinel_password"}


def hint_of(refused: NotGranted, settings: ConnectionSettings[Connection]) -> str:
    """Which addresses to name where; the command changes nothing else, and keeps all secrets."""
    named = refused.connection
    missing = sorted({refused.to, *refused.others} - set(map(in_one_word, named.places)))
    words = (
        f"Add {', '.join(missing)} to the connection's further addresses in the plugin's settings"
        if missing
        # What only a migration named: the gateway knows what was saved.
        else f"Nobody has saved settings that name {refused.to}: save them in the form that they have now"
    )
    connections = {name: _written(one) for name, one in settings.connections.items()}
    for name, one in settings.connections.items():
        if missing and one == named:
            connections[name]["nodes"] = [*one.nodes, *missing]
    command = "plugway configure redis-management " + shlex.quote(f"connections={json.dumps(connections)}")
    return f"{words}." if len(command) > _LONGEST else f"{words}, or run: {command}"


def _written(connection: Connection) -> dict[str, Any]:
    return connection.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_SECRETS)


def tell_what_to_grant(app: FastAPI, links: Links) -> None:
    """After ``answer_refusals``: the same answers, with that hint."""
    answer: Any = app.exception_handlers[Refusal]

    async def handle(request: Request, error: Exception) -> Any:
        assert isinstance(error, NotGranted)
        error.hint = hint_of(error, links.settings)
        return await answer(request, error)

    app.add_exception_handler(NotGranted, handle)
