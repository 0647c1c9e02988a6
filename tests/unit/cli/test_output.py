"""What people read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from gateway.cli.exits import EXIT_HELP, Exit, from_error, from_problem
from gateway.cli.logs import readable
from gateway.cli.output import ago, clean, print_failure, print_fields, print_table
from gateway.errors import BadInput, Internal

STEERING = "a\x1b]0;title\x07b\x1b[31mred\u202ec\x00d\ne"


def test_others_text_does_not_steer_the_terminal() -> None:
    assert clean(STEERING) == "a]0;titleb[31mredcd e"
    assert clean("Übung 日本\t✓") == "Übung 日本\t✓"


def test_tables_are_whole_lines_for_grep(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "state", "reason"), [("notes", "unhealthy", "x" * 300), ("a", "healthy", "[b]z[/b]")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["ID", "STATE", "REASON"],
        ["notes", "unhealthy", "x" * 300],
        ["a", "healthy", "[b]z[/b]"],
    ]


def test_fields_without_a_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields((("id", "notes"), ("reason", ""), ("restarts", 0), ("page", None)))
    assert capsys.readouterr().out == "id        notes\nrestarts  0\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (61, "1m"), (7300, "2h"), (200_000, "2d"), (-50, "0s")]
)
def test_ago(seconds: float, text: str) -> None:
    assert ago((datetime.now(UTC) - timedelta(seconds=seconds + 0.2)).isoformat()) == text


def test_ago_of_the_unknown() -> None:
    assert ago(None) == ""


def line(text: str) -> dict[str, str]:
    return {"at": "2026-01-02T03:04:05.678000Z", "instance": "notes-1", "text": text}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "03:04:05 notes-1 plain words"),
        ('{"level": "info", "message": "up", "port": 5}', "03:04:05 notes-1 INFO up port=5"),
        ('{"not": "a log"}', '03:04:05 notes-1 {"not": "a log"}'),
        ("[1, 2]", "03:04:05 notes-1 [1, 2]"),
        ("\x1b[2Jgone", "03:04:05 notes-1 [2Jgone"),
    ],
)
def test_log_lines(text: str, shown: str) -> None:
    assert readable(line(text)) == shown


def test_a_log_line_without_a_time() -> None:
    assert readable({"at": None, "instance": "notes-1", "text": "x"}) == "notes-1 x"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Exit.REFUSED),
        (401, Exit.NOT_ALLOWED),
        (403, Exit.NOT_ALLOWED),
        (404, Exit.NOT_FOUND),
        (409, Exit.FAILED),
        (413, Exit.REFUSED),
        (422, Exit.REFUSED),
        (500, Exit.FAILED),
        (503, Exit.FAILED),
    ],
)
def test_exit_codes_follow_the_status(status: int, code: Exit) -> None:
    assert from_problem(status, {"detail": "x"}).code == code


def test_exit_codes_of_own_errors_and_their_help() -> None:
    assert from_error(BadInput("x")).code == Exit.REFUSED
    assert from_error(Internal("x")).code == Exit.FAILED
    for code in Exit:
        assert f"{int(code)} " in EXIT_HELP


def test_a_failure_says_fields_and_what_next(capsys: pytest.CaptureFixture[str]) -> None:
    problem = {
        "detail": "Refused.\x1b[31m",
        "hint": "Correct it.",
        "errors": [{"field": "/url", "message": "must be a URL"}],
    }
    told = from_problem(422, problem)
    print_failure(told, as_json=False)
    assert capsys.readouterr().err == "error: Refused.[31m\n  /url: must be a URL\n  Correct it.\n"
    print_failure(told, as_json=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err) == {**problem, "exit": 6}
