"""A control process with workers, and the routes of a benchmark: ``... PORT SOCKET PLUGINS HOME WORKERS``.

It says that all workers take calls. Then, on each line of its input, it publishes tables of 1,000
plugins, and answers with a line of JSON: how long until every worker has confirmed each, in
milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import uvloop

from gateway.model import PluginId
from gateway.registry.boards import OutcomeBoard, SnapshotBoard
from gateway.registry.circuits import CircuitBoard
from gateway.registry.recordings import RecordingBoard
from gateway.routing import Route
from gateway.serving import listen
from gateway.settings import Settings
from gateway.workers.control import Boards
from gateway.workers.door import open_door
from tests.benchmarks.gateway_process import routes
from tests.fakes.data_plane import gatekeeper

MANY = 1000
ROUNDS = 10


async def main(port: str, socket: str, plugins: str, home: str, workers: str) -> None:
    settings = Settings.model_validate({"home": Path(home), "port": int(port), "workers": int(workers)})
    snapshots = SnapshotBoard()
    address = f"unix:{socket}"
    table = routes(int(plugins), address)
    async with open_door(settings, lambda label, text: None, listen) as door:
        snapshots.publish(table)
        boards = Boards(
            snapshots=snapshots, outcomes=OutcomeBoard(), circuits=CircuitBoard(),
            recordings=RecordingBoard(), gatekeeper=gatekeeper(),
        )  # fmt: skip
        await door.follow(settings, boards)
        try:
            while door.metrics.serving < int(workers):  # noqa: ASYNC110  the workers are processes
                await asyncio.sleep(0.05)
            _say("ready")
            loop = asyncio.get_running_loop()
            while await loop.run_in_executor(None, sys.stdin.readline):
                measured = [await _measure(snapshots, table, address) for _ in range(ROUNDS)]
                _say({"whole": [m[0] for m in measured], "one": [m[1] for m in measured]})
        finally:
            await door.close(keep=False)


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def _measure(snapshots: SnapshotBoard, few: dict[PluginId, Route], address: str) -> tuple[float, float]:
    """1,000 plugins that no worker knew, then a change of one of them."""
    many = {**routes(MANY, address), **few}
    whole = await _published(snapshots, many)
    name = PluginId("plugin-7")
    one = await _published(snapshots, {**many, name: replace(many[name], reason="changed")})
    await _published(snapshots, few)
    return whole, one


async def _published(snapshots: SnapshotBoard, table: dict[PluginId, Route]) -> float:
    began = time.perf_counter()
    snapshots.publish(table)
    while not snapshots.settled:  # noqa: ASYNC110  as exactly as can be seen
        await asyncio.sleep(0)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
