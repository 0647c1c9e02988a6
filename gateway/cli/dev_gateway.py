"""The gateway that ``plugway dev`` works with: the one that answers, or one of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.authoring.leashed import Leashed
from gateway.cli.client import GatewayClient
from gateway.cli.connection import Connection, connection
from gateway.cli.exits import Exit, Failure, failure

_START = 120.0
_GRACE = 20.0
_KEPT = 20


@asynccontextmanager
async def found_or_started(word: Callable[[str], None]) -> AsyncIterator[tuple[GatewayClient, str, bool]]:
    """A client, the gateway's URL, and whether the gateway ends with this."""
    where = connection()
    if not where.local:
        raise failure(
            Exit.USAGE,
            f"The gateway at {where.url} is on another machine, and could not reach your code.",
            "Unset PLUGWAY_URL: then one is started here.",
        )
    async with GatewayClient(where) as client:
        try:
            await client.get("/api/v1/system")
        except Failure as error:
            if error.code is not Exit.NOT_REACHABLE or "PLUGWAY_URL" in os.environ:
                raise
        else:
            yield client, where.url, False
            return
    word(f"No gateway answers at {where.url}: one is started, which ends with this.")
    async with _own_gateway() as own, GatewayClient(own) as client:
        yield client, own.url, True


@asynccontextmanager
async def _own_gateway() -> AsyncIterator[Connection]:
    home = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="plugway-dev-home-"))
    command = [
        sys.executable, "-P", "-m", "gateway", "serve", "--json", "--home", str(home), "--port", "0",
        "--runtime", "process",
    ]  # fmt: skip
    lines: list[str] = []
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLUGWAY_")}
    process = await Leashed.start(
        command, directory=home, environment=environment | {"PLUGWAY_INSTALL": ""}, heard=lines.append,
        grace=_GRACE, remove=home,
    )  # fmt: skip
    try:
        url = await _announced(process, lines)
        token = await asyncio.to_thread((home / "admin.token").read_text)
        yield Connection(url, token.strip(), str(home / "admin.token"))
    finally:
        await process.end()


async def _announced(process: Leashed, lines: list[str]) -> str:
    try:
        async with asyncio.timeout(_START):
            while process.running:
                for line in lines:
                    if url := _console(line):
                        return url
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    raise failure(
        Exit.FAILED, "The gateway does not start: " + " ".join(lines[-_KEPT:]), "Try: plugway serve"
    )


def _console(line: str) -> str:
    try:
        said = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(said, dict) or said.get("label") != "console":
        return ""
    return str(said["text"]).partition("/login")[0]
