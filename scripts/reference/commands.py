"""The commands' own help, each at one width."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

_HEAD = """# Commands

What `plugway COMMAND --help` prints.
"""


def commands_page() -> str:
    from gateway.__main__ import run
    from gateway.cli.main import app
    from gateway.cli.serve import add_serve

    if not any(
        command.callback and command.callback.__name__ == "serve" for command in app.registered_commands
    ):
        add_serve(app, run)
    program: Any = typer.main.get_command(app)
    parts = [_HEAD]
    for name, text in _helps(program, "plugway", None):
        parts.append(f"## {name}\n\n```\n{text}\n```\n")
    return "\n".join(parts)


def _helps(command: Any, name: str, above: Any) -> Iterator[tuple[str, str]]:
    context = command.make_context(
        name if above is None else name.rsplit(" ", 1)[1],
        [],
        parent=above,
        resilient_parsing=True,
        terminal_width=100,
    )
    with context:
        yield name, re.sub(r"[ \t]+$", "", command.get_help(context), flags=re.M).strip()
        for word, inner in getattr(command, "commands", {}).items():
            yield from _helps(inner, f"{name} {word}", context)
