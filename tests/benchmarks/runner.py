"""Measures cases over peers: each checked for the right answer first, then rounds in turn."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmarks.accounting import Account, Peak, memory
from tests.benchmarks.cases import ASSET, CASES, ECHO, STREAMS, TRANSFER, Case
from tests.benchmarks.field import Peer, cores, field_of
from tests.benchmarks.pacing import percentile
from tests.benchmarks.plugin_http import EVENT, blob, number_of
from tests.benchmarks.typed import BODY

_WARM_SHARE = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure. ``seconds`` of each round, ``paced`` of the open loop."""

    rounds: int = 3
    seconds: float = 1.0
    paced: float = 3.0
    streams: int = STREAMS
    latency: bool = True


@dataclass(slots=True)
class Found:
    """What one peer did in one case; None where it was not measured.

    ``cpu_us`` a call over all its processes, ``per_second`` calls, ``busy`` the share of a processor that
    it used for that (less than one where plugin and load could not do more), ``p50_ms`` and ``p99_ms`` at
    the case's fixed rate, ``memory`` bytes a stream, or the growth within transfers.
    """

    cpu_us: float | None = None
    per_second: float | None = None
    busy: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    memory: float | None = None
    rounds: list[float] = field(default_factory=list)


class WrongBytes(RuntimeError):
    """A peer's answer differs from the plugin's."""


async def measure(names: Sequence[str], cases: Sequence[str], plan: Plan) -> dict[str, dict[str, Found]]:
    """By case and peer."""
    results: dict[str, dict[str, Found]] = {}
    with tempfile.TemporaryDirectory(prefix="pw-bench-") as directory:
        async with field_of(Path(directory), list(names)) as peers:
            for name in cases:
                case = CASES[name]
                able = [peer for peer in peers if name not in peer.lacks]
                _say(f"{case.title}: {', '.join(peer.name for peer in able)}")
                for peer in able:
                    await _check(peer, case)
                results[name] = await (_streams if case.kind == "events" else _calls)(case, able, plan)
    return results


async def _check(peer: Peer, case: Case) -> None:
    answer = await peer.load.answer(case)
    expected = _expected(case)
    same = answer == expected
    if case.path.startswith("/notes/") and not same:
        # The same JSON may be written in two ways.
        same = json.loads(answer) == json.loads(expected)
    if not same:
        raise WrongBytes(f"{peer.name}, {case.title}: {len(answer)} bytes, beginning {answer[:80]!r}")


def _expected(case: Case) -> bytes:
    if case.path.startswith("/blob/"):
        return blob(number_of(case.path))
    if case.path.startswith("/stream/"):
        return bytes(TRANSFER)
    kinds = {"upload": str(TRANSFER).encode(), "events": EVENT, "websocket": ECHO, "asset": ASSET}
    return kinds.get(case.kind, BODY)


async def _calls(case: Case, peers: Sequence[Peer], plan: Plan) -> dict[str, Found]:
    results = {peer.name: Found() for peer in peers}
    # One call of a transfer is long enough, and its bytes are all that is compared.
    seconds = plan.seconds if case.rate else 0.0
    rates: dict[str, list[tuple[float, float]]] = {peer.name: [] for peer in peers}
    for peer in peers:
        await peer.load.closed(case, min(0.3, seconds))
    for number in range(plan.rounds):
        for peer in peers if number % 2 else reversed(peers):
            pids, found = peer.pids, results[peer.name]
            peak, account = Peak(pids), Account(pids)
            made, took = await peer.load.closed(case, seconds)
            spent = account.spent()
            found.rounds.append(spent / made * 1e6)
            rates[peer.name].append((made / took, spent / took))
            if not case.rate:
                found.memory = max(found.memory or 0.0, peak.growth())
    for peer in peers:
        found = results[peer.name]
        found.cpu_us = median(found.rounds)
        found.per_second = median(rate for rate, _ in rates[peer.name])
        found.busy = median(busy for _, busy in rates[peer.name])
        if plan.latency and case.rate:
            times = await peer.load.paced(case, max(20, round(plan.paced * case.rate)))
            found.p50_ms, found.p99_ms = (percentile(times, share) * 1e3 for share in (0.5, 0.99))
    return results


async def _streams(case: Case, peers: Sequence[Peer], plan: Plan) -> dict[str, Found]:
    results: dict[str, Found] = {}
    for peer in peers:
        # What the first few cost is not theirs; a twentieth of them, as all would leave nothing to see.
        async with peer.load.held(case, max(1, plan.streams // _WARM_SHARE)):
            pass
        await asyncio.sleep(0.5)
        pids = peer.pids
        before, account = memory(pids), Account(pids)
        async with peer.load.held(case, plan.streams):
            opened = account.spent()
            await asyncio.sleep(0.5)
            grown = memory(pids) - before
        results[peer.name] = Found(cpu_us=opened / plan.streams * 1e6, memory=grown / plan.streams)
        await asyncio.sleep(0.5)
    return results


def as_json(results: dict[str, dict[str, Found]]) -> dict[str, object]:
    """Figures alone, with the machine's processors."""
    measured, others = cores()
    return {
        "processors": {"peer": measured, "plugin and load": others},
        "cases": {case: {name: asdict(found) for name, found in of.items()} for case, of in results.items()},
    }


def _say(what: str) -> None:
    sys.stderr.write(f"- {what}\n")
    sys.stderr.flush()
