"""Files that are there whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gateway.durable import write_whole, writing_whole


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "file"
    for content in (b"before", b"after"):
        write_whole(target, content)
    assert target.read_bytes() == b"after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    write_whole(target, b"for all", 0o644)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_there_stays_where_it_must_not_be_replaced(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_whole(target, b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(target, b"second", replace=False)
    assert target.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_is_left_of_what_was_broken_off(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_whole(target, b"before")

    def broken_off() -> None:
        with writing_whole(target) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken_off()
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]
