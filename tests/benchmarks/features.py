"""What each feature costs a call: ``python -m tests.benchmarks.features``.

Each feature is a route of its own in one data plane, or a header, so that it can be had or left. Short
rounds go through all of them in turn, and what counts is the median of the differences within a round:
what else the machine does falls on both sides. ``+-`` is half of the distance between the quartiles.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import uvloop

from tests.benchmarks import peers
from tests.benchmarks.accounting import Account
from tests.benchmarks.field import asset_path, cores
from tests.benchmarks.http_load import Connection, connected, request
from tests.benchmarks.pacing import Caller, for_seconds
from tests.fakes.data_plane import TOKEN

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
    signed: bool = True
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
        Feature("unsigned", "no key for call tokens", plain, signed=False),
        Feature("ruled", "50 access rules in the manifest", _get("ruled")),
        Feature("templates", "51 route templates for the metrics", _get("templates")),
        Feature("limited", "rates for all, by user and by route, calls at once by user", _get("limited")),
        Feature("cors", "CORS: a call of an origin that may", _get("cors", _ORIGIN)),
        Feature("preview", "a rollout's testers are looked for", _get("preview")),
        Feature("id", "the client's own request id", _get("plain", "x-request-id: client-0123456789")),
        Feature("trace", "W3C trace context passed on", _get("plain", _TRACE)),
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


async def measure(rounds: int, seconds: float) -> dict[str, list[float]]:
    """Microseconds a call of each feature, a round each."""
    measured, others = cores()
    with tempfile.TemporaryDirectory(prefix="pw-bench-") as directory, ExitStack() as stack:
        stack.enter_context(peers.on_cores(others))
        socket, http_socket = f"{directory}/p.sock", f"{directory}/h.sock"
        stack.enter_context(peers.module("plugin", socket, http_socket))
        await peers.exists(Path(http_socket))
        planes: dict[bool, tuple[int, int]] = {}
        for signed, word in ((True, "signed"), (False, "unsigned")):
            port, home = peers.free_port(), f"{directory}/{word}"
            with peers.on_cores(measured):
                command = peers.module("features_process", str(port), socket, home, word)
                running = stack.enter_context(command)
            await peers.listening(port, running)
            planes[signed] = running.pid, port
        chosen = features(asset_path(planes[True][1]))
        costs: dict[str, list[float]] = {feature.name: [] for feature in chosen}
        for number in range(rounds + 1):
            for feature in chosen if number % 2 else reversed(chosen):
                cost = await _round(*planes[feature.signed], feature, seconds)
                if number:  # The first round warms up.
                    costs[feature.name].append(cost)
    return costs


async def _round(pid: int, port: int, feature: Feature, seconds: float) -> float:
    async with connected(port, _AT_ONCE) as connections:
        for connection in connections:
            connection.status = feature.status
        account = Account([pid])
        made, _ = await for_seconds([_caller(one, feature.message) for one in connections], seconds)
        return account.spent() / made * 1e6


def _caller(connection: Connection, message: bytes) -> Caller:
    return lambda: connection.call(message)


def difference(costs: Sequence[float], beside: Sequence[float]) -> tuple[float, float]:
    """The median of the differences within a round, and half of the distance between their quartiles."""
    differences = [one - other for one, other in zip(costs, beside, strict=True)]
    low, middle, high = quantiles(differences, n=4, method="inclusive")
    return middle, (high - low) / 2


def table(costs: dict[str, list[float]]) -> str:
    lines = ["| what | CPU a call | more than without |", "| --- | ---: | ---: |"]
    for feature in features("/"):
        middle = quantiles(costs[feature.name], n=4, method="inclusive")[1]
        more = ""
        if feature.beside and feature.beside != feature.name:
            by, spread = difference(costs[feature.name], costs[feature.beside])
            more = f"{by:+.1f} +- {spread:.1f} us"
        lines.append(f"| {feature.words} | {middle:.0f} us | {more} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.features", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of each (default 20)")
    parser.add_argument("--seconds", type=float, default=0.2, help="seconds a round (default 0.2)")
    arguments = parser.parse_args()
    costs = uvloop.run(measure(arguments.rounds, arguments.seconds))
    sys.stdout.write((json.dumps(costs) if arguments.json else table(costs)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
