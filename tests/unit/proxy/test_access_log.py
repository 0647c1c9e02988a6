from __future__ import annotations

import json
import threading
import time

import pytest

from gateway.proxy.access_log import MOST_WAITING, AccessLog, Line
from gateway.settings import Settings

GOOD = Line(
    0.0, "req-12345678", "a" * 32, "notes", "r1", "/n/{id}", "GET", 200, 0.0123, 5, "ann\nINFO forged"
)


class Sink:
    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.text = b""

    def __call__(self, lines: bytes) -> None:
        self.open.wait(30)
        self.text += lines

    @property
    def lines(self) -> list[str]:
        return self.text.decode().splitlines()


def test_a_line_in_json_has_every_field() -> None:
    sink = Sink()
    log = AccessLog("json", True, sink)
    log.add(GOOD)
    log.add(GOOD._replace(status=503, reason="unhealthy"))
    log.close(30)
    good, bad = map(json.loads, sink.lines)
    assert good == {
        "time": "1970-01-01T00:00:00.000Z", "level": "info", "logger": "gateway.access",
        "message": "GET notes /n/{id} 200", "request_id": "req-12345678", "trace_id": "a" * 32,
        "plugin": "notes", "release": "r1", "route": "/n/{id}", "method": "GET",
        "status": 200, "duration_ms": 12.3, "bytes": 5,
        "user": "ann\nINFO forged",
    }  # fmt: skip
    assert (bad["level"], bad["message"]) == ("error", "GET notes /n/{id} 503: unhealthy")


def test_nobody_forges_a_line_of_text() -> None:
    sink = Sink()
    log = AccessLog("text", True, sink)
    log.add(GOOD)
    log.close(30)
    (line,) = sink.lines
    assert line.startswith(
        "1970-01-01T00:00:00.000Z INFO GET notes /n/{id} 200 12.3ms 5B user=ann?INFO forged "
    )


def test_a_log_that_nobody_reads_holds_up_nobody_and_stays_small() -> None:
    sink = Sink()
    sink.open.clear()
    log = AccessLog("json", True, sink)
    for _ in range(2 * MOST_WAITING):
        log.add(GOOD)
    assert len(log._waiting) <= MOST_WAITING
    sink.open.set()
    log.close(30)
    lost = [json.loads(line)["message"] for line in sink.lines if "lost" in line]
    assert lost
    assert len(sink.lines) - len(lost) + sum(int(words.split()[0]) for words in lost) == 2 * MOST_WAITING


@pytest.mark.parametrize("which", ["off", "errors", "all"])
def test_the_settings_say_which(which: str) -> None:
    log = AccessLog.of(Settings.model_validate({"access_log": which}))
    assert (log is None) if which == "off" else (log is not None and log.all_calls == (which == "all"))


def test_lines_come_soon_without_an_end() -> None:
    sink = Sink()
    log = AccessLog("text", True, sink)
    log.add(GOOD)
    end = time.monotonic() + 30
    while not sink.text and time.monotonic() < end:
        time.sleep(0.01)
    assert sink.lines
    log.close(30)
