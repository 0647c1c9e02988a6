"""The command line ``plugway``. ``serve`` is added by the composition root, which lies above."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway import __version__
from gateway.cli.command import Commands
from gateway.cli.configure import configure
from gateway.cli.disable import disable
from gateway.cli.doctor import doctor
from gateway.cli.enable import enable
from gateway.cli.exits import EXIT_HELP
from gateway.cli.install import install
from gateway.cli.list import list_plugins
from gateway.cli.logs import logs
from gateway.cli.restart import restart
from gateway.cli.status import status
from gateway.cli.token import token
from gateway.cli.uninstall import uninstall

app = typer.Typer(
    name="plugway",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_HELP,
)

app.command("list")(list_plugins)
app.command()(status)
app.command()(install)
app.command()(uninstall)
app.command()(enable)
app.command()(disable)
app.command()(configure)
app.command()(restart)
app.command()(logs)
app.command()(doctor)
app.add_typer(token, name="token")


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
