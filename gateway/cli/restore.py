"""``plugway restore``: a home directory as it was backed up."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.exits import Exit, failure
from gateway.cli.local import local_settings
from gateway.cli.output import print_json, print_line


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What 'plugway backup' wrote.", show_default=False)
    ],
    key: Annotated[
        Path | None,
        typer.Option(help="The keys/secrets.key of the home that was backed up.", show_default=False),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of what is in the home directory.")
    ] = False,
    digest: Annotated[
        str, typer.Option(metavar="sha256:...", help="Only a file with this digest.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Put a backup into this machine's PLUGWAY_HOME, which has to be empty, and no gateway run on it.

    All of it is checked first: the digest of every file, the database, its version, and that the key
    opens its secrets (--key; without, the key that lies in the home). Then it is restored as a whole:
    interrupted at any point, the home is as it was, or becomes what was restored when it is opened next.

    Keys, the admin token and the data of plugins (data/) are in no backup: those in the home stay.
    """
    raise typer.Exit(guarded(lambda: _restore(file, key, digest, as_json, replace=replace), as_json))


def _restore(file: Path, key: Path | None, digest: str, as_json: bool, *, replace: bool) -> None:
    from gateway.backup.restore import restore_backup  # needed by no other command

    settings = local_settings()
    if settings.database_url:
        raise failure(
            Exit.USAGE,
            "PLUGWAY_DATABASE_URL names a registry outside of the home directory, which is what is restored.",
            "Leave it out, or restore that database by its own means.",
        )
    if not file.is_file():
        raise failure(Exit.USAGE, f"{file} cannot be read: there is no such file.")
    if digest and digest != (found := _digest(file)):
        raise failure(Exit.REFUSED, f"{file} has the digest {found}.", "Take another copy of the backup.")
    manifest = restore_backup(settings.home, file, key=key, replace=replace)
    if as_json:
        print_json({"home": str(settings.home), "files": len(manifest.files), "created": manifest.created})
        return
    print_line(f"{settings.home} is as it was at {manifest.created}: {len(manifest.files)} files.")
    print_line("Start the gateway: plugway serve")


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
