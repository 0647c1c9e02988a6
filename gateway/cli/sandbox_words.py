"""What surrounds an instance, and where its connections go, in words for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.cli.client import Object
from gateway.cli.output import ago

_SHOWN = 5
"""Destinations that a line names; the JSON output has all."""


def sandbox_words(instance: Object) -> str:
    """One cell: the level, and whether it is whole."""
    sandbox = instance["sandbox"]
    if sandbox is None:
        return "unknown"
    if sandbox["level"] == "none":
        return "none"
    return f"{sandbox['level']}, not whole" if sandbox["lacks"] else str(sandbox["level"])


def surroundings(instance: Object) -> Iterator[str]:
    """Lines below the table: what the sandbox lacks, what is reached, what was refused."""
    sandbox, relay = instance["sandbox"], instance["relay"]
    if sandbox is None or sandbox["level"] == "none":
        return
    name = instance["id"]
    if sandbox["lacks"]:
        yield f"{name}: its sandbox lacks: {', '.join(sandbox['lacks'])}"
    if sandbox["network"] != "none":
        yield f"{name}: network: {sandbox['network']}"
    elif relay is None:
        yield f"{name}: no network"
    else:
        yield f"{name}: no network; by the relay: {_destinations(relay['granted'])}"
        yield from (f"{name}: {words}" for words in [*relay["unmet"], relay["problem"]] if words)
        if relay["refusals"]:
            count, at = relay["refusals"], ago(relay["refusedAt"])
            last = relay["lastRefusal"]
            yield f"{name}: connections that were not made: {count}, the last {at} ago: {last}"


def _destinations(granted: list[str]) -> str:
    if not granted:
        return "nothing"
    more = len(granted) - _SHOWN
    return ", ".join(granted[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
