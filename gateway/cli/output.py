"""What the command line prints: tables for people, JSON for programs, errors on stderr."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.cli.exits import Failure

STATE_STYLE = {
    "healthy": "green",
    "starting": "yellow",
    "updating": "yellow",
    "unhealthy": "red",
    "quarantined": "bold red",
    "disabled": "dim",
}


def clean(text: object) -> str:
    """Text of others without what would steer the terminal; line breaks become spaces."""
    return "".join(
        char if char == "\t" or unicodedata.category(char)[0] != "C" else " " if char == "\n" else ""
        for char in str(text)
    )


def print_json(document: Any) -> None:
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(document, indent=indent, ensure_ascii=False), flush=True)


def print_line(text: str = "") -> None:
    print(text, flush=True)


_FOLDED = ("reason", "description", "found")


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, styled: int | None = None) -> None:
    """Columns for people; where stdout is no terminal, full width, for grep and awk.

    ``styled`` is the column that holds a plugin's state.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in head:
        table.add_column(name.upper(), overflow="fold" if name in _FOLDED else "ellipsis")
    for row in rows:
        cells = [Text(clean(cell)) for cell in row]
        if styled is not None:
            cells[styled].stylize(STATE_STYLE.get(cells[styled].plain, ""))
        table.add_row(*cells)
    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=100_000, highlight=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print_line(line.rstrip())


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """One fact a line; those without a value are left out."""
    known = [(name, clean(value)) for name, value in fields if value not in (None, "", ())]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        print_line(f"{name:<{width}}  {value}")


def print_failure(failure: Failure, as_json: bool) -> None:
    """What went wrong, field by field, and what to do next: on stderr."""
    problem = failure.problem
    if as_json:
        print(json.dumps({**problem, "exit": int(failure.code)}, ensure_ascii=False), file=sys.stderr)
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    detail = problem.get("detail") or problem.get("title") or "It failed."
    console.print(Text.assemble(("error: ", "bold red"), clean(detail)))
    for entry in problem.get("errors", ()):
        console.print(Text(f"  {clean(entry.get('field', ''))}: {clean(entry.get('message', ''))}"))
    if hint := problem.get("hint"):
        console.print(Text(f"  {clean(hint)}"))


def ago(moment: str | None) -> str:
    """An RFC 3339 time as what has passed since, such as ``5m``; "" where unknown."""
    if not moment:
        return ""
    seconds = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


class Progress:
    """One changing line on a terminal's stderr; nothing elsewhere."""

    def __init__(self, console: Console, text: str) -> None:
        self._status = console.status(Text(clean(text))) if console.is_terminal else None

    def tell(self, text: str) -> None:
        if self._status:
            self._status.update(Text(clean(text)))

    def __enter__(self) -> Progress:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()


@contextmanager
def progress(text: str, quiet: bool) -> Iterator[Progress]:
    """Progress of something that may take more than a second."""
    console = Console(stderr=True, highlight=False, force_terminal=False if quiet else None)
    with Progress(console, text) as shown:
        yield shown
