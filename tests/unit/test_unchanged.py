from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.unchanged import Unchanged


class Bed:
    """Two files that are right while they begin with "good"; counts how often they were read."""

    def __init__(self, root: Path, settled: float = -1) -> None:
        self.root, self.settled, self.reads = root / "files", settled, 0
        self.memory = root / "unchanged.json"
        self.root.mkdir()
        for name in ("a", "b"):
            (self.root / name).write_text("good")
        self.again()

    def again(self) -> None:
        self.unchanged = Unchanged(self.memory, self.settled)

    def check(self) -> bool:
        self.reads += 1
        return all(path.read_text().startswith("good") for path in self.files())

    def files(self) -> list[Path]:
        return list(self.root.iterdir())

    def holds(self) -> bool:
        return self.unchanged.holds("files", self.files, self.check)


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    return Bed(tmp_path)


def test_files_are_read_once_over_restarts(bed: Bed) -> None:
    for _ in range(3):
        assert bed.holds()
        bed.again()
    assert bed.reads == 1
    assert bed.memory.stat().st_mode & 0o777 == 0o600


def with_the_old_time(path: Path) -> None:
    before = path.stat()
    path.write_text("evil")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("evil")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


CHANGES: list[Callable[[Path], object]] = [
    lambda path: path.write_text("evil"),
    with_the_old_time,
    replaced,
    lambda path: path.with_name("c").write_text("evil"),
]


@pytest.mark.parametrize(
    "change", CHANGES, ids=["written", "written, its time set back", "replaced", "added"]
)
def test_a_change_is_seen(bed: Bed, change: Callable[[Path], object]) -> None:
    assert bed.holds()
    change(bed.root / "b")
    assert not bed.holds()
    assert not bed.holds()
    assert bed.reads == 3


@pytest.mark.parametrize(
    "change", [lambda path: path.unlink(), lambda path: path.chmod(0o755)], ids=["gone", "mode"]
)
def test_what_differs_is_read_again(bed: Bed, change: Callable[[Path], object]) -> None:
    assert bed.holds()
    change(bed.root / "b")
    assert bed.holds()
    assert bed.reads == 2


def test_files_that_have_just_changed_are_not_remembered(tmp_path: Path) -> None:
    bed = Bed(tmp_path, settled=3600)
    assert bed.holds()
    assert bed.holds()
    assert bed.reads == 2


def test_a_change_while_they_are_read_is_not_remembered(bed: Bed) -> None:
    def check() -> bool:
        right = bed.check()
        (bed.root / "a").write_text("good and new")
        return right

    assert bed.unchanged.holds("files", bed.files, check)
    assert bed.holds()
    assert bed.reads == 2


@pytest.mark.parametrize("found", ["", "[]", "{", '{"files": 1}'])
def test_a_memory_that_is_lost_costs_one_reading(bed: Bed, found: str) -> None:
    assert bed.holds()
    bed.memory.write_text(found)
    bed.again()
    assert bed.holds()
    assert bed.holds()
    assert bed.reads == 2


def test_a_memory_that_cannot_be_written_is_no_failure(bed: Bed) -> None:
    bed.memory.mkdir()
    bed.again()
    assert bed.holds()
