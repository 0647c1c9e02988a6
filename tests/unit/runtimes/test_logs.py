from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.runtimes import logs
from gateway.runtimes.base import LogLine


def test_tail_gives_whole_lines_only(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"one\ntwo\nthree\nunfini")
    assert logs.read_tail(file, 2) == (["two", "three"], 14)
    assert logs.read_tail(file, 0) == ([], 14)
    assert logs.read_tail(file, 9, since=4) == (["two", "three"], 14)
    assert logs.read_tail(tmp_path / "none", 5) == ([], 0)


def test_tail_of_a_long_file_reads_over_blocks(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("".join(f"{number:0100}\n" for number in range(3000)))
    lines, _ = logs.read_tail(file, 1500)
    assert [int(line) for line in lines] == list(range(1500, 3000))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Traceback\nValueError: no\n", "ValueError: no"),
        ("said\n\n\n", "said"),
        ('{"at": 1, "message": "port is taken"}\n', "port is taken"),
        ("SyntaxError: no\n    at parse (node:x:1)\n\nNode.js v20.1.0\n", "SyntaxError: no"),
        ("thrown\n\nNode.js v20.1.0\n", "Node.js v20.1.0"),
        ("not finished", "not finished"),
        ("", ""),
        ("x" * 1000, "x" * 297 + "..."),
    ],
)
def test_last_words(tmp_path: Path, written: str, words: str) -> None:
    file = tmp_path / "log"
    file.write_text(written)
    assert logs.last_words(file) == words


def test_last_words_of_an_earlier_run_are_not_those_of_this(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("of before\n")
    assert logs.last_words(file, since=10) == ""


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ('{"at": 12.5}', 12.5),
        ('{"at": "1970-01-01T00:00:03+00:00"}', 3.0),
        ('{"at": []}', 0.0),
        ("{", 0.0),
        ("{}", 0.0),
        ("plain", 0.0),
    ],
)
def test_time_of_a_line(text: str, at: float) -> None:
    assert logs.parse_line(text) == LogLine(at=at, text=text)


def test_trim_keeps_the_last_half_in_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("ab") as writer:
        writer.write(b"0123456789\n" * 100)
        writer.flush()
        logs.trim(file, 10_000)
        assert file.stat().st_size == 1100
        logs.trim(file, 1000)
        kept = file.read_bytes()
        assert 400 < len(kept) <= 500
        assert set(kept.splitlines()) == {b"0123456789"}
        writer.write(b"more\n")
        writer.flush()
        assert file.read_bytes() == kept + b"more\n"
    logs.trim(tmp_path / "none", 1000)


async def test_follow_goes_on_over_truncation_and_waits_for_the_file(tmp_path: Path) -> None:
    file = tmp_path / "log"
    lines = logs.follow_file(file, tail=5, follow=True)
    coming = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    await asyncio.to_thread(file.write_text, "first line\n")
    assert (await asyncio.wait_for(coming, 5)).text == "first line"
    await asyncio.to_thread(file.write_text, "new\n")
    assert (await asyncio.wait_for(anext(lines), 5)).text == "new"
