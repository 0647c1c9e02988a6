"""``plugway list``: the installed plugins, or those that could be."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.client import GatewayClient, Object
from gateway.cli.command import JsonOption, run
from gateway.cli.output import ago, clean, print_json, print_line, print_table
from gateway.cli.rating_words import rating_cell

_HEAD = ("id", "version", "state", "since", "restarts", "tier", "rating", "reason")


def list_plugins(
    available: Annotated[
        bool, typer.Option("--available", help="List what could be installed instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the installed plugins and how they are."""

    async def act(client: GatewayClient) -> None:
        if available:
            await _available(client, as_json)
        else:
            await _installed(client, as_json)

    run(act, as_json)


async def _installed(client: GatewayClient, as_json: bool) -> None:
    answer = await client.get("/api/v1/plugins")
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            p["id"],
            p["version"],
            p["state"],
            ago(p["since"]),
            p["restarts"],
            p["tier"],
            rating_cell(p["rating"]),
            p["reason"],
        )
        for p in answer["plugins"]
    ]
    if rows:
        print_table(_HEAD, rows, styled=2)
        _print_news(answer["plugins"])
    else:
        print_line("No plugin is installed. See what there is: plugway list --available")


def _print_news(plugins: list[Object]) -> None:
    """What has become of the places that they came from, where that asks for a look."""
    news = [(p["id"], p["upstream"]) for p in plugins if p["upstream"]]
    told = [f"{id_}: {clean(seen['words'])}" for id_, seen in news if seen["changed"] or seen["newest"]]
    if told:
        print_line()
    for line in told:
        print_line(line)


async def _available(client: GatewayClient, as_json: bool) -> None:
    answer = await client.get("/api/v1/catalog", limit=1000)
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            p["id"],
            p["version"],
            p["tier"],
            "yes" if p["installed"] else "no",
            p["problem"] or p["description"],
        )
        for p in answer["plugins"]
    ]
    if rows:
        print_table(("id", "version", "tier", "installed", "description"), rows)
    else:
        print_line("There is nothing to install. PLUGWAY_PLUGIN_PATH names directories with plugins.")
