"""The languages that a new plugin can be written in: one directory of template files each.

A file ``NAME.in`` becomes ``NAME``; ``@id@`` and its like are filled in, in paths too. ``@tests@`` in a
path is ``tests``, which a wheel would leave out under its own name. ``language.toml`` is about the rest. An
SDK that is in no registry goes along: for npm as the archive ``@sdk@``, else as a directory.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.authoring.npm_package import packed
from gateway.settings import shipped_root

_ABOUT = "language.toml"
_SUFFIX = ".in"
_VENDOR = "vendor"
_COPY = "plugway-sdk"
_GO_TEST = "_test.go"


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """``path`` is relative to the plugin's directory."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Language:
    """Shell commands: ``first`` has to be run before all else ("" for none), ``tests`` runs the tests."""

    key: str
    name: str
    root: Path
    package: str
    tests: str
    first: str = ""
    npm_sdk: str = ""
    """Below the directory of the SDKs, of one that npm packs; "" where they need not be packed."""
    copied_sdk: str = ""
    """The same of one whose files are copied, without its tests."""

    @property
    def sdk(self) -> Path:
        """Where this program keeps it: the Python one itself, others in directories of their own below."""
        return shipped_root() / "plugin_services" / "sdk" / (self.npm_sdk or self.copied_sdk)

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
        if self.npm_sdk:
            sdk = packed(self.sdk)
            values = {**values, "sdk": f"{_VENDOR}/{sdk.name}"}
            yield TemplateFile(values["sdk"], sdk.content)
        if self.copied_sdk:
            yield from _copied(self.sdk)
        for path in sorted(self.root.rglob(f"*{_SUFFIX}")):
            relative = path.relative_to(self.root).as_posix().removesuffix(_SUFFIX)
            text = filled(path.read_text(encoding="utf-8"), values)
            yield TemplateFile(filled(relative, values), text.encode())


def _copied(sdk: Path) -> Iterator[TemplateFile]:
    for path in sorted(sdk.rglob("*")):
        if path.is_file() and not path.name.endswith(_GO_TEST):
            yield TemplateFile(f"{_COPY}/{path.relative_to(sdk).as_posix()}", path.read_bytes())


def filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def languages() -> dict[str, Language]:
    """By the word that names each on the command line. Blocking."""
    found = {}
    for about in sorted((shipped_root() / "plugin_services" / "template").glob(f"*/{_ABOUT}")):
        said = tomllib.loads(about.read_text(encoding="utf-8"))
        key = about.parent.name
        found[key] = Language(key, root=about.parent, **said)
    return found
