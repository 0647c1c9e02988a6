"""The program ``plugway`` itself: its headings, its help, its version. The commands are added elsewhere."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gateway import __version__
from gateway.cli.exits import EXIT_HELP

PLUGINS, AUTHORS, ROLLOUTS, TRUST, GATEWAY = "Plugins", "Authors", "Rollouts", "Trust", "Gateway"
"""The headings in the list of commands."""


class Commands(TyperGroup):
    """Lists the commands by group, in the order of their registration, which is by use."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands under the headings that they were registered with."""
        groups: dict[str, list[tuple[str, str]]] = {}
        width = max(map(len, self.commands))
        for name, command in self.commands.items():
            heading = getattr(command, "rich_help_panel", None)
            told = (name.ljust(width), command.get_short_help_str(formatter.width - 6 - width))
            groups.setdefault(heading if isinstance(heading, str) else "Commands", []).append(told)
        for heading, rows in groups.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


app = typer.Typer(
    name="plugway",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_HELP,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"plugway {__version__}")
        raise typer.Exit


@app.callback()
def _plugway(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Plugins as services of their own, behind one gateway.

    The gateway is found at PLUGWAY_URL (default http://127.0.0.1:8080); the token is PLUGWAY_TOKEN, or
    the file admin.token in PLUGWAY_HOME (default .plugway).
    """
