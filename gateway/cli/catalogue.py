"""``plugway catalogue``: the catalogues that the gateway reads."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.catalogue_make import cosign, make
from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, YesOption, run
from gateway.cli.confirm import confirm
from gateway.cli.exits import Exit
from gateway.cli.output import ago, print_fields, print_json, print_line, print_table
from gateway.cli.trust_words import public_key

catalogue = typer.Typer(no_args_is_help=True, help="Read, and make, signed lists of plugins.")
catalogue.command()(make)
catalogue.command()(cosign)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The catalogue's name.")]


@catalogue.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A word of your own for it.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Of its index: https://host/index.json")],
    key: Annotated[
        list[str],
        typer.Option(
            help="The publisher's .pub file, or 'ed25519:...'; repeatable. It has to have come to you "
            "by another way than the catalogue."
        ),
    ],
    threshold: Annotated[
        int, typer.Option(min=1, max=16, help="How many different keys have to sign it.")
    ] = 1,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody now: 'plugway bundle import' brings its index.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read a catalogue from now on.

    It is taken only if its index can be fetched and is signed with the keys given. It lists plugins
    and makes none of them trusted: what is installed from it is judged by the policy.
    """

    async def act(client: GatewayClient) -> None:
        keys = [public_key(text).line for text in key]
        body = {"name": name, "url": url, "keys": keys, "threshold": threshold, "fetch": not offline}
        added = await client.call("POST", "/api/v1/catalogues", body)
        if as_json:
            print_json(added)
            return
        if offline:
            print_line(f"The catalogue {name} is in the list. Its index comes with: plugway bundle import")
            return
        print_line(f"The catalogue {name} is read from now on: {added['plugins']} plugins.")
        print_line("See them: plugway search --catalogue " + name)

    run(act, as_json)


@catalogue.command()
def remove(name: NameArgument, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Read a catalogue no more. What was installed from it stays."""

    async def act(client: GatewayClient) -> None:
        harm = f"The gateway forgets {name}, and which of its versions were seen."
        confirm(harm, f"{harm} Remove it?", yes=yes)
        await client.call("DELETE", f"/api/v1/catalogues/{quote(name, safe='')}")
        print_json({"removed": name}) if as_json else print_line(f"The catalogue {name} is removed.")

    run(act, as_json)


@catalogue.command("list")
def list_catalogues(as_json: JsonOption = False) -> None:
    """List the catalogues and how they stand."""

    async def act(client: GatewayClient) -> None:
        answer = await client.get("/api/v1/catalogues")
        if as_json:
            print_json(answer)
            return
        if answer["problem"]:
            print_line(f"problem: {answer['problem']}")
        rows = [
            (one["name"], one["plugins"], ago(one["fetchedAt"]), (one["expires"] or "")[:10], _state(one))
            for one in answer["catalogues"]
        ]
        if rows:
            print_table(("name", "plugins", "fetched", "expires", "reason"), rows)
        elif not answer["problem"]:
            print_line("There is none. Add one: plugway catalogue add NAME URL --key FILE.pub")

    run(act, as_json)


@catalogue.command()
def refresh(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="All of them if left out.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Fetch catalogues again now. Ends with 1 where one could not be, or is not taken."""

    async def act(client: GatewayClient) -> Exit:
        listed = await client.get("/api/v1/catalogues")
        names = [name] if name else [one["name"] for one in listed["catalogues"]]
        looked = [
            await client.call("POST", f"/api/v1/catalogues/{quote(one, safe='')}/refresh") for one in names
        ]
        if as_json:
            print_json({"catalogues": looked})
        elif not looked:
            print_line("There is none. Add one: plugway catalogue add NAME URL --key FILE.pub")
        for one in [] if as_json else looked:
            _tell(one)
        return Exit.FAILED if any(one["problem"] for one in looked) else Exit.OK

    run(act, as_json)


def _tell(one: dict[str, Any]) -> None:
    if not one["problem"]:
        print_line(f"{one['name']}: {one['plugins']} plugins, serial {one['serial']}.")
        return
    print_line(f"{one['name']}: {one['problem']}")
    kept = f"what was fetched {ago(one['fetchedAt'])} ago stays" if one["serial"] else ""
    print_fields([("  what to do", one["hint"]), ("  meanwhile", kept)])


def _state(one: dict[str, Any]) -> str:
    if one["expired"]:
        return "expired: nothing is installed from it" + (f"; {one['problem']}" if one["problem"] else "")
    return str(one["problem"] or "well")
