"""The table of a run, in Markdown, and the goals that it must hold."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.benchmarks.cases import CASES, MIB, TRANSFER
from tests.benchmarks.field import TITLES, cores
from tests.benchmarks.runner import Found

Results = dict[str, dict[str, Found]]
_SATURATED = 0.9
"""Share of its processor above which a peer's calls a second are its own, not those of plugin and load."""


def machine() -> str:
    return f"{_processor()}, {psutil.cpu_count()} processors, Python {platform.python_version()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def table(results: Results) -> str:
    """All cases and peers; ``x`` is the ratio to this gateway."""
    lines = [
        f"Machine: {machine()}.",
        _pinned(),
        "",
        "| case | peer | CPU a call | to ours | on one core | p50 | p99 | memory |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case, of in results.items():
        lines += [_row(case, name, found, of.get("gateway")) for name, found in of.items()]
    if goals := list(judged(results)):
        lines += ["", *(f"- {'holds' if held else 'MISSED'}: {words}" for words, held in goals)]
    return "\n".join(lines)


def _pinned() -> str:
    measured, others = cores()
    if not measured:
        return "One processor for everything, so that calls a second are those of all together."
    return (
        f"Each peer on processor {measured[0]}; plugin and load on {', '.join(map(str, others))}. "
        "`>`: plugin and load had no more to give, the peer's processor had time left."
    )


def _row(case: str, name: str, found: Found, ours: Found | None) -> str:
    cells = [CASES[case].title, TITLES[name], _time(found.cpu_us), _ratio(found, ours), _speed(case, found)]
    cells += [_ms(found.p50_ms), _ms(found.p99_ms), _memory(found.memory)]
    return f"| {' | '.join(cells)} |"


def _time(us: float | None) -> str:
    if us is None:
        return ""
    return f"{us / 1000:.1f} ms" if us >= 10_000 else f"{us:.0f} us"


def _ratio(found: Found, ours: Found | None) -> str:
    if ours is None or not ours.cpu_us or found.cpu_us is None:
        return ""
    return f"{found.cpu_us / ours.cpu_us:.2f} x"


def _speed(case: str, found: Found) -> str:
    if found.per_second is None or found.busy is None:
        return ""
    bound = "" if found.busy >= _SATURATED else "> "
    if not CASES[case].rate:
        return f"{bound}{found.per_second * TRANSFER / MIB:.0f} MiB/s"
    return f"{bound}{found.per_second:.0f}/s"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} ms"


def _memory(size: float | None) -> str:
    if size is None:
        return ""
    return f"{size / MIB:.1f} MiB" if size >= MIB else f"{size / 1024:.1f} KiB"


def judged(results: Results) -> Iterator[tuple[str, bool]]:
    """The goals that this run can judge, in words, and whether each holds."""
    yield from _cpu_goals(results)
    for case, words in (("down", "100 MiB down"), ("up", "100 MiB up")):
        ours, nginx = _found(results, case, "gateway"), _found(results, case, "nginx")
        if ours and nginx and ours.per_second and nginx.per_second:
            share = ours.per_second / nginx.per_second
            yield f"{words} at half of nginx's rate at least: {share:.2f}", share >= 0.5
        if ours and ours.memory is not None:
            grown = ours.memory / MIB
            yield f"{words} in flat memory: grew by {grown:.1f} MiB, under 24", grown < 24
    ours = _found(results, "events", "gateway")
    if ours and ours.memory is not None:
        yield f"an idle event stream under 30 KiB: {ours.memory / 1024:.1f}", ours.memory < 30 * 1024
    ours, direct = _found(results, "small", "gateway"), _found(results, "small", "direct")
    if ours and direct and ours.p50_ms is not None and direct.p50_ms is not None:
        added = ours.p50_ms - direct.p50_ms
        yield f"p50 of a small call under 0.5 ms above the direct one: {added:.2f}", added < 0.5


def _cpu_goals(results: Results) -> Iterator[tuple[str, bool]]:
    small = results.get("small", {})
    ours = small.get("gateway")
    if ours and ours.cpu_us:
        if (envoy := small.get("envoy")) and envoy.cpu_us:
            ratio = ours.cpu_us / envoy.cpu_us
            yield f"small call at most 1.6 x Envoy's CPU: {ratio:.2f}", ratio <= 1.6
        if (fastapi := small.get("fastapi")) and fastapi.cpu_us:
            ratio = fastapi.cpu_us / ours.cpu_us
            yield f"small call at least 8 x below FastAPI + httpx: {ratio:.1f}", ratio >= 8
    asset, nginx = _found(results, "asset", "gateway"), _found(results, "asset", "nginx")
    if asset and nginx and asset.cpu_us and nginx.cpu_us:
        share = nginx.cpu_us / asset.cpu_us
        yield f"UI asset at half of nginx's rate at least, by CPU: {share:.2f}", share >= 0.5


def _found(results: Results, case: str, peer: str) -> Found | None:
    return results.get(case, {}).get(peer)
