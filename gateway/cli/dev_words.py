"""What ``plugway dev`` shows: the plugin's lines, and what is done to it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from gateway.cli.output import clean, print_json

_LEVELS = {"debug": "dim", "warning": "yellow", "error": "red", "critical": "bold red"}
_TOLD = ("at", "level", "message", "logger", "error")


class Shown:
    """On a terminal with colours; with ``as_json`` one object a line, for programs."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)

    def word(self, text: str) -> None:
        """What this program does."""
        if self._as_json:
            return print_json({"kind": "dev", "text": text})
        return self._print(Text.assemble(("dev  ", "bold cyan"), clean(text)))

    def page(self, name: str, url: str) -> None:
        if self._as_json:
            return print_json({"kind": name, "text": url})
        return self._print(Text.assemble((f"{name:<11}", "bold"), clean(url)))

    def line(self, text: str) -> None:
        """What the plugin printed."""
        if self._as_json:
            return print_json({"kind": "log", "text": text})
        entry = _entry(text)
        if entry is None:
            return self._print(Text(clean(text)))
        level = str(entry.get("level", "")).lower()
        more = [
            f"{key}={value}" for key, value in entry.items() if key not in _TOLD and value not in (None, "")
        ]
        words = " ".join([str(entry["message"]), *more])
        self._print(
            Text.assemble(
                (_clock(entry.get("at")), "dim"),
                (f"{level.upper():<8}", _LEVELS.get(level, "green")),
                clean(words),
            )
        )
        for told in str(entry.get("error") or "").splitlines():
            self._print(Text(f"    {clean(told)}", "red"))
        return None

    def _print(self, text: Text) -> None:
        self._console.print(text)
        self._console.file.flush()


def _entry(text: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "message" in entry else None


def _clock(at: Any) -> str:
    try:
        return f"{datetime.fromisoformat(str(at)).astimezone():%H:%M:%S} "
    except ValueError:
        return ""
