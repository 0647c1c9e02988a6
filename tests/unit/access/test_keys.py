"""Secret files: made once, private, never overwritten."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.access.keys import SecretFileUnusable, read_or_make


def test_a_new_secret_is_private_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "admin.token"
    first = read_or_make(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(first) >= 43
    assert read_or_make(file) == first
    assert file.read_text().strip() == first


def test_an_operators_own_secret_is_used_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "admin.token"
    file.write_text("chosen-by-the-operator-2026\n")
    file.chmod(0o600)
    assert read_or_make(file) == "chosen-by-the-operator-2026"


def test_a_file_open_to_others_is_closed_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "admin.token"
    file.write_text("chosen-by-the-operator-2026\n")
    file.chmod(0o644)
    assert read_or_make(file) == "chosen-by-the-operator-2026"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "\n", "short", "é" * 40])
def test_an_unusable_secret_is_refused_not_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "admin.token"
    file.write_text(content)
    with pytest.raises(SecretFileUnusable) as refusal:
        read_or_make(file)
    assert file.read_text() == content
    assert "delete the file" in refusal.value.hint
    assert not content.strip() or content.strip() not in refusal.value.detail


def test_two_starts_at_once_agree(tmp_path: Path) -> None:
    for number in range(20):
        file = tmp_path / f"token-{number}"
        with ThreadPoolExecutor(4) as pool:
            found = [pool.submit(read_or_make, file) for _ in range(4)]
            assert len({one.result() for one in found}) == 1
    assert len(list(tmp_path.iterdir())) == 20
