"""Tables in documents, between two marks."""

from __future__ import annotations

from pathlib import Path


def put_into(document: Path, name: str, table: str) -> None:
    """Replace what stands between the marks of this name; raises ``ValueError`` where they are not there."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = document.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{document} has no {begin} with {end} after it")
    document.write_text(f"{before}{begin}\n\n{table}\n\n{end}{after}")
