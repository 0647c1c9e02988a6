"""``plugway bundle``: plugins as one file, to a site without network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.candidate_words import candidate_lines
from gateway.cli.client import GatewayClient, Object
from gateway.cli.command import DowngradeOption, JsonOption, YesOption, run
from gateway.cli.confirm import confirm
from gateway.cli.exits import Exit, from_problem
from gateway.cli.output import clean, print_json, print_line

_PATH = "/api/v1/bundles"
_PATIENCE = 3600.0

bundle = typer.Typer(no_args_is_help=True, help="Carry plugins as one file to a site without network.")


@bundle.command("export")
def export_bundle(
    plugins: Annotated[list[str], typer.Argument(metavar="ID...", help="Installed plugins.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    as_json: JsonOption = False,
) -> None:
    """Write what plugins were installed from, with their signatures, into one file.

    The other site judges it by its own policy, as if it had fetched it.
    """

    async def act(client: GatewayClient) -> None:
        # An image may have to be fetched before the first byte comes.
        size = await client.download(_PATH, output, query={"plugin": plugins}, patience=_PATIENCE)
        if as_json:
            print_json({"file": str(output), "bytes": size})
            return
        print_line(f"{output} holds {', '.join(plugins)}: {size} bytes.")
        print_line(f"At the other site: plugway bundle import {output.name}")

    run(act, as_json)


@bundle.command("import")
def import_bundle(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'plugway bundle export' wrote.")],
    plugins: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Only these plugins; all if left out.", show_default=False),
    ] = None,
    yes: YesOption = False,
    allow_downgrade: DowngradeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Install plugins from a file, without any network.

    Each is judged by this gateway's policy and shown with all that it may do: it is installed once
    you agree. Nothing is installed where one of them is refused.
    """
    only: dict[str, Any] = {"plugin": plugins} if plugins else {}
    if allow_downgrade:
        only["allowDowngrade"] = "true"

    async def act(client: GatewayClient) -> None:
        found = await client.upload(f"{_PATH}/preview", file, query=only)
        for index in [] if as_json else found["catalogues"]:
            print_line(f"Catalogue '{index['name']}', issued {index['issued']}: {index['words']}")
        consents = [_agreed(candidate, yes=yes, quiet=as_json) for candidate in found["plugins"]]
        answer = await client.upload(_PATH, file, query={**only, "consent": consents})
        if as_json:
            print_json(answer)
            return
        print_line(f"Installed: {', '.join(answer['installed'])}.")

    run(act, as_json)


def _agreed(found: Object, *, yes: bool, quiet: bool) -> str:
    if found["refusal"]:
        raise from_problem(found["refusal"].get("status", int(Exit.REFUSED)), found["refusal"])
    if not quiet:
        for line in candidate_lines(found):
            print_line(clean(line))
    confirm(f"{found['id']} {found['version']} is to be installed.", "Install it?", yes=yes)
    return str(found["releaseId"])
