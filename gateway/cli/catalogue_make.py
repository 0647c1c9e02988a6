"""``plugway catalogue make | cosign``: for those who publish a catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import JsonOption, guarded

Keys = Annotated[
    list[Path], typer.Option("--key", help="A private key's file; may be repeated.", show_default=False)
]


def make(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Has catalogue.toml, ID/plugin.toml and ID/VERSION.json.", show_default=False
        ),
    ],
    *,
    key: Keys,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where the index goes; DIR/index.json.", show_default=False),
    ] = None,
    expires: Annotated[
        str,
        typer.Option(help="Until when it holds: a date, a time in UTC, or 30d.", show_default=False),
    ] = "",
    serial: Annotated[
        int, typer.Option(min=0, help="Its number, higher than before; by the clock if 0.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Make and sign a catalogue's index from the definitions in a directory.

    Put the directory on any web server. Gateways refuse an index that is older than one they have seen,
    or has expired: so make it anew before that, even where nothing changed.
    """

    def act() -> None:
        # Imported here, as most commands run for less time than it takes.
        from gateway.cli.catalogue_index import make_index

        make_index(directory, key, output, expires=expires, serial=serial, as_json=as_json)

    raise typer.Exit(guarded(act, as_json))


def cosign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An index that was signed already.")],
    *,
    key: Keys,
    as_json: JsonOption = False,
) -> None:
    """Add a signature to an index, for catalogues that need several keys. Look at what it says first."""

    def act() -> None:
        from gateway.cli.catalogue_index import cosign_index

        cosign_index(file, key, as_json=as_json)

    raise typer.Exit(guarded(act, as_json))
