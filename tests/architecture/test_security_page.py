"""docs/security.md names only tests that there are, and names every test of an attack."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text()
FILE = re.compile(r"`(\w+(?:/\w+)*/test_\w+\.py)`")
NAMED_IN_FULL = ("answers", "floods", "slow")


def named() -> list[tuple[str, str]]:
    """Files and tests, as the rows pair them; the file may be that of a row before."""
    found, file = [], ""
    for word in re.findall(r"`([^`]+)`", PAGE):
        if FILE.fullmatch(f"`{word}`"):
            file = word
        elif word.startswith("test_"):
            found.append((file, word))
    return found


def test_the_tests_that_it_names_exist() -> None:
    assert len(named()) > 50
    missing = [pair for pair in named() if not re.search(rf"def {pair[1]}\(", (TESTS / pair[0]).read_text())]
    assert missing == []


def test_the_files_that_it_names_exist() -> None:
    """Among the tests, or, with its whole path, among those of a plugin."""
    places = (TESTS, TESTS.parent)
    missing = [name for name in FILE.findall(PAGE) if not any((place / name).is_file() for place in places)]
    assert missing == []


def test_every_flood_slowness_and_answer_is_on_the_page() -> None:
    told = {name for _, name in named()}
    files = [TESTS / "security" / f"test_proxy_{name}.py" for name in NAMED_IN_FULL]
    there = {name for file in files for name in re.findall(r"def (test_\w+)\(", file.read_text())}
    assert there - told == set()
