"""``plugway token``: ways to sign in, and tokens for programs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, run
from gateway.cli.output import ago, print_json, print_line, print_table

token = typer.Typer()

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@token.callback(invoke_without_command=True)
def _token(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Make a sign-in link for a browser; make, list and revoke tokens."""
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


@token.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will have it.", show_default=False)],
    role: Annotated[str, typer.Option("--role", help="viewer, operator or admin.")] = "",
    grant: Annotated[
        list[str] | None,
        typer.Option("--grant", metavar="PLUGIN=ROLE", help="viewer, user, operator or admin of one plugin."),
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long it holds, such as 12h, 30d; or never.")
    ] = "90d",
    as_json: JsonOption = False,
) -> None:
    """Make a token. Its secret is printed this once."""
    until = _until(expires)
    wanted = {"name": name, "role": role, "grants": dict(map(_grant, grant or []))}

    async def act(client: GatewayClient) -> None:
        made = await client.call("POST", "/api/v1/tokens", {**wanted, "expiresAt": until})
        if as_json:
            print_json(made)
        else:
            # Alone on stdout, so that a script can keep it.
            print_line(str(made["secret"]))

    run(act, as_json)


@token.command("list")
def list_tokens(as_json: JsonOption = False) -> None:
    """List tokens. Their secrets are nowhere."""

    async def act(client: GatewayClient) -> None:
        answer = await client.get("/api/v1/tokens")
        if as_json:
            print_json(answer)
        elif answer["tokens"]:
            head = ("name", "role", "grants", "expires", "used", "by", "id")
            print_table(head, map(_row, answer["tokens"]))
        else:
            print_line("There is no token but the one in PLUGWAY_HOME. Make one: plugway token create NAME")

    run(act, as_json)


@token.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name or id.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Make a token worthless, at once."""

    async def act(client: GatewayClient) -> None:
        await client.call("DELETE", f"/api/v1/tokens/{quote(name, safe='')}")
        if as_json:
            print_json({"revoked": name})
        else:
            print_line(f"The token {name} is revoked.")

    run(act, as_json)


def _row(shown: dict[str, Any]) -> tuple[str, ...]:
    grants = ", ".join(f"{plugin}={role}" for plugin, role in shown["grants"].items())
    expires = "expired" if shown["expired"] else (shown["expiresAt"] or "never")[:16]
    used = f"{ago(shown['usedAt'])} ago" if shown["usedAt"] else "never"
    return (
        shown["name"],
        shown["role"] or "-",
        grants or "-",
        expires,
        used,
        shown["createdBy"],
        shown["id"],
    )


def _grant(text: str) -> tuple[str, str]:
    plugin, _, role = text.partition("=")
    if not plugin or not role:
        raise typer.BadParameter("write it as PLUGIN=ROLE, such as notes=user", param_hint="--grant")
    return plugin, role


def _until(text: str) -> str | None:
    """The moment that ``text`` from now is; None for never."""
    if text == "never":
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", text)
    if not found:
        raise typer.BadParameter("write 30m, 12h, 30d, 8w or never", param_hint="--expires")
    return (datetime.now(UTC) + timedelta(**{_UNITS[found[2]]: int(found[1])})).isoformat()
