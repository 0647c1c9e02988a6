"""A directory as the archive that npm installs: what ``npm pack`` makes of it, without npm. All blocking."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ALWAYS = ("package.json", "README.md")


@dataclass(frozen=True, slots=True)
class NpmPackage:
    """``name`` is the archive's, as npm names it."""

    name: str
    content: bytes


def packed(directory: Path) -> NpmPackage:
    """The files that its ``package.json`` lists; the same bytes for the same files."""
    about = json.loads((directory / "package.json").read_text(encoding="utf-8"))
    archive = io.BytesIO()
    # Without a time: it would be another archive each time, and npm's lock files hold its digest.
    with (
        gzip.GzipFile(fileobj=archive, mode="wb", mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in _listed(directory, about["files"]):
            content = path.read_bytes()
            entry = tarfile.TarInfo(f"package/{path.relative_to(directory).as_posix()}")
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return NpmPackage(f"{about['name']}-{about['version']}.tgz", archive.getvalue())


def _listed(directory: Path, folders: list[str]) -> Iterator[Path]:
    yield from (directory / name for name in _ALWAYS)
    for folder in folders:
        yield from sorted(path for path in (directory / folder).rglob("*") if path.is_file())
