"""``plugway record``: real calls of a plugin into a file, for ``plugway replay``."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.exits import Exit, Failure, failure
from gateway.cli.output import clean, print_json

_UNITS = {"s": 1, "m": 60, "h": 3600}


def record(
    plugin: PluginArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="A new file. [default: ID.record.jsonl]"),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="The calls of all users, not only your own.")
    ] = False,
    calls: Annotated[int, typer.Option("--calls", min=1, max=100_000, help="It ends after so many.")] = 1000,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="It ends after so long, such as 90s, 15m or 2h.")
    ] = "1h",
    body_kib: Annotated[
        int, typer.Option("--body-kib", min=0, max=2048, help="Of longer bodies only the digest is kept.")
    ] = 256,
    as_json: JsonOption = False,
) -> None:
    """Record real calls of a plugin, until Ctrl-C.

    Your own calls are recorded, by token or session, whatever program makes them. Tokens, cookies and
    settings marked secret are never kept; still the file holds what the plugin answered: it is for your
    eyes only (mode 0600). Exit code 3 where the gateway ended before it, 1 where the disk is full.
    """
    wanted = {
        "everybody": everybody, "calls": calls, "seconds": _seconds(for_), "bodyBytes": body_kib * 1024
    }  # fmt: skip
    target = out or Path(f"{plugin}.record.jsonl")
    run(lambda client: _record(client, plugin, wanted, target, as_json), as_json)


async def _record(
    client: GatewayClient, plugin: str, wanted: dict[str, Any], target: Path, as_json: bool
) -> Exit:
    stream = client.lines(
        plugin_path(plugin, "recording"), accept="application/x-ndjson", endless=True, query={},
        method="POST", body=wanted,
    )  # fmt: skip
    asked = _told_to_end()
    async with stream as lines:
        file = _Recording(target)
        try:
            end = await file.take(lines, asked, as_json)
        finally:
            file.close()
    told = {"file": str(target), "calls": file.calls, **end}
    if as_json:
        print_json(told)
    else:
        missed = f" {end['missed']} calls were too much to keep." if end.get("missed") else ""
        print(f"{clean(end['end'])}{missed} {file.calls} calls are in {target}.")
    return Exit.OK


def _told_to_end() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM, which is how a recording ends in good order."""
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked


class _Recording:
    """A new file of whole lines. Blocks on the disk, as nothing else is under way here."""

    def __init__(self, target: Path) -> None:
        """Raises a failure where the file is there already, or cannot be made."""
        self._target = target
        self.calls = 0
        try:
            self._handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise failure(
                Exit.USAGE, f"{target} is there already.", "Name another file with --out."
            ) from None
        except OSError as error:
            raise failure(Exit.FAILED, f"{target} cannot be written: {error.strerror}.") from None

    def close(self) -> None:
        os.close(self._handle)

    async def take(self, lines: AsyncIterator[str], asked: asyncio.Event, as_json: bool) -> dict[str, Any]:
        """Write the lines down; returns the last, which says why it ended."""
        waiting = asyncio.ensure_future(asked.wait())
        reading: asyncio.Future[str] | None = None
        try:
            while True:
                reading = asyncio.ensure_future(_next(lines))
                await asyncio.wait({reading, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if asked.is_set():
                    end = {"end": "You ended it.", "calls": self.calls}
                    self._write(json.dumps(end))
                    return end
                text = await self._read(reading)
                if not text:
                    continue
                document = json.loads(text)
                self._write(text)
                if "end" in document:
                    return dict(document)
                if "request" in document:
                    self._count(document, as_json)
                else:
                    self._begun(document, as_json)
        finally:
            waiting.cancel()
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, reading: asyncio.Future[str]) -> str:
        words = f"The recording broke off; {self.calls} calls are in {self._target}."
        try:
            return await reading
        except StopAsyncIteration:
            raise failure(Exit.NOT_REACHABLE, f"The gateway ended. {words}") from None
        except Exception as error:
            if isinstance(error, Failure):
                raise
            raise failure(Exit.NOT_REACHABLE, f"The gateway is gone. {words}") from error

    def _write(self, text: str) -> None:
        """The whole line, or nothing of it."""
        data = text.encode() + b"\n"
        before = os.lseek(self._handle, 0, os.SEEK_CUR)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError as error:
            os.ftruncate(self._handle, before)
            raise failure(
                Exit.FAILED,
                f"{self._target} cannot be written on: {error.strerror}. {self.calls} calls are in it.",
                "What is in it can be replayed.",
            ) from None

    def _begun(self, head: dict[str, Any], as_json: bool) -> None:
        if as_json:
            print_json({"file": str(self._target), "plugin": head["plugin"], "of": head["of"]})
            return
        whose = "everybody's" if head["of"] == "*" else f"{head['of']}'s"
        words = f"Recording {whose} calls to {head['plugin']} {head['version']} in {self._target}."
        print(clean(f"{words} Ctrl-C ends it."), flush=True)

    def _count(self, call: dict[str, Any], as_json: bool) -> None:
        self.calls += 1
        if as_json or not sys.stderr.isatty():
            return
        asked = call["request"]
        print(clean(f"{asked['method']} {asked['path']}: {call['answer']['status']}"), file=sys.stderr)


async def _next(lines: AsyncIterator[str]) -> str:
    return await anext(lines)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,4})([smh])", text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= 24 * 3600:
        raise typer.BadParameter("write 90s, 15m or 2h; 24h at most", param_hint="--for")
    return seconds
