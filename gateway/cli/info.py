"""``plugway info``: all that is known of a plugin that could be installed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gateway.cli.catalogue_words import SIGNATURES, permissions, place
from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_fields, print_json, print_line, print_table
from gateway.cli.rating_words import rating_words
from gateway.cli.search import CatalogueOption

_VERSIONS = 20


def info(plugin: PluginArgument, catalogue: CatalogueOption = "", as_json: JsonOption = False) -> None:
    """Show a plugin that could be installed: versions, permissions, who offers it."""

    async def act(client: GatewayClient) -> None:
        answer = await client.get(f"/api/v1/catalog/{quote(plugin, safe='')}")
        offers = [one for one in answer["offers"] if not catalogue or one["catalogue"] == catalogue]
        if not offers:
            places = " and ".join(place(one["catalogue"]) for one in answer["offers"])
            raise failure(
                Exit.NOT_FOUND, f"The catalogue {catalogue} has no {plugin}.", f"It is offered by {places}."
            )
        if as_json:
            print_json({**answer, "offers": offers})
            return
        for number, offer in enumerate(offers):
            if number:
                print_line()
            _show(offer)

    run(act, as_json)


def _show(offer: dict[str, Any]) -> None:
    print_fields(
        [
            ("name", offer["name"]),
            ("id", offer["id"]),
            ("from", place(offer["catalogue"])),
            ("tier", offer["tier"]),
            ("source", offer["source"] or "not known here"),
            ("publisher", offer["publisher"]),
            ("homepage", offer["homepage"]),
            ("categories", ", ".join(offer["categories"])),
            ("description", offer["description"]),
            ("version", offer["version"]),
            ("installed", offer["installedVersion"]),
            ("newer", offer["update"]),
            ("signature", SIGNATURES.get(offer["signature"], offer["signature"])),
            ("it may", permissions(offer["permissions"])),
            ("rating", rating_words(offer["rating"])),
            ("screenshots", len(offer["screenshots"]) or ""),
            ("problem", offer["problem"]),
        ]
    )
    print_line()
    shown = offer["details"][:_VERSIONS]
    rows = [
        (one["version"], (one["releasedAt"] or "")[:10], permissions(one["permissions"], ""), _remark(one))
        for one in shown
    ]
    print_table(("version", "released", "permissions", "description"), rows)
    if more := len(offer["details"]) - len(shown):
        print_line(f"and {more} older ones (--json shows all)")


def _remark(version: dict[str, Any]) -> str:
    if version["yanked"]:
        return f"withdrawn: {version['yanked']}"
    return str(version["problem"] or version["notes"]).partition("\n")[0]
