"""What all commands share: running, ending with the right code, common options."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeVar

import typer

from gateway.cli.client import GatewayClient
from gateway.cli.connection import connection
from gateway.cli.exits import Exit, Failure, from_error
from gateway.cli.output import print_failure
from gateway.errors import PlugwayError

T = TypeVar("T")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
PluginArgument = Annotated[str, typer.Argument(metavar="ID", help="The plugin's id.", show_default=False)]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Do not wait until the plugin is healthy.")]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=0.1, help="Longest wait, in seconds; then exit code 7.")
]
DEFAULT_TIMEOUT = 300.0
DowngradeOption = Annotated[
    bool,
    typer.Option(
        "--allow-downgrade",
        help="Also an older version than was in use here before. Goes into the audit log.",
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Agree beforehand; do not ask.")]


def run(act: Callable[[GatewayClient], Awaitable[Exit | None]], as_json: bool) -> None:
    """Run ``act`` with a client; end the program with its exit code."""
    raise typer.Exit(guarded(lambda: asyncio.run(_with_client(act)), as_json))


def guarded(act: Callable[[], Exit | None], as_json: bool) -> int:
    """The exit code of ``act``, its failures printed."""
    try:
        return int(act() or Exit.OK)
    except Failure as error:
        print_failure(error, as_json)
        return int(error.code)
    except PlugwayError as error:
        print_failure(told := from_error(error), as_json)
        return int(told.code)
    except BrokenPipeError:
        # The reader (head, less) has gone. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.OK)
    except KeyboardInterrupt:
        return 130


async def in_order(act: Coroutine[Any, Any, T]) -> T:
    """Also where it is told to stop: what was started here is ended, as nobody else knows of it."""
    task = asyncio.ensure_future(act)
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _with_client(act: Callable[[GatewayClient], Awaitable[Exit | None]]) -> Exit | None:
    async with GatewayClient(connection()) as client:
        return await act(client)
