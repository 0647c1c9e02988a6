"""No call fails while a plugin is moved to and fro: at least 20,000 unary calls on each runtime.

`scripts/rollout_load.py` makes the table in docs/rollouts.md of the rows that are printed.
ROLLOUT_CALLS in the environment asks for more calls with each strategy.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.load import Counts, load
from tests.moving import begin, ended, moving, served
from tests.running import until

STRATEGIES: dict[str, dict[str, Any]] = {
    "direct": {"strategy": "direct"},
    "blue-green": {"strategy": "blue-green"},
    "canary": {"steps": [{"weight": 20, "seconds": 1}, {"weight": 60, "seconds": 1}]},
}
CALLS = max(math.ceil(20_000 / len(STRATEGIES)), int(os.environ.get("ROLLOUT_CALLS", "0")))
MOVES = 3
"""Rollouts at the least, however quick the calls are."""
SLOWEST = 50
"""Calls a second that a busy machine makes at the least: what the time limit is reckoned with."""

pytestmark = [pytest.mark.timeout(120 + CALLS / SLOWEST), pytest.mark.slow]


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_under_load_nothing_fails(tmp_path: Path, runtime: str, strategy: str) -> None:
    here, there, moves = "1.0.0", "2.0.0", 0
    async with moving(tmp_path, runtime) as running:
        token = running.client.headers["authorization"].removeprefix("Bearer ")
        async with load(running.base, token) as counts:
            await until(lambda: counts.calls > 500, "the load to be on")
            while counts.calls < CALLS or moves < MOVES:
                view = await ended(running, await begin(running, there, **STRATEGIES[strategy]))
                assert view["phase"] == "succeeded", view["reason"]
                here, there, moves = there, here, moves + 1
        told(counts, runtime, strategy, moves)
        assert counts.calls >= CALLS
        assert counts.failed == 0, (counts.unary, counts.failures)
        assert set(counts.versions) == {"1.0.0", "2.0.0"}
        assert set(counts.uploads) == {"good"}, counts.uploads
        assert set(counts.stream_ends) == {"noticed"}, counts.stream_ends
        assert set(counts.socket_ends) == {"1012"}, counts.socket_ends
        assert await served(running) == here
        assert (await running.plugin("mover"))["version"] == here


def told(counts: Counts, runtime: str, strategy: str, moves: int) -> None:
    """One row of the table; what is not as it should be is named in the assertions."""
    uploads, streams, sockets = counts.uploads, counts.stream_ends, counts.socket_ends
    cells = (
        *(runtime, strategy, moves, f"{counts.calls:,}", counts.failed),
        *(uploads["good"], uploads.total() - uploads["good"]),
        *(streams["noticed"], streams.total() - streams["noticed"]),
        *(sockets["1012"], sockets.total() - sockets["1012"]),
    )
    sys.stdout.write("| " + " | ".join(map(str, cells)) + " |\n")
