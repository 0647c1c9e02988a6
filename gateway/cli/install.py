"""``plugway install``: from the catalog, a remote endpoint, or a definition in a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from gateway.cli.candidate_words import candidate_lines
from gateway.cli.client import GatewayClient, Object
from gateway.cli.command import (
    DEFAULT_TIMEOUT,
    DowngradeOption,
    JsonOption,
    NoWaitOption,
    TimeoutOption,
    YesOption,
    run,
)
from gateway.cli.confirm import confirm
from gateway.cli.exits import Exit, failure
from gateway.cli.follow import News, told, until_healthy
from gateway.cli.offer import offered
from gateway.cli.output import clean, print_json, print_line, progress
from gateway.cli.search import CatalogueOption

_MAX_BYTES = 2**20


def install(
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID|FILE",
            help="A plugin's id, or a definition in JSON: a file's path, '-' for stdin.",
            show_default=False,
        ),
    ],
    version: Annotated[
        str, typer.Option(help="The version; the newest if left out.", show_default=False)
    ] = "",
    url: Annotated[
        str,
        typer.Option(help="Where a plugin already runs: grpc://, grpcs:// or unix://.", show_default=False),
    ] = "",
    yes: YesOption = False,
    catalogue: CatalogueOption = "",
    allow_downgrade: DowngradeOption = False,
    no_wait: NoWaitOption = False,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Install a plugin and wait until it is healthy.

    What comes from elsewhere is fetched and judged first, and shown with all that it may do: it is
    installed once you agree.
    """

    async def act(client: GatewayClient) -> None:
        if by_id := _is_id(what) and not url:
            found = await offered(client, what, version, catalogue)
            definition = found["definition"]
            if found["catalogue"] and not as_json:
                print_line(f"{what} is taken from the catalogue {found['catalogue']}.")
        else:
            definition = _definition(what, version, url)
        if catalogue and not by_id:
            raise failure(Exit.USAGE, "Only an id is looked for in a catalogue.", "Leave --catalogue out.")
        query = {"allowDowngrade": "true"} if allow_downgrade else {}
        query |= await _agreed(client, definition, query, yes=yes, patience=timeout, quiet=as_json)
        path = f"/api/v1/plugins?{urlencode(query)}".rstrip("?")
        if no_wait:
            plugin = await client.call("POST", path, definition, patience=timeout)
        else:
            plugin = await until_healthy(
                client,
                str(definition.get("id", "")),
                lambda: client.call("POST", path, definition, patience=timeout),
                patience=timeout,
                quiet=as_json,
            )
        _report(plugin, waited=not no_wait, as_json=as_json)

    run(act, as_json)


def _report(plugin: Object, *, waited: bool, as_json: bool) -> None:
    if as_json:
        print_json(plugin)
        return
    if not waited or plugin["settingsRequired"]:
        print_line(f"{plugin['id']} {plugin['version']}".strip() + " is installed.")
    if waited:
        print_line(told(plugin)[0])


async def _agreed(
    client: GatewayClient,
    definition: Object,
    query: Mapping[str, str],
    *,
    yes: bool,
    patience: float,
    quiet: bool,
) -> dict[str, str]:
    """Show what would be installed and ask; the query that says that somebody agreed."""
    if definition.get("source", "built-in") == "built-in":
        return {}
    id_ = str(definition.get("id", ""))
    with progress(f"{id_}: looking up the version", quiet) as shown:
        async with News(client, id_, shown):
            path = f"/api/v1/plugins/preview?{urlencode(query)}".rstrip("?")
            found = await client.call("POST", path, definition, patience=patience)
    # What the policy refuses is told by the install itself, which ends with that problem.
    if not found["consentNeeded"] or found["refusal"]:
        return {}
    if not quiet:
        for line in candidate_lines(found):
            print_line(clean(line))
    confirm(f"{found['id']} {found['version']} is to be installed.", "Install it?", yes=yes)
    return {"consent": str(found["releaseId"])}


def _is_id(what: str) -> bool:
    return what != "-" and "/" not in what and not what.endswith(".json")


def _definition(what: str, version: str, url: str) -> dict[str, Any]:
    if _is_id(what):
        definition = {"id": what, "version": version, "sourceUrl": url}
        return {name: value for name, value in definition.items() if value} | {"source": "external"}
    if version or url:
        raise failure(
            Exit.USAGE, "A definition says its own version and URL.", "Leave --version and --url out."
        )
    return _read(what)


def _read(path: str) -> dict[str, Any]:
    try:
        if path == "-":
            text = sys.stdin.read(_MAX_BYTES)
        else:
            with Path(path).open() as file:
                text = file.read(_MAX_BYTES)
        document = json.loads(text)
    except OSError as error:
        raise failure(Exit.USAGE, f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise failure(Exit.REFUSED, f"The definition is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise failure(Exit.REFUSED, "A plugin definition is a JSON object.", 'The least is {"id": "notes"}.')
    return document
