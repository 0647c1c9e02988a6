"""``plugway logs``: what a plugin's instances have written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.exits import Exit, failure
from gateway.cli.output import clean, print_line

_TOLD = ("at", "level", "message", "logger")


def logs(
    plugin: PluginArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    tail: Annotated[int, typer.Option(min=0, max=10_000, help="Lines of the past to begin with.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Show the output of a plugin, across its restarts."""

    async def act(client: GatewayClient) -> None:
        stream = client.lines(
            plugin_path(plugin, "logs"),
            accept="application/x-ndjson",
            endless=follow,
            query={"tail": tail, "follow": str(follow).lower()},
        )
        async with stream as lines:
            async for line in lines:
                print_line(line if as_json else readable(json.loads(line)))
        if follow:
            raise failure(Exit.NOT_REACHABLE, "The gateway ended the stream.", "See whether it still runs.")

    run(act, as_json)


def readable(line: Mapping[str, Any]) -> str:
    """``12:00:01 notes-1 INFO message key=value``; lines that are no JSON log stay as they are."""
    clock = (line["at"] or "")[11:19]
    try:
        entry = json.loads(line["text"])
    except ValueError:
        entry = None
    if not isinstance(entry, dict) or "message" not in entry:
        return clean(f"{clock} {line['instance']} {line['text']}").strip()
    more = [
        f"{name}={value}" for name, value in entry.items() if name not in _TOLD and value not in (None, "")
    ]
    level = str(entry.get("level", "")).upper()
    words = (clock, line["instance"], level, str(entry["message"]), *more)
    return clean(" ".join(word for word in words if word))
