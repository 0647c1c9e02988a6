"""``plugway registry``: logins to image registries, kept in this machine's PLUGWAY_HOME."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.connection import home
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_json, print_line
from gateway.errors import BadInput
from gateway.model import Login
from gateway.sources.oci_reference import SCHEME, Reference, parse_host, parse_reference

if TYPE_CHECKING:
    from gateway.registry.image_logins import ImageLogins

registry = typer.Typer(no_args_is_help=True, help="Logins to image registries.")

_HostArgument = Annotated[
    str,
    typer.Argument(metavar="HOST", help="Such as registry.example or localhost:5000.", show_default=False),
]
_MAX_PASSWORD = 8192


@registry.command()
def login(
    host: _HostArgument,
    username: Annotated[str, typer.Option("--username", "-u", help="The user.", show_default=False)],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password or token from stdin.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Store a login, encrypted. It is tried when an image is next asked for."""

    def act() -> None:
        name = _host(host)
        logins().put(name, Login(username=username, password=_password(password_stdin)))
        if as_json:
            print_json({"host": name, "username": username})
        else:
            print_line(f"The login of {username} for {name} is stored.")

    raise typer.Exit(guarded(act, as_json))


@registry.command()
def logout(host: _HostArgument, as_json: JsonOption = False) -> None:
    """Forget a login."""

    def act() -> None:
        name = _host(host)
        removed = logins().remove(name)
        if as_json:
            print_json({"host": name, "removed": removed})
        else:
            print_line(f"The login for {name} is forgotten." if removed else f"There is no login for {name}.")

    raise typer.Exit(guarded(act, as_json))


@registry.command("list")
def list_logins(as_json: JsonOption = False) -> None:
    """List the registries that a login is stored for. Passwords are never shown."""

    def act() -> None:
        users = logins().users()
        if as_json:
            print_json([{"host": name, "username": user} for name, user in users.items()])
        for name, user in {} if as_json else users.items():
            print_line(f"{name}  {user}")
        if not users and not as_json:
            print_line("No login is stored.")

    raise typer.Exit(guarded(act, as_json))


@registry.command()
def attach(
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="oci://host/name@sha256:...", show_default=False)
    ],
    envelope: Annotated[
        Path, typer.Argument(metavar="FILE", help="What plugway sign has written.", show_default=False)
    ],
    as_json: JsonOption = False,
) -> None:
    """Put a signature beside an image in its registry, where gateways look for it."""

    def act() -> None:
        reference = parse_reference(image if image.startswith(SCHEME) else f"{SCHEME}{image}")
        try:
            data = envelope.read_bytes()
        except OSError as error:
            raise failure(Exit.USAGE, f"{envelope} cannot be read: {error.strerror}.") from None
        digest = asyncio.run(_attach(reference, data))
        if as_json:
            print_json({"image": str(reference), "attached": digest})
        else:
            print_line(f"The signature is beside {reference}.")

    raise typer.Exit(guarded(act, as_json))


async def _attach(reference: Reference, envelope: bytes) -> str:
    from gateway.settings import Settings
    from gateway.sources.oci import OciSource
    from gateway.sources.oci_registry import open_registries

    settings = Settings.model_validate({})
    source = OciSource(open_registries(settings, logins().find))
    return await source.push_envelope(reference, envelope)


def logins() -> ImageLogins:
    """Those of PLUGWAY_HOME. What it takes is imported here: other commands must not wait for it."""
    from gateway.registry.image_logins import ImageLogins
    from gateway.registry.secrets import SecretCipher

    config = os.environ.get("PLUGWAY_DOCKER_CONFIG")
    cipher = SecretCipher(home() / "keys" / "secrets.key")
    return ImageLogins(home(), cipher, Path(config) if config else None)


def _host(text: str) -> str:
    try:
        return parse_host(text)
    except BadInput as error:
        raise failure(
            Exit.USAGE, f"{text!r} {error.fields['/sourceUrl']}.", "For instance registry.example."
        ) from None


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.read(_MAX_PASSWORD + 1).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise failure(
            Exit.USAGE, "There is nobody to ask for the password.", "Give it with --password-stdin."
        )
    return str(typer.prompt("Password", hide_input=True))
