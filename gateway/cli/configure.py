"""``plugway configure``: show a plugin's settings, or change some of them."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_json, print_line, print_table
from gateway.cli.values import changed, is_secret, property_of


def configure(
    plugin: PluginArgument,
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="Settings to change; the others stay.", show_default=False
        ),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="A secret to set: asked for, or a line of stdin.", show_default=False
        ),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="A setting to put back to its default.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", help="All settings as a JSON object; '-' for stdin.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the plugin judge them, change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a plugin's settings, or change some.

    Refused settings change nothing: the old ones stay in force.
    """

    async def act(client: GatewayClient) -> None:
        path = plugin_path(plugin, "settings")
        known = await client.get(path)
        if not (settings or secret or unset or file):
            _show(plugin, known, as_json)
            return
        schema = known["schema"]
        if schema is None:
            raise failure(
                Exit.REFUSED,
                f"{plugin} has no settings.",
                f"If it never ran, look at: plugway status {plugin}",
            )
        now = _in_this_form(known)
        values = changed(_read(file) if file else now["values"], schema, settings or (), unset or ())
        for key in secret or ():
            property_of(schema, key)
            values[key] = _ask(key)
        result = await client.call("PUT", path, {"values": values, "dryRun": dry_run})
        _report(plugin, result, as_json)
        if known["carried"] and not as_json:
            _tell_left(known["carried"]["left"], "Would be gone:" if dry_run else "Gone:")

    run(act, as_json)


def _show(plugin: str, known: Object, as_json: bool) -> None:
    if as_json:
        print_json(known)
        return
    properties = (known["schema"] or {}).get("properties", {})
    if not properties:
        print_line(f"{plugin} has no settings, or has not told them yet.")
        return
    rows = [
        (
            key,
            _shown(key, described, _in_this_form(known)),
            described.get("description", described.get("title", "")),
        )
        for key, described in properties.items()
    ]
    print_table(("setting", "value", "description"), rows)
    if known["earlierForm"]:
        print_line(
            f"In force are settings in the form of an earlier release, which {plugin} reads. They stay until "
            "settings are saved in the form above, where those are that have the same name and kind."
        )
        _tell_left(known["carried"]["left"], "Without a place in it, and gone once others are saved:")


def _in_this_form(known: Object) -> Object:
    """``values`` and ``secretsSet`` as the schema has them."""
    carried: Object | None = known["carried"]
    return carried or known


def _tell_left(left: list[Object], words: str) -> None:
    if left:
        print_line(words)
    for one in left:
        value = "(a secret)" if one["secret"] else json.dumps(one["value"], ensure_ascii=False)
        print_line(f"  {one['pointer']}  {value}")


def _shown(key: str, described: Object, known: Object) -> str:
    if is_secret(described) or f"/{key}" in known["secretsSet"]:
        return "(set)" if f"/{key}" in known["secretsSet"] else "(not set)"
    if key in known["values"]:
        return json.dumps(known["values"][key], ensure_ascii=False)
    return (
        f"{json.dumps(described['default'], ensure_ascii=False)} (default)" if "default" in described else ""
    )


def _report(plugin: str, result: Object, as_json: bool) -> None:
    if as_json:
        print_json(result)
    elif result["dryRun"]:
        print_line(f"{plugin} would take these settings.")
    else:
        later = f"; a rollout brings them in: plugway status {plugin}" if result["rollout"] else ""
        print_line(f"{plugin} took the settings{later}.")


def _ask(key: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{key}: ")
    line = sys.stdin.readline()
    if not line:
        raise failure(Exit.USAGE, f"Stdin holds no value for '{key}'.", "Give one line for each --secret.")
    return line.rstrip("\r\n")


def _read(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        values = json.loads(text)
    except OSError as error:
        raise failure(Exit.USAGE, f"{file} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise failure(Exit.REFUSED, f"{file} is not JSON: {error}.") from None
    if not isinstance(values, dict):
        raise failure(Exit.REFUSED, f"{file} must hold one JSON object.")
    return values
