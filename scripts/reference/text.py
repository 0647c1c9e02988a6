"""Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def code(text: str) -> str:
    return f"`{text}`"


def one_line(text: str) -> str:
    """For the cell of a table; what docstrings mark for Sphinx is marked for Markdown."""
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
