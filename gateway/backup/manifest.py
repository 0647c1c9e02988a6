"""What a backup says of itself: the last entry of an uncompressed tar, after the files by number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import BadInput
from gateway.file_names import unfit_names
from gateway.restoring import DATABASE, FILES, FOLDERS

MANIFEST = "manifest.json"
FORMAT = 1
MAX_FILES = 500_000
_MAX_BYTES = 256 * 2**20


class BadBackup(BadInput):
    """The file is no backup, or not what was written."""

    key, title = "bad-backup", "The backup does not hold"


class BackedUpFile(BaseModel):
    """``name`` is below the home directory; ``sha256`` in hexadecimal."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(max_length=1024)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    executable: bool = False


class Manifest(BaseModel):
    """``home`` is where it was, ``revision`` that of the database; ``files`` are in the order of numbers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal[1]
    plugway: str
    revision: str
    home: str
    created: str
    files: Annotated[list[BackedUpFile], Field(max_length=MAX_FILES)]


def file_name(number: int) -> str:
    """The entry of the file with that number, from 1 on."""
    return f"files/{number}"


def read_manifest(path: Path) -> Manifest:
    """Blocking; raises :class:`BadBackup`."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadBackup(f"Its {MANIFEST} is too large.")
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadBackup(f"It has no {MANIFEST}.", hint="'plugway backup' writes backups.") from None
    except (ValueError, RecursionError):
        raise BadBackup(f"Its {MANIFEST} is not JSON.") from None
    if isinstance(document, dict) and document.get("format") not in (FORMAT, None):
        raise BadBackup(
            f"It is of the format {str(document['format'])[:20]!r}; this Plugway reads {FORMAT}.",
            hint="Restore it with the Plugway that wrote it, or a newer one.",
        )
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False)[0]
        where = "/" + "/".join(str(part) for part in issue["loc"])
        raise BadBackup(f"Its {MANIFEST} does not hold at {where}: {issue['msg']}.") from None
    names = [file.name for file in manifest.files]
    if reason := unfit_names(names):
        raise BadBackup(f"Its names do not hold: {reason}.")
    if strange := [name for name in names if not _belongs(name)]:
        raise BadBackup(f"It holds {strange[0][:80]!r}, which no backup writes.")
    if DATABASE not in names:
        raise BadBackup("It holds no database.")
    return manifest


def _belongs(name: str) -> bool:
    top, slash, _ = name.partition("/")
    return top in FOLDERS if slash else name in FILES
