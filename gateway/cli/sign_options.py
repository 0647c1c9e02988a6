"""What ``plugway sign`` is told on its command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from gateway.model import UiType

_DIRECTORY_SAYS = "plugway.toml says it for a directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Empty where nothing was said."""

    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...",
            help="A plugin's directory, a package (.tgz, .zip), a page that is one ES module (.js), or an "
            "image (NAME@sha256:...).",
            show_default=False,
        ),
    ] = field(default_factory=list)
    keys: Annotated[
        list[Path],
        typer.Option("--key", help="A private key's file; may be repeated.", show_default=False),
    ]
    id: Annotated[str, typer.Option(help=f"The plugin's id; {_DIRECTORY_SAYS}.", show_default=False)] = ""
    version: Annotated[str, typer.Option(help=f"Its version; {_DIRECTORY_SAYS}.", show_default=False)] = ""
    ui: Annotated[
        Path | None,
        typer.Option(
            help="A directory with UI files that are fetched one by one, or handed out by the plugin.",
            show_default=False,
        ),
    ] = None
    export: Annotated[
        str,
        typer.Option(
            help="What the module exports as its page, where definitions name it as remoteComponent.",
            show_default=False,
        ),
    ] = ""
    ui_type: Annotated[
        UiType | None, typer.Option(help=f"Its kind of UI; {_DIRECTORY_SAYS}.", show_default=False)
    ] = None
    egress: Annotated[
        list[str],
        typer.Option(help=f"host:port it may connect to; repeatable; {_DIRECTORY_SAYS}.", show_default=False),
    ] = field(default_factory=list)
    volumes: Annotated[
        list[str],
        typer.Option(
            "--volume", help=f"A volume that it keeps; repeatable; {_DIRECTORY_SAYS}.", show_default=False
        ),
    ] = field(default_factory=list)
    csp: Annotated[
        list[str],
        typer.Option(
            help="What its page may load from elsewhere, as img-src=https://host, media-src=... "
            f"or frame-src=...; repeatable; {_DIRECTORY_SAYS}.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    contract: Annotated[str, typer.Option(help="Digest of its contract, sha256:...", show_default=False)] = ""
    expires: Annotated[
        str,
        typer.Option(help="No installs from then on: 2027-01-31, a time in UTC, or 90d.", show_default=False),
    ] = ""
    cosign: Annotated[
        Path | None,
        typer.Option(help="Add signatures to this envelope, if it is of the same files.", show_default=False),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Where the envelope goes; ID-VERSION.intoto.json.", show_default=False
        ),
    ] = None
