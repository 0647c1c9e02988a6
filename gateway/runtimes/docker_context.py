"""A build context: a Dockerfile and trees of files as one tar archive. All blocking."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

_LEFT_OUT = {"__pycache__", ".git", ".venv", "node_modules", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


@dataclass(frozen=True, slots=True)
class Context:
    """``trees`` maps names in the context to directories; links in them are left out."""

    dockerfile: str
    trees: Mapping[str, Path]

    def write(self, out: IO[bytes]) -> None:
        """The same bytes for the same input, so that the engine's cache holds."""
        with tarfile.open(fileobj=out, mode="w") as archive:
            content = self.dockerfile.encode()
            archive.addfile(_member("Dockerfile", len(content)), BytesIO(content))
            for name, root in self.trees.items():
                for path in _files(root):
                    facts = path.stat()
                    member = _member(
                        f"{name}/{path.relative_to(root).as_posix()}",
                        facts.st_size,
                        executable=bool(facts.st_mode & 0o100),
                    )
                    with path.open("rb") as file:
                        archive.addfile(member, file)


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.name in _LEFT_OUT or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _member(name: str, size: int, *, executable: bool = False) -> tarfile.TarInfo:
    """A plain file of root's, of no date. ``gettarinfo`` would make links of files with several names."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o755 if executable else 0o644
    return info
