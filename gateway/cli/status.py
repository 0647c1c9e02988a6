"""``plugway status``: the gateway, or one plugin with its releases and rollouts."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.command import JsonOption, run
from gateway.cli.exits import Exit, failure
from gateway.cli.output import ago, clean, print_fields, print_json, print_line, print_table
from gateway.cli.rating_words import rating_lines, rating_words
from gateway.cli.rollout_find import find_rollout
from gateway.cli.rollout_history import add_history, print_history
from gateway.cli.rollout_watch import WatchOption, WatchTimeoutOption
from gateway.cli.rollout_watch import watch as follow
from gateway.cli.sandbox_words import sandbox_words, surroundings


def status(
    plugin: Annotated[
        str,
        typer.Argument(metavar="[ID]", help="A plugin's id; without it, the gateway.", show_default=False),
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 unless it (or every enabled plugin) is healthy.")
    ] = False,
    watch: WatchOption = False,
    timeout: WatchTimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the gateway, or one plugin in detail.

    Of a plugin: its instances, the rollout under way, its releases, its pin, and the rollouts that have
    ended. With --watch, show the rollout under way until it has ended: exit code 0 where the new version
    stays, 8 where it does not.
    """

    async def act(client: GatewayClient) -> Exit:
        if watch:
            if not plugin:
                raise failure(Exit.USAGE, "--watch needs a plugin.", "Write: plugway status ID --watch")
            live = await find_rollout(client, plugin)
            return await follow(client, live, as_json=as_json, timeout=timeout)
        if plugin:
            document = await add_history(client, await client.get(plugin_path(plugin)))
            judged = [document]
        else:
            judged = (await client.get("/api/v1/plugins"))["plugins"]
            document = {**await client.get("/api/v1/system"), "plugins": _counts(judged)}
        if as_json:
            print_json(document)
        elif plugin:
            _print_plugin(document)
        else:
            _print_system(document)
        unwell = [p for p in judged if p["state"] != "healthy" and (plugin or p["enabled"])]
        return Exit.FAILED if check and unwell else Exit.OK

    run(act, as_json)


def _counts(plugins: list[Object]) -> dict[str, int]:
    return dict(Counter(plugin["state"] for plugin in plugins))


def _print_system(document: Object) -> None:
    runtime, counts = document["runtime"], document["plugins"]
    print_fields(
        (
            ("version", document["version"]),
            ("running for", ago(document["startedAt"])),
            ("runtime", f"{runtime['name']} ({runtime['reason']})"),
            ("isolation", ", ".join(runtime["isolation"]) or "none"),
            ("plugins", ", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "none"),
        )
    )


def _print_plugin(plugin: Object) -> None:
    print_fields(
        (
            ("id", plugin["id"]),
            ("name", plugin["name"]),
            ("description", plugin["description"]),
            ("version", plugin["version"]),
            ("release", plugin["releaseId"]),
            ("tier", plugin["tier"]),
            ("source", plugin["source"]),
            ("trust", plugin["trust"]["refusal"] or plugin["trust"]["words"]),
            ("rating", rating_words(plugin["rating"])),
            ("state", plugin["state"]),
            ("since", _since(plugin["since"])),
            ("reason", plugin["reason"]),
            ("told by", {"active": "health check", "passive": "calls"}.get(plugin["voice"], plugin["voice"])),
            ("progress", plugin["progress"]),
            ("next try", plugin["retryAt"]),
            ("restarts", plugin["restarts"]),
            ("pinned", f"to this release; plugway unpin {plugin['id']}" if plugin["pinned"] else ""),
            ("floor", f"nothing below {plugin['versionFloor']} is let in" if plugin["versionFloor"] else ""),
            ("source", (plugin["upstream"] or {}).get("words")),
            (
                "copies",
                f"the calls of {', '.join(plugin['personal'])} go to their own"
                if plugin.get("personal")
                else "",
            ),
            ("recorded", _recorded(plugin.get("recorded", ""))),
            ("page", (plugin["ui"] or {}).get("url")),
            (
                "settings",
                "must be given: plugway configure " + plugin["id"] if plugin["settingsRequired"] else "",
            ),
        )
    )
    if plugin["instances"]:
        _print_instances(plugin)
    print_line()
    for line in rating_lines(plugin["rating"]):
        print_line(clean(line))
    print_history(plugin)


def _print_instances(plugin: Object) -> None:
    print_line()
    print_table(
        ("instance", "state", "share", "healthy", "runtime", "sandbox", "started", "reason"),
        [
            (
                i["id"],
                i["state"],
                f"{i['weight']} %",
                "yes" if i["healthy"] else "no",
                i["runtime"],
                sandbox_words(i),
                ago(i["startedAt"]),
                i["circuit"]["words"] or i["reason"],
            )
            for i in plugin["instances"]
        ],
    )
    for instance in plugin["instances"]:
        for line in surroundings(instance):
            print_line(line)


def _recorded(whose: str) -> str:
    return f"the calls of {'everybody' if whose == '*' else whose} are being written down" if whose else ""


def _since(moment: str | None) -> str:
    return f"{moment} ({ago(moment)})" if moment else ""
