"""``plugway serve``: run a gateway in the foreground."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from pydantic import ValidationError

from gateway.cli.program import GATEWAY
from gateway.errors import PlugwayError
from gateway.logs import configure_logging
from gateway.settings import Settings

Run = Callable[[Settings, Callable[[str, str], None]], Coroutine[Any, Any, None]]


def add_serve(app: typer.Typer, run: Run) -> None:
    """Add the command; ``run`` comes from the composition root, which lies above this layer."""

    @app.command(rich_help_panel=GATEWAY)
    def serve(
        host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
        port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
        runtime: Annotated[str | None, typer.Option(help="auto, process or docker.")] = None,
        home: Annotated[Path | None, typer.Option(help="State directory (PLUGWAY_HOME).")] = None,
        workers: Annotated[
            int | None, typer.Option(help="Processes that carry the calls; without, this one does.")
        ] = None,
        tls: Annotated[
            str | None, typer.Option(help="dev makes a certificate for this machine; off is plain HTTP.")
        ] = None,
        log: Annotated[str | None, typer.Option(help="Form of the log on stderr: text or json.")] = None,
        access_log: Annotated[
            str | None, typer.Option(help="Calls that get a line in it: off, errors or all.")
        ] = None,
        keep: Annotated[bool, typer.Option("--keep", help="Let the plugins run on when this ends.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Announce as JSON lines.")] = False,
    ) -> None:
        """Run a gateway here, until Ctrl-C.

        Each option has a setting of the same name in the environment (PLUGWAY_PORT and so on);
        docs/settings.md lists them all.
        """
        given: dict[str, Any] = {
            "host": host,
            "port": port,
            "runtime": runtime,
            "home": home,
            "workers": workers,
            "tls": tls,
            "log": log,
            "access_log": access_log,
            "on_exit": "keep" if keep else None,
        }
        try:
            settings = Settings(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            for issue in error.errors():
                typer.echo(f"error: {'.'.join(map(str, issue['loc']))}: {issue['msg']}", err=True)
            raise typer.Exit(2) from None
        configure_logging(settings.log)
        announce = _announce_json if as_json else _announce_text
        try:
            uvloop.run(run(settings, announce))
        except PlugwayError as error:
            typer.echo(f"error: {error.detail}" + (f"\n  {error.hint}" if error.hint else ""), err=True)
            raise typer.Exit(1) from None
        except asyncio.CancelledError:
            raise typer.Exit(128 + signal.SIGTERM) from None


def _announce_text(label: str, text: str) -> None:
    typer.echo(f"{label:>18}  {text}")


def _announce_json(label: str, text: str) -> None:
    typer.echo(json.dumps({"label": label, "text": text}))
    sys.stdout.flush()
