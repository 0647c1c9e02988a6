"""The reader of documents notices what is not as they say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.documents import Part, Reader, fits


@pytest.mark.parametrize(
    ("wanted", "printed", "well"),
    [
        ("one\n", "one", True),
        ("one\ntwo\n", "zero\none\ntwo\nthree\n", True),
        ("one\ntwo\n", "one\nmore\ntwo\n", False),
        ("one\n...\ntwo\n", "one\nmore\nand more\ntwo\n", True),
        ("one\n...\ntwo\n", "two\none\n", False),
        ('{"count":...}\n', '{"count":12}\n', True),
        ("one\n", "no one\n", False),
        ("...\nit (holds).\n", "it (holds).\n", True),
        ("it (holds).\n", "it holdsX\n", False),
    ],
)
def test_what_a_document_says_is_printed(wanted: str, printed: str, *, well: bool) -> None:
    assert fits(wanted, printed) is well


async def test_commands_that_fail_and_changes_that_do_not_apply(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    assert await reader.run("echo one > a; cat a\n") == "one\n"
    with pytest.raises(AssertionError, match="ended with 1"):
        await reader.run("false\ntrue\n")
    await asyncio.to_thread(reader.change, Part("diff", "-one\n+two\n", "a"))
    assert await reader.run("cat a") == "two\n"
    with pytest.raises(AssertionError, match="has not once"):
        await asyncio.to_thread(reader.change, Part("diff", "-one\n+two\n", "a"))
