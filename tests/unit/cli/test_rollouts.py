"""A rollout in words and as a picture, from what the API says of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from rich.console import Console

from gateway.cli.exits import Exit
from gateway.cli.rollout_live import Picture
from gateway.cli.rollout_options import seconds, steps
from gateway.cli.rollout_words import (
    duration,
    entry_line,
    exit_of,
    heading,
    next_line,
    outcome,
    side_line,
    steps_text,
)

STEPS = [{"weight": 10, "seconds": 90.0}, {"weight": 50, "seconds": None}]


def side(version: str, weight: int, **more: Any) -> dict[str, Any]:
    return {"version": version, "weight": weight, "calls": 0, "errors": 0, "medianSeconds": 0.0} | more


def make(phase: str, *passed: str, **more: Any) -> dict[str, Any]:
    """A rollout in ``phase``, the last of those ``passed``."""
    began = datetime.now(UTC) - timedelta(seconds=30)
    timeline = [
        {"at": began.isoformat(), "phase": name, "step": 0, "reason": ""} for name in (*passed, phase)
    ]
    return {
        "id": "notes-0123abcd", "plugin": "notes", "phase": phase, "live": True, "reason": "",
        "strategy": "canary", "step": 0, "steps": STEPS, "heldFor": [], "approved": False,
        "isRollback": False, "changesSettings": False, "secondsLeft": None, "cut": 0, "timeline": timeline,
        "candidate": side("2.0.0", 10), "stable": side("1.0.0", 90),
    } | more  # fmt: skip


def drawn(*looks: dict[str, Any], encoding: str = "utf-8") -> str:
    picture = Picture()
    for look in looks:
        picture.take(look)
    file = io.TextIOWrapper(io.BytesIO(), encoding)
    console = Console(file=file, width=120, color_system=None, legacy_windows=False)
    console.print(picture)
    file.seek(0)
    return file.read()


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90.0), ("0", 0.0), ("45s", 45.0), ("1.5m", 90.0), ("1h30m", 5400.0)]
)
def test_times_are_read(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "s", "-1", "1d", "1 m", "hold", "1h30", "1e3", "٣s\n"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no time"):
        seconds(text)


def test_steps_are_written_as_they_are_read() -> None:
    assert steps(" 10:90s, 50:hold") == STEPS
    assert steps_text(steps("10:90s,50:hold")) == "10:1m30s,50:hold"
    assert [duration(s) for s in (0.5, 59, 60, 3600, 3661, 7.0, 90.5)] == [
        "0.5s", "59s", "1m", "1h", "1h1m1s", "7s", "90.5s",
    ]  # fmt: skip


def test_lines_say_what_happens() -> None:
    rollout = make("canary", "starting")
    assert heading(rollout) == "notes 1.0.0 > 2.0.0, canary"
    assert entry_line(rollout, rollout["timeline"][0]).endswith("starting         2.0.0 starts beside 1.0.0")
    assert entry_line(rollout, rollout["timeline"][1]).endswith(
        "canary 1/2       10 % of new sessions go to 2.0.0 for 1m30s"
    )
    measured = make("canary", candidate=side("2.0.0", 10, calls=7, errors=1, medianSeconds=0.004))
    assert side_line(measured).startswith("2.0.0: 10 % of new sessions, 7 calls, 1 error, median 4 ms; 1.0.0")


@pytest.mark.parametrize(
    ("rollout", "said"),
    [
        (make("paused", heldFor=["route GET /x was removed"]), "Agree: plugway promote notes --yes"),
        (make("paused"), "Go on: plugway resume notes"),
        (make("paused", heldFor=["x"], approved=True), "Go on: plugway resume notes"),
        (make("rollback-paused"), "plugway abort notes --force"),
        (make("baking"), ""),
    ],
)
def test_what_waits_for_someone_says_what_to_do(rollout: dict[str, Any], said: str) -> None:
    assert next_line(rollout).startswith(said) or said in next_line(rollout)
    assert bool(next_line(rollout)) == bool(said)


@pytest.mark.parametrize(
    ("phase", "said", "code", "back_code"),
    [
        (
            "succeeded",
            "notes is at 2.0.0. Cut, as they outlasted the drain: 2 calls.",
            Exit.OK,
            Exit.TAKEN_BACK,
        ),
        ("rolled-back", "notes is back at 1.0.0. Why.", Exit.TAKEN_BACK, Exit.OK),
        ("superseded", "notes stays at 1.0.0", Exit.TAKEN_BACK, Exit.TAKEN_BACK),
        ("rollback-paused", "waits for a decision. Why.", Exit.TAKEN_BACK, Exit.TAKEN_BACK),
    ],
)
def test_the_end_in_a_sentence_and_a_code(phase: str, said: str, code: Exit, back_code: Exit) -> None:
    rollout = make(phase, reason="Why.", cut=2)
    assert said in outcome(rollout)
    assert exit_of(rollout) is code
    assert exit_of(rollout, back=True) is back_code
    assert exit_of({**rollout, "phase": "succeeded", "isRollback": True}, back=True) is Exit.OK


def test_the_picture_of_a_step() -> None:
    shown = drawn(make("canary", "starting", "verifying", secondsLeft=30.0))
    assert "✓ starting  ✓ verifying  ● canary 1/2  · promoting  · baking" in shown
    assert "s left" in shown
    assert "10 % of new sessions go to 2.0.0 for 1m30s" in shown


def test_the_picture_of_a_pause_is_where_it_paused() -> None:
    assert "● canary 1/2, paused" in drawn(make("paused", "starting", "verifying", reason="hold"))
    waits = make("paused", "verifying", heldFor=["route GET /x was removed"], candidate=side("2.0.0", 0))
    held = drawn(waits)
    assert "● verifying, paused" in held
    assert "- route GET /x was removed" in held


def test_the_picture_of_a_way_back_keeps_the_numbers() -> None:
    measured = make("aborting", "canary", candidate=side("2.0.0", 0, calls=40, errors=9))
    ended = make("rolled-back", "canary", "aborting", live=False, reason="9 of 40 calls failed.")
    shown = drawn(measured, ended)
    assert "● rolled-back" in shown
    assert "promoting" not in shown
    assert "40" in shown
    assert "9 of 40 calls failed." in shown
    assert "Ctrl-C" not in shown


def test_the_picture_on_a_terminal_without_signs() -> None:
    assert "x starting  > canary 1/2  - promoting" in drawn(
        make("canary", "starting"), encoding="ascii"
    ).replace("- verifying  ", "")


def test_others_text_does_not_steer_the_picture() -> None:
    assert "\x1b" not in drawn(make("paused", "verifying", reason="a\x1b[31mb", heldFor=["c\x1b]0;d\x07"]))
