"""``plugway search``: find plugins that could be installed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, run
from gateway.cli.output import print_json, print_line, print_table

CatalogueOption = Annotated[
    str, typer.Option("--catalogue", help="Only from this catalogue.", show_default=False)
]


def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="All of them have to be in it.", show_default=False),
    ] = None,
    category: Annotated[str, typer.Option(help="Only of this category.", show_default=False)] = "",
    source: Annotated[
        str, typer.Option(help="Only from built-in, oci, cdn, npm or remote.", show_default=False)
    ] = "",
    catalogue: CatalogueOption = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Search the catalogues and the gateway's own plugins.

    Without words everything is listed. Catalogues are as they were fetched last.
    """

    async def act(client: GatewayClient) -> None:
        query = {"q": " ".join(words or []), "category": category, "source": source, "catalogue": catalogue}
        given = {name: text for name, text in query.items() if text}
        answer = await client.get("/api/v1/catalog", limit=limit, **given)
        if as_json:
            print_json(answer)
        elif answer["plugins"]:
            head = ("id", "version", "tier", "from", "publisher", "installed", "description")
            print_table(head, [_row(entry) for entry in answer["plugins"]])
            if more := answer["total"] - len(answer["plugins"]):
                print_line(f"and {more} more: give more words, or --limit")
        else:
            print_line("Nothing was found. See all there is: plugway search")

    run(act, as_json)


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    return (
        entry["id"],
        entry["version"],
        entry["tier"],
        entry["catalogue"] or entry["source"] or "",
        entry["publisher"],
        entry["installedVersion"] or ("yes" if entry["installed"] else ""),
        entry["problem"] or (f"withdrawn: {entry['yanked']}" if entry["yanked"] else entry["description"]),
    )
