"""One line for each call, written by a thread of its own: a log that nobody reads holds up no call.

A line names the route template and never the path or the query, which may hold secrets.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from gateway.logs import Form, stamp
from gateway.proxy import unconfigured
from gateway.settings import Settings

MOST_WAITING = 10_000
"""Lines that wait to be written; more are lost, and counted."""

_PAUSE = 0.1
_AT_ONCE = 500


class Line(NamedTuple):
    """``seconds`` until the end of the answer, ``sent`` bytes of its body before it is compressed."""

    at: float
    request_id: str
    trace_id: str
    plugin: str
    release: str
    route: str
    method: str
    status: int
    seconds: float
    sent: int
    user: str
    reason: str = ""


class AccessLog:
    """``write`` takes whole lines, in the writing thread. ``all_calls``: not only failed ones."""

    def __init__(
        self, form: Form, all_calls: bool, write: Callable[[bytes], None], most: int = MOST_WAITING
    ) -> None:
        self.all_calls = all_calls
        self._format = _as_json if form == "json" else _as_text
        self._write = write
        self._most = most
        self._waiting: deque[Line | bytes] = deque()
        self._lost = 0
        self._wake = threading.Event()
        self._end = False
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, settings: Settings, write: Callable[[bytes], None] | None = None) -> AccessLog | None:
        """As the settings want it, to stderr where nothing else is said; None where it is off."""
        if settings.access_log == "off":
            return None
        return cls(settings.log, settings.access_log == "all", write or to_stderr)

    def add(self, line: Line | bytes) -> None:
        """One call, or lines that are made already."""
        if len(self._waiting) >= self._most:
            self._lost += 1
            return
        self._waiting.append(line)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
            self._thread.start()

    def close(self, within: float = 2.0) -> None:
        """Write what waits, for ``within`` seconds at most."""
        self._end = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(within)

    def _run(self) -> None:
        while not (self._end and not self._waiting):
            self._wake.wait(_PAUSE)
            while self._waiting:
                self._some()

    def _some(self) -> None:
        number = min(len(self._waiting), _AT_ONCE)
        lines = [self._made(self._waiting.popleft()) for _ in range(number)]
        if self._lost:
            lost, self._lost = self._lost, 0
            note = Line(
                time.time(), "", "", "", "", "", "", 0, 0.0, 0, "", f"{lost} lines of calls were lost"
            )
            lines.append(self._made(note))
        self._write(b"".join(lines))

    def _made(self, line: Line | bytes) -> bytes:
        return line if isinstance(line, bytes) else self._format(line).encode(errors="replace")


def to_stderr(lines: bytes) -> None:
    """Where nobody reads it, the lines are lost, and only their thread waits."""
    rest = memoryview(lines)
    while rest:
        try:
            rest = rest[os.write(sys.stderr.fileno(), rest) :]
        except BlockingIOError:
            time.sleep(_PAUSE)
        except (OSError, ValueError):
            return


def trim_stderr(most: int) -> None:
    """Let a file begin anew that has more than ``most`` bytes."""
    with suppress(OSError, ValueError):
        number = sys.stderr.fileno()
        found = os.fstat(number)
        if stat.S_ISREG(found.st_mode) and found.st_size > most:
            os.ftruncate(number, 0)


def _level(line: Line) -> str:
    if line.reason == unconfigured.WORDS:
        return "info"
    return "error" if line.status >= 500 else "warning" if line.reason else "info"


def _words(line: Line) -> str:
    if not line.status:
        return line.reason
    return f"{line.method} {line.plugin} {line.route} {line.status}" + (
        f": {line.reason}" if line.reason else ""
    )


def _as_json(line: Line) -> str:
    told: dict[str, object] = {
        "time": stamp(line.at), "level": _level(line), "logger": "gateway.access", "message": _words(line),
    }  # fmt: skip
    if line.status:
        told |= {
            "request_id": line.request_id, "trace_id": line.trace_id, "plugin": line.plugin,
            "release": line.release, "route": line.route, "method": line.method, "status": line.status,
            "duration_ms": round(line.seconds * 1000, 2), "bytes": line.sent, "user": line.user,
        }  # fmt: skip
    return json.dumps(told, ensure_ascii=False) + "\n"


def _as_text(line: Line) -> str:
    if not line.status:
        return f"{stamp(line.at)} {_level(line).upper()} {line.reason}\n"
    more = f"{line.seconds * 1000:.1f}ms {line.sent}B user={line.user or '-'} request_id={line.request_id}"
    trace = f" trace_id={line.trace_id}" if line.trace_id else ""
    said = f"{stamp(line.at)} {_level(line).upper()} {_words(line)} {more} release={line.release}{trace}"
    # A name of a user or a method is somebody else's word.
    return "".join(char if char.isprintable() else "?" for char in said) + "\n"
