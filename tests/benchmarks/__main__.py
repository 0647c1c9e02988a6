"""Measures, prints a table (or ``--json``), and fails with ``--check`` where a goal is missed."""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import uvloop

from tests.benchmarks import first_load, peers
from tests.benchmarks.load import Cost, drive, measure

PATH = "/plugins/notes/api/notes/1"
GATEWAY, MANY, FASTAPI, ENVOY = (
    "gateway, 2 plugins",
    "gateway, 1,000 plugins",
    "FastAPI + httpx",
    "Envoy transcoder",
)


async def _measured(
    names: dict[str, tuple[int, int]], arguments: argparse.Namespace, connections: int
) -> dict[str, list[Cost]]:
    """Rounds in turn, so that what else the machine does falls on all alike."""
    for _, port in names.values():
        await drive(port, PATH, 1600, connections)
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(arguments.rounds):
        order = list(names.items())
        for name, (pid, port) in order if number % 2 else reversed(order):
            costs[name].append(await measure(pid, port, PATH, arguments.calls, connections))
    return costs


async def _many_against_few(running: dict[str, tuple[int, int]], arguments: argparse.Namespace) -> float:
    """CPU a call with 1,000 plugins against that with 2, judged by 5 %.

    Short rounds in turn, and totals: processor time is counted in steps of 10 ms.
    """
    spent = dict.fromkeys((GATEWAY, MANY), 0.0)
    for number in range(arguments.rounds * 8):
        for name in (GATEWAY, MANY) if number % 2 else (MANY, GATEWAY):
            pid, port = running[name]
            spent[name] += (await measure(pid, port, PATH, arguments.calls // 5, 16)).cpu
    return spent[MANY] / spent[GATEWAY]


def _direct(socket: str, calls: int, way: str) -> float:
    """CPU of a client that calls the plugin itself, in microseconds a call."""
    command = [sys.executable, "-m", "tests.benchmarks.direct", socket, str(calls), way]
    return float(subprocess.run(command, check=True, capture_output=True).stdout) / calls * 1e6


async def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        socket, http_socket = f"{directory}/p.sock", f"{directory}/h.sock"
        stack.enter_context(peers.module("plugin", socket, http_socket))
        await peers.exists(Path(http_socket))
        running: dict[str, tuple[int, int]] = {}
        ports = [peers.free_port() for _ in range(4)]
        home = str(directory / "home")
        started = {
            GATEWAY: stack.enter_context(peers.module("gateway_process", str(ports[0]), socket, "2", home)),
            MANY: stack.enter_context(peers.module("gateway_process", str(ports[1]), socket, "1000", home)),
            FASTAPI: stack.enter_context(peers.module("fastapi_process", str(ports[2]), http_socket)),
        }
        if command := peers.envoy_command(ports[3], socket, directory):
            started[ENVOY] = stack.enter_context(peers.process(*command))
        for (label, process), port in zip(started.items(), ports, strict=False):
            await peers.listening(port, process)
            running[label] = (process.pid, port)
        by_connections = {
            str(connections): await _measured(running, arguments, connections) for connections in (16, 1)
        }
        many = await _many_against_few(running, arguments)
        floor = {
            way: median(_direct(socket, arguments.calls, way) for _ in range(3)) for way in ("grpc", "wire")
        }
    return _summary(by_connections, floor, await first_load.measure(), many)


def _summary(
    by_connections: dict[str, dict[str, list[Cost]]],
    floor: dict[str, float],
    ui: tuple[int, int, float],
    many: float,
) -> dict[str, Any]:
    cpu = {
        connections: {name: round(median(cost.cpu for cost in costs), 1) for name, costs in of.items()}
        for connections, of in by_connections.items()
    }
    latency = {
        connections: {name: round(median(cost.latency for cost in costs)) for name, costs in of.items()}
        for connections, of in by_connections.items()
    }
    pairs = by_connections["16"]
    ratios = {
        f"gateway / {peer}": round(
            median(a.cpu / b.cpu for a, b in zip(pairs[GATEWAY], pairs[peer], strict=True)), 3
        )
        for peer in (FASTAPI, ENVOY)
        if peer in pairs
    }
    return {
        "machine": f"{_processor()}, {psutil.cpu_count()} processors, Python {platform.python_version()}",
        "cpu_us": cpu,
        "latency_us": latency,
        "floor_cpu_us": {way: round(value, 1) for way, value in floor.items()},
        "ratios": ratios | {"1,000 plugins / 2 plugins": round(many, 3)},
        "ui_first_load": {"files": ui[0], "plugin_calls": ui[1], "ms": round(ui[2], 1)},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def goals(result: dict[str, Any]) -> dict[str, bool]:
    """The figures that must hold."""
    ratios = result["ratios"]
    held = {
        "at most a fifth of FastAPI + httpx": ratios[f"gateway / {FASTAPI}"] <= 0.2,
        "1,000 plugins within 5 % of 2": ratios["1,000 plugins / 2 plugins"] <= 1.05,
        "UI first load without a call to the plugin": result["ui_first_load"]["plugin_calls"] == 0,
    }
    if (envoy := ratios.get(f"gateway / {ENVOY}")) is not None:
        held["at most twice Envoy's transcoder"] = envoy <= 2.0
    return held


def table(result: dict[str, Any]) -> str:
    """The result in Markdown."""
    lines = [
        f"Machine: {result['machine']}.",
        "",
        "| what | CPU a call, 16 at once | CPU a call, one at a time | time a call, one at a time |",
        "| --- | ---: | ---: | ---: |",
    ]
    cpu, latency = result["cpu_us"], result["latency_us"]
    lines += [
        f"| {name} | {value:.0f} us | {cpu['1'][name]:.0f} us | {latency['1'][name]} us |"
        for name, value in cpu["16"].items()
    ]
    floor = result["floor_cpu_us"]
    lines += [
        f"| floor: plugin called directly by grpc.aio | {floor['grpc']:.0f} us | | |",
        f"| floor: plugin called directly by the gateway's connection | {floor['wire']:.0f} us | | |",
        "",
        *(f"- {name}: {value:.3f}" for name, value in result["ratios"].items()),
        "- UI first load: {files} files, {plugin_calls} calls to the plugin, {ms} ms".format(
            **result["ui_first_load"]
        ),
        "",
        *(f"- {'holds' if held else 'MISSED'}: {name}" for name, held in goals(result).items()),
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each peer (default 5)")
    parser.add_argument("--calls", type=int, default=4000, help="calls a round (default 4000)")
    arguments = parser.parse_args()
    result = uvloop.run(_run(arguments))
    sys.stdout.write((json.dumps(result, indent=2) if arguments.json else table(result)) + "\n")
    return 1 if arguments.check and not all(goals(result).values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
