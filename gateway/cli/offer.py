"""From a plugin's id to the definition that installs it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gateway.cli.client import GatewayClient
from gateway.cli.exits import Failure


async def offered(client: GatewayClient, id_: str, version: str, catalogue: str) -> dict[str, Any]:
    """``{"catalogue": ..., "definition": ...}``; the catalogue is empty for the gateway's own plugins."""
    query = {"version": version, "catalogue": catalogue}
    try:
        return await client.get(
            f"/api/v1/catalog/{quote(id_, safe='')}/definition",
            **{name: text for name, text in query.items() if text},
        )
    except Failure as error:
        if catalogue or error.problem.get("type") != "urn:plugway:problem:not-offered":
            raise
    # What cannot be listed may still say why when it is asked for.
    definition = {"id": id_, "version": version}
    return {"catalogue": "", "definition": {name: text for name, text in definition.items() if text}}
