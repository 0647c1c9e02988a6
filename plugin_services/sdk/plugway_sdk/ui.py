"""The UI bundle as a stream of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from plugway.plugin.v1 import plugin_pb2

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_CHUNK = 256 * 2**10


KIT = "kit"
"""Directory of the bundle that holds the shared parts of pages, where a plugin asks for them."""


def kit_root() -> Path:
    """The shared parts: modules and one style sheet, described in the SDK's README."""
    return Path(__file__).parent / "web" / "ui"


def whole_bundle(root: Traversable, *, kit: bool) -> list[tuple[str, Traversable]]:
    """Every file by its path in the bundle, in order."""
    files = dict(bundle_files(root))
    if kit:
        files.update(bundle_files(kit_root(), f"{KIT}/"))
    return sorted(files.items())


def bundle_files(root: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    """Every file under ``root`` by its path in the bundle, in order; hidden ones are left out."""
    for entry in sorted(root.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from bundle_files(entry, f"{prefix}{entry.name}/")
        elif entry.is_file():
            yield prefix + entry.name, entry


def file_messages(path: str, content: bytes) -> Iterator[plugin_pb2.GetUiResponse]:
    digest = hashlib.sha256(content).digest()
    yield plugin_pb2.GetUiResponse(file=plugin_pb2.UiFile(path=path, size=len(content), sha256=digest))
    for at in range(0, len(content), _CHUNK):
        yield plugin_pb2.GetUiResponse(chunk=content[at : at + _CHUNK])
