"""What is to be signed: artefacts by their place, and the lock by options or ``plugway.toml``."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.cli.exits import Exit, failure
from gateway.cli.sign_options import Options
from gateway.cli.trust_words import read_csp
from gateway.model import DIGEST, UiType
from gateway.sources.manifest_file import FILE, read_manifest_file
from gateway.sources.module_files import is_export, module_files, module_subjects
from gateway.trust.statement import ReleaseLock
from gateway.trust.subjects import archive_subjects, directory_subjects, image_subjects, ui_subjects

_MODULES = (".js", ".mjs")
_IMAGE = re.compile(rf"(?:[^@\s]+@)?({DIGEST.pattern})")


def found_subjects(what: list[str], ui: Path | None, export: str = "") -> dict[str, str]:
    """Every artefact by name and digest. Blocking: reads all of them."""
    try:
        return _found_subjects(what, ui, export)
    except OSError as error:
        raise failure(Exit.USAGE, f"{error.filename} cannot be read: {error.strerror}.") from None


def _found_subjects(what: list[str], ui: Path | None, export: str) -> dict[str, str]:
    if not what and ui is None:
        raise failure(Exit.USAGE, "Sign what?", "Name a directory, a package or an image; see --help.")
    found: dict[str, str] = {}
    parts = [_subjects(word, export) for word in what]
    if export and not any(word.endswith(_MODULES) for word in what):
        raise failure(Exit.USAGE, "--export is of a page that is one module.", "Name the module: panel.js")
    if ui is not None:
        _require_directory(ui)
        parts.append(ui_subjects(ui))
    for part in parts:
        if twice := sorted(found.keys() & part.keys()):
            raise failure(
                Exit.USAGE,
                f"There are two artefacts of one kind: {twice[0]}.",
                "A release has at most one directory, one package and one image.",
            )
        found |= part
    return found


def described(said: Options, *, signed_at: datetime, expires: datetime | None) -> ReleaseLock:
    """The lock; what a directory's ``plugway.toml`` says need not be said, and must not be contradicted."""
    lock: dict[str, Any] = {
        "plugin": said.id,
        "version": said.version,
        "contract": said.contract,
        "ui_type": said.ui_type or UiType.NONE,
        "permissions": {"egress": said.egress, "volumes": said.volumes},
        "csp": read_csp(said.csp),
        "signed_at": signed_at,
        "expires": expires,
    }
    if directory := next((Path(word) for word in said.what if (Path(word) / FILE).is_file()), None):
        lock |= _of_directory(said, directory)
    for name in ("plugin", "version"):
        if not lock[name]:
            option = "--id" if name == "plugin" else "--version"
            raise failure(
                Exit.USAGE, f"Which {name} is it?", f"Add {option}; only a directory says it itself."
            )
    try:
        return ReleaseLock.model_validate(lock)
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False)[0]
        where = " ".join(str(part) for part in issue["loc"])
        raise failure(Exit.REFUSED, f"{where}: {issue['msg']}.", "See: plugway sign --help") from None


def _subjects(word: str, export: str) -> dict[str, str]:
    if image := _IMAGE.fullmatch(word):
        return image_subjects(image[1])
    path = Path(word)
    if path.is_dir():
        return directory_subjects(path)
    if word.endswith((".tgz", ".tar.gz", ".zip")):
        return archive_subjects(path)
    if word.endswith(_MODULES):
        if export and not is_export(export):
            raise failure(Exit.USAGE, f"'{export}' is no name that a module exports.", "As in: NotesPanel")
        return module_subjects(module_files(path.read_bytes(), export))
    raise failure(
        Exit.USAGE,
        f"'{word}' is no directory, no .tgz or .zip file, no module (.js), and no digest of an image.",
        "An image is named by digest, as tags move: NAME@sha256:...",
    )


def _of_directory(said: Options, directory: Path) -> dict[str, Any]:
    manifest = read_manifest_file(directory)
    csp = read_csp([origin.replace(" ", "=", 1) for origin in manifest.granted.origins])
    for option, given, written in (
        ("--id", said.id, manifest.id),
        ("--version", said.version, manifest.version),
        ("--ui-type", said.ui_type, manifest.ui_type),
        ("--egress", tuple(said.egress), manifest.granted.egress),
        ("--volume", tuple(said.volumes), manifest.granted.volumes),
        ("--csp", tuple(said.csp), tuple(f"{n}={o}" for n, found in csp.items() for o in found)),
    ):
        if given and given != written:
            told = ", ".join(written) if isinstance(written, tuple) else written
            raise failure(
                Exit.REFUSED,
                f"{directory / FILE} says '{told}', {option} something else.",
                f"Leave {option} out.",
            )
    return {
        "plugin": manifest.id,
        "version": manifest.version,
        "ui_type": manifest.ui_type,
        "permissions": {"egress": manifest.granted.egress, "volumes": manifest.granted.volumes},
        "csp": csp,
    }


def _require_directory(path: Path) -> None:
    if not path.is_dir():
        raise failure(Exit.USAGE, f"{path} is not a directory.", "Give the directory that holds the UI.")
