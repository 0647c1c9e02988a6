"""Writes docs/settings.md from gateway/settings.py; a test holds the two together."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from gateway.settings import Settings

TARGET = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Every setting is an environment variable; the ones that `plugway serve` has an option for can be
given there as well. Times are in seconds and sizes in bytes. Made from `gateway/settings.py`
by `scripts/settings_doc.py`.

| variable | default | meaning |
| --- | --- | --- |
"""


def kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    return ""


def document() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        choices = kind(field.annotation)
        meaning = (field.description or "") + (f" One of {choices}." if choices else "")
        default = "" if field.default == "" else f"`{field.default}`"
        if field.default_factory is not None:
            default = (field.default_factory.__doc__ or "").rstrip(".")
        rows.append(f"| `PLUGWAY_{name.upper()}` | {default} | {meaning} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    TARGET.write_text(document())
