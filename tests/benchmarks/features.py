"""What each feature costs a call: ``python -m tests.benchmarks.features``.

Each feature is a route of its own in one data plane, or a header, so that it can be had or left. In each
round every feature stands beside a call without it, in changing order, and what counts is the median of
those differences: what else the machine does falls on both sides. ``+-`` is half of the distance between
the quartiles.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import uvloop

from tests.benchmarks import peers
from tests.benchmarks.accounting import Account
from tests.benchmarks.document import put_into
from tests.benchmarks.field import asset_path, cores
from tests.benchmarks.http_load import Connection, connected, request
from tests.benchmarks.pacing import Caller, for_seconds
from tests.fakes.data_plane import TOKEN

_TAKEN = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
Costs = dict[str, list[tuple[float, float]]]
_AT_ONCE = 16
_TRACE = f"traceparent: 00-{'a' * 32}-{'b' * 16}-01"
_ORIGIN = "origin: https://app.example"


@dataclass(frozen=True, slots=True)
class Feature:
    """A call with it, and the name of the call without it."""

    name: str
    words: str
    message: bytes
    beside: str = "plain"
    plane: str = "usual"
    status: int = 200


def _get(plugin: str, *more: str, path: str = "/notes/1") -> bytes:
    return request(f"/plugins/{plugin}/api{path}", "GET", *more)


def features(asset: str) -> list[Feature]:
    plain = _get("plain")
    anonymous = _get("open").replace(f"authorization: Bearer {TOKEN}\r\n".encode(), b"")
    body = b'{"text": "' + b"x" * 1000 + b'"}'
    post = request("/plugins/plain/api/notes/1", "POST", f"content-length: {len(body)}") + body
    headers = [f"x-header-{number}: value {number}" for number in range(10)]
    file = request(asset)
    return [
        Feature("plain", "a call as usual: token, access, call token, limits of number, metrics", plain),
        Feature("open", "a public route, called by nobody known", anonymous),
        Feature("unsigned", "no key for call tokens", plain, plane="unsigned"),
        Feature("ruled", "50 access rules in the manifest", _get("ruled")),
        Feature("templates", "51 route templates for the metrics", _get("templates")),
        Feature("limited", "rates for all, by user and by route, calls at once by user", _get("limited")),
        Feature("cors", "CORS: a call of an origin that may", _get("cors", _ORIGIN)),
        Feature("preview", "a rollout's testers are looked for", _get("preview")),
        Feature("id", "the client's own request id", _get("plain", "x-request-id: client-0123456789")),
        Feature("trace", "W3C trace context passed on", _get("plain", _TRACE)),
        Feature("traced", "a trace of each call to a collector", plain, plane="traced"),
        Feature("logged", "a line in the log for each call", plain, plane="logged"),
        Feature("headers", "10 more headers", _get("plain", *headers)),
        Feature("post", "a body of 1 KiB", post),
        Feature("unbound", "typed services, a path of the HTTP app", _get("typed", path="/other/1")),
        Feature("typed", "typed services, a call transcoded", _get("typed")),
        Feature("asset", "a UI asset of 40 KiB, from memory", file, beside=""),
        Feature("range", "1 KiB of it by a range", _with(file, "range: bytes=0-1023"), "asset", status=206),
        Feature("known", "it is known already (304)", _with(file, "if-none-match: *"), "asset", status=304),
    ]  # fmt: skip


def _with(message: bytes, line: str) -> bytes:
    return message.removesuffix(b"\r\n") + line.encode() + b"\r\n\r\n"


async def measure(rounds: int, seconds: float) -> Costs:
    """Microseconds a call with each feature, and without it; a pair each round."""
    measured, others = cores()
    with tempfile.TemporaryDirectory(prefix="pw-bench-") as directory, ExitStack() as stack:
        stack.enter_context(peers.on_cores(others))
        socket, http_socket = f"{directory}/p.sock", f"{directory}/h.sock"
        stack.enter_context(peers.module("plugin", socket, http_socket))
        await peers.exists(Path(http_socket))
        collector = await asyncio.start_server(_collect, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{collector.sockets[0].getsockname()[1]}"
        planes: dict[str, tuple[int, int]] = {}
        for plane in ("usual", "unsigned", "logged", "traced"):
            port, home = peers.free_port(), f"{directory}/{plane}"
            with peers.on_cores(measured):
                command = peers.module("features_process", str(port), socket, home, plane, address)
                running = stack.enter_context(command)
            await peers.listening(port, running)
            planes[plane] = running.pid, port
        chosen = features(asset_path(planes["usual"][1]))
        known = {feature.name: feature for feature in chosen}
        costs: Costs = {feature.name: [] for feature in chosen}
        for number in range(rounds + 1):
            for feature in chosen:
                pair = [feature, known[feature.beside or feature.name]]
                spent = {}
                for side in (0, 1) if number % 2 else (1, 0):
                    spent[side] = await _round(*planes[pair[side].plane], pair[side], seconds)
                if number:  # The first round warms up.
                    costs[feature.name].append((spent[0], spent[1]))
    return costs


async def _collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes traces and throws them away."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while head := (await reader.readuntil(b"\r\n\r\n")).lower():
            await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
            writer.write(_TAKEN)
    writer.close()


async def _round(pid: int, port: int, feature: Feature, seconds: float) -> float:
    async with connected(port, _AT_ONCE) as connections:
        for connection in connections:
            connection.status = feature.status
        account = Account([pid])
        made, _ = await for_seconds([_caller(one, feature.message) for one in connections], seconds)
        return account.spent() / made * 1e6


def _caller(connection: Connection, message: bytes) -> Caller:
    return lambda: connection.call(message)


def difference(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median of the differences within the pairs, and half of the distance between their quartiles."""
    differences = [one - other for one, other in pairs]
    low, middle, high = quantiles(differences, n=4, method="inclusive")
    return middle, (high - low) / 2


def table(costs: Costs) -> str:
    lines = ["| what | CPU a call | more than without |", "| --- | ---: | ---: |"]
    for feature in features("/"):
        middle = median(cost for cost, _ in costs[feature.name])
        more = ""
        if feature.beside and feature.beside != feature.name:
            by, spread = difference(costs[feature.name])
            more = f"{by:+.1f} +- {spread:.1f} us"
        lines.append(f"| {feature.words} | {middle:.0f} us | {more} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.features", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--write", metavar="FILE", help="put the table into a document, too")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of each (default 20)")
    parser.add_argument("--seconds", type=float, default=0.15, help="seconds a side and round (default 0.15)")
    arguments = parser.parse_args()
    costs = uvloop.run(measure(arguments.rounds, arguments.seconds))
    if arguments.write:
        put_into(Path(arguments.write), "features", table(costs))
    sys.stdout.write((json.dumps(costs) if arguments.json else table(costs)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
