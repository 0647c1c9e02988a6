"""How long `make run` takes until its plugins are healthy: with an empty home, and on the second start.

``python -m tests.benchmarks.startup``: the program itself, process runtime, from its start to each plugin's
word that it is healthy.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

PLUGINS = ("notes", "redis-management")


async def start(home: Path) -> dict[str, float]:
    """Seconds from the program's start to its port and to each plugin being healthy."""
    began = time.monotonic()
    command = ["-m", "gateway", "serve", "--json", "--port", "0", "--home", str(home), "--runtime", "process"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLUGWAY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout
    seconds: dict[str, float] = {}
    try:
        async with asyncio.timeout(60):
            while not set(PLUGINS) <= seconds.keys():
                told = json.loads(await process.stdout.readline())
                if told["label"] == "console":
                    seconds["port"] = time.monotonic() - began
                elif told["text"].startswith("healthy"):
                    seconds.setdefault(told["label"], time.monotonic() - began)
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()
    return seconds


async def measure() -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        return {"empty home": await start(home), "second start": await start(home)}


if __name__ == "__main__":
    for which, seconds in asyncio.run(measure()).items():
        words = ", ".join(f"{what} {value:.2f} s" for what, value in seconds.items())
        sys.stdout.write(f"{which}: {words}\n")
