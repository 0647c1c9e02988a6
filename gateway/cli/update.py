"""``plugway update``: newer versions of what is installed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.catalogue_words import permissions, place
from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import DowngradeOption, JsonOption, run
from gateway.cli.exits import Exit, failure
from gateway.cli.output import clean, print_json, print_line, print_table
from gateway.cli.rollout_steer import tell
from gateway.cli.rollout_watch import WatchOption, WatchTimeoutOption

_PATIENCE = 600.0


def update(
    plugin: Annotated[
        str, typer.Argument(metavar="[ID]", help="All of them if left out.", show_default=False)
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is newer. Ends with 1 where something is.")
    ] = False,
    version: Annotated[
        str, typer.Option(help="The version to move to; the newest if left out.", show_default=False)
    ] = "",
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Agree beforehand to new permissions, removed routes and the like."),
    ] = False,
    allow_downgrade: DowngradeOption = False,
    watch: WatchOption = False,
    timeout: WatchTimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move a plugin to its newest version, or say what is newer.

    A plugin is updated only from where it came: from the gateway's own plugins, or from a catalogue
    that has the very definition it was installed with, or from its image's registry. The move is a
    rollout. Registries and CDNs are asked now, and what has changed there is told; catalogues are as
    they were fetched last: plugway catalogue refresh fetches them now.
    """

    async def act(client: GatewayClient) -> Exit:
        looks = check or bool(plugin and not version)
        where = ("POST", "/api/v1/updates/check") if looks else ("GET", "/api/v1/updates")
        answer = await client.call(*where, patience=_PATIENCE)
        updates = [one for one in answer["updates"] if not plugin or one["plugin"] == plugin]
        if plugin and not updates:
            raise failure(Exit.NOT_FOUND, f"{plugin} is not installed.", "See: plugway list")
        if check or not plugin:
            return _check({**answer, "updates": updates}, as_json)
        asked = {"yes": yes, "allowDowngrade": allow_downgrade}
        return await _move(client, updates[0], version, asked, as_json, watch, timeout)

    run(act, as_json)


def _check(answer: dict[str, Any], as_json: bool) -> Exit:
    newer = [one for one in answer["updates"] if one["newest"]]
    if as_json:
        print_json(answer)
        return Exit.FAILED if newer else Exit.OK
    if newer:
        head = ("id", "installed", "newest", "from", "more permissions", "fewer")
        print_table(head, [_row(one) for one in newer])
        print_line(f"Move one: plugway update {newer[0]['plugin']}")
    else:
        print_line("Nothing newer is known." if answer["updates"] else "No plugin is installed.")
    for one in answer["updates"]:
        if one["moved"]:
            print_line(clean(f"changed: {one['plugin']}: {one['moved']}"))
        if one["unknown"]:
            print_line(clean(f"not known: {one['plugin']}: {one['unknown']}"))
    for doubt in answer["doubts"]:
        print_line(clean(f"mind: {doubt}"))
    return Exit.FAILED if newer else Exit.OK


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["plugin"],
        one["installed"],
        f"{one['newest']}{' (pinned)' if one['pinned'] else ''}",
        one["catalogue"] or ("built-in" if one["source"] == "built-in" else "its registry"),
        permissions(one["more"], "none"),
        permissions(one["less"], "none"),
    )


def _place(found: dict[str, Any]) -> str:
    registry = not found["catalogue"] and found["source"] != "built-in"
    return "its registry" if registry else place(found["catalogue"])


async def _move(
    client: GatewayClient,
    found: dict[str, Any],
    version: str,
    asked: dict[str, bool],
    as_json: bool,
    watched: bool,
    timeout: float | None,  # noqa: ASYNC109  an option of the command
) -> Exit:
    id_ = str(found["plugin"])
    wanted = version or str(found["newest"])
    if not wanted:
        if found["unknown"]:
            raise failure(Exit.FAILED, f"{id_} cannot be updated: {found['unknown']}.")
        print_json(found) if as_json else print_line(f"{id_} {found['installed']} is the newest known.")
        return Exit.OK
    body = {"version": wanted, "catalogue": found["catalogue"], **asked}
    begun = await client.call("POST", plugin_path(id_, "rollouts"), body)
    text = f"{id_} is on its way to {wanted}, from {_place(found)}."
    return await tell(client, begun, text, as_json=as_json, watched=watched, timeout=timeout)
