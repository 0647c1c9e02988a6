"""``plugway backup``: the registry and all that it refers to, as one file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.local import local_settings
from gateway.cli.output import print_json, print_line
from gateway.cli.whole_file import writing_whole


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Write the registry of this machine's PLUGWAY_HOME and all that it refers to into one file.

    A gateway may run meanwhile: the copy is of one moment. In it are installed plugins with their locks,
    settings and version floors, tokens (as digests), the audit log, the policy, catalogues, pages,
    packages and images that were fetched.

    No key is in it. Secrets are in it sealed, and keys/secrets.key of the home directory opens them:
    keep a copy of that file in another place than the backup. Private keys of TLS, the admin token
    and the data of plugins (data/) are not in it either.
    """
    raise typer.Exit(guarded(lambda: _write(file, as_json), as_json))


def _write(file: Path, as_json: bool) -> None:
    from gateway.backup.write import database_file, write_backup  # needed by no other command

    settings = local_settings()
    database = database_file(settings.database)
    with writing_whole(file, mode=0o600) as out:
        hashed = _Hashed(out)
        manifest = write_backup(settings.home.resolve(), database, hashed)  # type: ignore[arg-type]
    digest = f"sha256:{hashed.sha256.hexdigest()}"
    if as_json:
        told = {"file": str(file), "bytes": hashed.size, "digest": digest, "revision": manifest.revision}
        print_json(told)
        return
    print_line(f"{file} holds {len(manifest.files)} files, {hashed.size} bytes: {digest}")
    print_line(f"Keep {settings.home / 'keys' / 'secrets.key'} in another place: it opens the secrets in it.")


class _Hashed:
    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, part: bytes) -> int:
        self.sha256.update(part)
        self.size += len(part)
        return self._out.write(part)

    def tell(self) -> int:
        return self.size
