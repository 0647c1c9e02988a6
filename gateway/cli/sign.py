"""``plugway sign``: vouch for a release, so that gateways that trust the key will run it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.model import UiType

_DIRECTORY_SAYS = "plugway.toml says it for a directory"


def sign(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHAT...",
            help="A plugin's directory, a package (.tgz, .zip), a page that is one ES module (.js), or an "
            "image (NAME@sha256:...).",
            show_default=False,
        ),
    ] = None,
    *,
    key: Annotated[
        list[Path],
        typer.Option("--key", help="A private key's file; may be repeated.", show_default=False),
    ],
    id_: Annotated[
        str, typer.Option("--id", help=f"The plugin's id; {_DIRECTORY_SAYS}.", show_default=False)
    ] = "",
    version: Annotated[str, typer.Option(help=f"Its version; {_DIRECTORY_SAYS}.", show_default=False)] = "",
    ui: Annotated[
        Path | None,
        typer.Option(
            help="A directory with UI files that are fetched one by one, or handed out by the plugin.",
            show_default=False,
        ),
    ] = None,
    export: Annotated[
        str,
        typer.Option(
            help="What the module exports as its page, where definitions name it as remoteComponent.",
            show_default=False,
        ),
    ] = "",
    ui_type: Annotated[
        UiType | None, typer.Option(help=f"Its kind of UI; {_DIRECTORY_SAYS}.", show_default=False)
    ] = None,
    egress: Annotated[
        list[str] | None,
        typer.Option(help=f"host:port it may connect to; repeatable; {_DIRECTORY_SAYS}.", show_default=False),
    ] = None,
    volume: Annotated[
        list[str] | None,
        typer.Option(help=f"A volume that it keeps; repeatable; {_DIRECTORY_SAYS}.", show_default=False),
    ] = None,
    csp: Annotated[
        list[str] | None,
        typer.Option(
            help="What its page may load from elsewhere, as img-src=https://host, media-src=... "
            f"or frame-src=...; repeatable; {_DIRECTORY_SAYS}.",
            show_default=False,
        ),
    ] = None,
    contract: Annotated[
        str, typer.Option(help="Digest of its contract, sha256:...", show_default=False)
    ] = "",
    expires: Annotated[
        str,
        typer.Option(help="No installs from then on: 2027-01-31, a time in UTC, or 90d.", show_default=False),
    ] = "",
    cosign: Annotated[
        Path | None,
        typer.Option(help="Add signatures to this envelope, if it is of the same files.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Where the envelope goes; ID-VERSION.intoto.json.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a release: every file of it, and what the plugin may do.

    Writes a DSSE envelope with an in-toto statement, which goes beside the release wherever that is
    offered. Nothing is uploaded. With --cosign a further key holder signs what was signed already,
    after a look at the same files.
    """

    def act() -> None:
        # What it needs takes longer to load than most commands take to run.
        from gateway.cli.sign_release import Options, sign_release

        said = Options(
            what=what or [],
            keys=key,
            id=id_,
            version=version,
            ui=ui,
            export=export,
            ui_type=ui_type,
            egress=egress or [],
            volumes=volume or [],
            csp=csp or [],
            contract=contract,
            expires=expires,
            cosign=cosign,
            output=output,
        )
        sign_release(said, as_json)

    raise typer.Exit(guarded(act, as_json))
