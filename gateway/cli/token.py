"""``plugway token``: ways to sign in."""

from __future__ import annotations

import typer

from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, run
from gateway.cli.output import print_json, print_line

token = typer.Typer()


@token.callback(invoke_without_command=True)
def _token(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Make a sign-in link for a browser."""
    if ctx.invoked_subcommand is None:
        login(as_json)


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
