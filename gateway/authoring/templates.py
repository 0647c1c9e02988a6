"""The languages that a new plugin can be written in: one directory of template files each.

A file ``NAME.in`` becomes ``NAME``; ``@id@`` and its like are filled in, in paths too. ``@tests@`` in a
path is ``tests``, which a wheel would leave out under its own name. ``language.toml`` is about the rest.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.settings import shipped_root

_ABOUT = "language.toml"
_SUFFIX = ".in"


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """``path`` is relative to the plugin's directory."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Language:
    """``tests`` is the shell command that runs the tests of what is written."""

    key: str
    name: str
    root: Path
    package: str
    tests: str

    def values(self, plugin_id: str, directory: str) -> dict[str, str]:
        """What stands for ``@name@`` and the others."""
        known = {
            "id": plugin_id,
            "id_": plugin_id.replace("-", "_"),
            "name": plugin_id.replace("-", " ").strip().capitalize(),
            "directory": directory,
            "tests": "tests",
        }
        return {**known, "package": filled(self.package, known)}

    def files(self, values: Mapping[str, str]) -> Iterator[TemplateFile]:
        """Blocking."""
        for path in sorted(self.root.rglob(f"*{_SUFFIX}")):
            relative = path.relative_to(self.root).as_posix().removesuffix(_SUFFIX)
            text = filled(path.read_text(encoding="utf-8"), values)
            yield TemplateFile(filled(relative, values), text.encode())


def filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def sdk_directory() -> Path:
    """Where the SDKs lie: the Python one itself, others in directories of their own below."""
    return shipped_root() / "plugin_services" / "sdk"


def languages() -> dict[str, Language]:
    """By the word that names each on the command line. Blocking."""
    found = {}
    for about in sorted((shipped_root() / "plugin_services" / "template").glob(f"*/{_ABOUT}")):
        said = tomllib.loads(about.read_text(encoding="utf-8"))
        key = about.parent.name
        found[key] = Language(key, said["name"], about.parent, said["package"], said["tests"])
    return found
