"""``plugway token``: ways to sign in."""

from __future__ import annotations

import typer

from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, run
from gateway.cli.output import print_json, print_line

token = typer.Typer(no_args_is_help=True, help="Make sign-in links for browsers.")


@token.callback()
def _token() -> None:
    """Make sign-in links for browsers."""


@token.command()
def login(as_json: JsonOption = False) -> None:
    """Print a link that signs one browser in, once, within ten minutes."""

    async def act(client: GatewayClient) -> None:
        link = await client.call("POST", "/api/v1/login-links")
        if as_json:
            print_json(link)
        else:
            print_line(str(link["url"]))

    run(act, as_json)
