"""Write a new plugin into a directory: wholly or not at all. All blocking."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway.authoring.templates import Language, filled, languages
from gateway.errors import BadInput
from gateway.model import PLUGIN_ID
from gateway.settings import shipped_root
from gateway.sources.manifest_file import FILE, BadManifestFile, read_manifest_file

RULE = "2 to 63 lower-case letters, digits and hyphens, beginning with a letter"


class BadName(BadInput):
    """No plugin can be named so here."""

    key, title = "bad-plugin-name", "No plugin can be named so"


class UnknownLanguage(BadInput):
    """There is no template in it."""

    key, title = "unknown-language", "There is no template in this language"


class DirectoryTaken(BadInput):
    """Something is there already."""

    key, title = "directory-taken", "The directory is not empty"


class CannotWrite(BadInput):
    """The operating system refused."""

    key, title = "cannot-write-plugin", "The plugin could not be written"


@dataclass(frozen=True, slots=True)
class Written:
    """Shell commands: ``first`` has to be run before all else ("" for none), ``tests`` runs its tests."""

    id: str
    language: str
    directory: Path
    files: tuple[str, ...]
    tests: str
    first: str


def write_plugin(plugin_id: str, lang: str, parent: Path) -> Written:
    """Write ``parent/plugin_id``; raises the errors of this module."""
    language = language_named(lang)
    _check_name(plugin_id)
    directory = parent / plugin_id
    _check_free(directory)
    try:
        files = _write(directory, language, plugin_id)
    except OSError as error:
        raise CannotWrite(
            f"{error.filename or directory} cannot be written: {error.strerror or error}.",
            hint="Go to a directory of your own.",
        ) from error
    first, tests = (
        filled(said, language.values(plugin_id, plugin_id)) for said in (language.first, language.tests)
    )
    return Written(plugin_id, language.name, directory, files, tests, first)


def language_named(lang: str) -> Language:
    """Raises :class:`UnknownLanguage`. Blocking."""
    known = languages()
    if lang not in known:
        raise UnknownLanguage(
            f"There is no template in {lang!r}.",
            fields={"/lang": f"must be one of: {', '.join(known)}"},
            hint="docs/contract.md says what a plugin in any other language has to do.",
        )
    return known[lang]


def _check_name(plugin_id: str) -> None:
    if not PLUGIN_ID.fullmatch(plugin_id):
        raise BadName(f"{plugin_id!r} cannot name a plugin.", hint=f"A name is {RULE}.")
    if plugin_id in _shipped():
        raise BadName(
            f"A plugin {plugin_id!r} comes with every gateway, and would be taken in place of yours.",
            hint="Choose another name.",
        )


def _shipped() -> set[str]:
    places = shipped_root() / "plugin_services"
    found = set()
    for manifest in (*places.glob(f"*/{FILE}"), *places.glob(f"examples/*/{FILE}")):
        try:
            found.add(read_manifest_file(manifest.parent).id)
        except BadManifestFile:
            continue
    return found


def _check_free(directory: Path) -> None:
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise DirectoryTaken(
            f"{directory} is there already, and is no directory.", hint="Choose another name."
        )
    if directory.is_dir() and any(directory.iterdir()):
        raise DirectoryTaken(
            f"{directory} is there already, and not empty: nothing was written.", hint="Choose another name."
        )


def _write(directory: Path, language: Language, plugin_id: str) -> tuple[str, ...]:
    directory.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{plugin_id}-"))
    try:
        names = []
        for file in language.files(language.values(plugin_id, plugin_id)):
            path = aside / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            names.append(file.path)
        # mkdtemp made it for its owner alone.
        aside.chmod(0o755)
        # Takes the place of an empty directory, and fails on one that was filled meanwhile.
        aside.rename(directory)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return tuple(names)
