"""``plugway key``: keys to sign releases with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.output import print_fields, print_json, print_line
from gateway.cli.trust_words import either_key, new_passphrase
from gateway.trust.keys import PublicKey, write_pair
from gateway.trust.keys import generate as new_key

key = typer.Typer(no_args_is_help=True, help="Make and show keys to sign releases with.")


@key.command()
def generate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes; mode 0600.")],
    encrypt: Annotated[
        bool,
        typer.Option(
            "--encrypt", help="With a passphrase: asked for, a line of stdin, or PLUGWAY_KEY_PASSPHRASE."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make an Ed25519 key: FILE, and FILE.pub to hand out.

    A file that is there is never overwritten.
    """

    def act() -> None:
        made = new_key()
        public = write_pair(made, file, new_passphrase() if encrypt else "")
        if as_json:
            print_json({**_told(made.public), "private": str(file), "publicFile": str(public)})
            return
        print_line(f"Made the key {made.public.id}.")
        print_line(f"  {file} signs: keep it to yourself{'' if encrypt else ' (it has no passphrase)'}.")
        print_line(f"  {public} is for those who are to trust it.")

    raise typer.Exit(guarded(act, as_json))


@key.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A private or public key's file.")],
    as_json: JsonOption = False,
) -> None:
    """Print a key's id and its public half."""

    def act() -> None:
        told = _told(either_key(file))
        if as_json:
            print_json(told)
        else:
            print_fields(told.items())

    raise typer.Exit(guarded(act, as_json))


def _told(public: PublicKey) -> dict[str, str]:
    return {"id": public.id, "public": public.line}
