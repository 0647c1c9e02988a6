"""Logs as one JSON object a line on stdout, with secrets masked and the call's id."""

from __future__ import annotations

import io
import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from plugway_sdk.context import current_message
from plugway_sdk.masking import Mask, log_mask

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_LONGEST_LINE = 64 * 2**10


class JsonFormatter(logging.Formatter):
    """One line a record: at (ISO 8601, UTC), level, logger, message, request_id, trace_id, error, extras."""

    def __init__(self, mask: Mask = log_mask) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        call = current_message.get()
        if call is not None and call.request_id:
            line["request_id"] = call.request_id
            if call.traceparent:
                line["trace_id"] = call.traceparent[3:35]
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        extras = {
            key: value for key, value in vars(record).items() if key not in _STANDARD and key not in line
        }
        # Our own names stay, even where a secret is as short as a part of one.
        masked = {key: self._mask.deep(value) for key, value in line.items()}
        return json.dumps(masked | self._mask.deep(extras), ensure_ascii=False)


class _PrintedLines(io.TextIOBase):
    """Takes what is printed and logs it line by line, so that it is masked like the rest."""

    def __init__(self, name: str, level: int) -> None:
        self._log = logging.getLogger(name)
        self._level = level
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        if len(self._rest) > _LONGEST_LINE:
            lines.append(self._rest)
            self._rest = ""
        for line in lines:
            if line.strip():
                self._log.log(self._level, "%s", line)
        return len(text)


def log_as_json(level: str) -> None:
    """Take over the process's logging, printing and last words. For processes of serve() only."""
    stdout: TextIO = sys.stdout
    handler = logging.StreamHandler(stdout)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.getLevelNamesMapping().get(level.upper(), logging.INFO))
    logging.captureWarnings(True)
    # A handler that cannot write must not print the record's arguments, unmasked, to stderr.
    logging.raiseExceptions = False
    sys.stdout = _PrintedLines("stdout", logging.INFO)
    sys.stderr = _PrintedLines("stderr", logging.WARNING)
    sys.excepthook = _last_words


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("plugway_sdk").critical(
        "the plugin ends: %s", kind.__name__, exc_info=(kind, error, trace)
    )
