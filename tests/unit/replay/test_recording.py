from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

# Here, as the command reads them inside the event loop, which in tests may not block.
import gateway.conformance.targets
import gateway.replay.plane  # noqa: F401
from gateway.cli.main import app
from gateway.replay.recording import BadRecording, read_recording

HEAD = {"plugway": "recording", "format": 1, "plugin": "notes", "version": "1.0.0", "release": "r", "of": "*"}
CALL = {
    "at": 1.0, "took": 0.1, "user": "ann", "role": "admin", "release": "r",
    "request": {
        "method": "PUT", "path": "/a", "query": "b=c", "headers": [["accept", "*/*"]],
        "body": {"size": 2, "sha256": "x", "base64": "/wA="},
    },
    "answer": {"status": 200, "headers": [["etag", "1"]], "body": {"size": 9, "sha256": "y"}},
    "cleared": ["answer"],
}  # fmt: skip
END = {"end": "enough", "calls": 1, "missed": 3}


def written(place: Path, *lines: object, rest: bytes = b"") -> Path:
    file = place / "recording.jsonl"
    file.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines) + rest)
    return file


def test_what_was_written_is_read(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path, HEAD, CALL, END))
    (call,) = recording.calls
    assert (recording.plugin, recording.end, recording.missed) == ("notes", "enough", 3)
    assert (call.line, call.target, call.body) == (2, "/a?b=c", b"\xff\x00")
    assert (call.answer.content, call.answer.headers) == (None, {"etag": "1"})
    assert call.cleared == {"answer"}


def test_a_line_that_was_cut_off_is_left_out_and_said(tmp_path: Path) -> None:
    half = json.dumps(CALL).encode()[:50]
    recording = read_recording(written(tmp_path, HEAD, CALL, rest=half))
    assert (len(recording.calls), recording.end) == (1, "")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "does not begin as a recording does"),
        ((CALL,), "does not begin as a recording does"),
        (({**HEAD, "format": 2},), "has the format 2"),
        ((HEAD, []), "Line 2"),
        ((HEAD, {"request": {}}), "lacks something"),
    ],
    ids=["empty", "headless", "newer", "list", "lacking"],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, lines: tuple[object, ...], said: str) -> None:
    with pytest.raises(BadRecording, match=said):
        read_recording(written(tmp_path, *lines))


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    file = str(written(tmp_path, HEAD, CALL, END))
    for words, code, said in (
        ((str(tmp_path / "nothing"),), 6, "cannot be read"),
        ((file, "somewhere", "--candidate"), 2, "no candidate"),
        ((file, "--runtime", "docker"), 2, "for a TARGET"),
        ((file, "./nowhere"), 4, "There is no directory"),
    ):
        answer = CliRunner().invoke(app, ["replay", *words])
        assert (answer.exit_code, said in answer.output) == (code, True), (words, answer.output)
    assert CliRunner().invoke(app, ["record", "notes", "--for", "2d"]).exit_code == 2
