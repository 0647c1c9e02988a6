"""Each check is proven by a plugin that breaks this one promise and no other.

The plugin is written on gRPC alone, so what is judged is the contract and not the Python SDK.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.conformance.findings import Outcome, Report
from gateway.conformance.run import START, run_checks
from gateway.conformance.subject import Patience, Plan
from gateway.conformance.suite import SUITE
from gateway.model import Endpoint, ExitInfo, InstanceId, Manifest, Permissions
from gateway.sources.check_table import CheckTable
from tests.fakes.broken_plugin.broken import ID, VERSION, Plugin, serve

SLOW = ("call.slow", "cancel.call", "cancel.deadline", "drain.running", "drain.deadline")
"""Faults that show at the slow route alone; for all others it would only cost time."""

# Faults whose name is not that of the check that finds them.
FOUND_BY = {
    "negotiation.hangs": "negotiation.none-common",
    "manifest.identity.version": "manifest.identity",
    "settings.refused.field": "settings.refused",
    "settings.refused.lost": "settings.refused",
    "settings.refused.taken": "settings.refused",
    "call.crashes": "call.unknown-path",
    "upload.floods": "upload.answered",
    "metrics.hangs": "metrics.text",
}
# Only a process has signals; see test_targets.
SIGNALS = ("stop.interrupt", "stop.terminate")
PLAIN = (START.id, *(check.id for check in SUITE))
FAULTS = [id_ for id_ in (*PLAIN, *FOUND_BY) if id_ not in SIGNALS and id_ != "settings.refused"]
PATIENCE = Patience(check=25.0, answer=8.0, start=6.0, moment=0.15, slow=2.0)
AT_ONCE = 6


class InThisProcess:
    """A :class:`gateway.conformance.places.Place` whose servers run in the test's own event loop."""

    renewable = True

    def __init__(self, fault: str, folder: Path) -> None:
        # One that is no version would be another one as well.
        self.plugin, self.version = ID, "" if fault == "manifest.valid" else VERSION
        self.granted: Permissions | None = Permissions(volumes=("data",), egress=("settings:/nowhere",))
        self._fault = fault
        self._folder = folder
        self._number = 0
        self._server: grpc.aio.Server | None = None
        self._running: Plugin | None = None
        self._ending: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        pass

    async def start(self) -> Endpoint:
        await self.close()
        self._number += 1
        instance = InstanceId(f"{ID}.check.{self._number}")
        self._running = plugin = Plugin(instance, self._fault, slow=PATIENCE.slow + 2.0)
        plugin.die = self._die
        address = f"unix:{self._folder / str(self._number)}"
        self._server = await serve(plugin, address)
        return Endpoint(instance_id=instance, address=address)

    def _die(self) -> None:
        assert self._server is not None
        self._ending = asyncio.ensure_future(self._server.stop(None))

    async def allow(self, manifest: Manifest, values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        pass

    async def ended(self) -> str:
        return "exit code 3" if self._ending is not None else ""

    async def send(self, number: signal.Signals) -> bool:
        return False

    async def exit(self) -> ExitInfo:
        raise AssertionError("it cannot be signalled")

    async def log(self) -> Sequence[str] | None:
        assert self._running is not None
        return list(self._running.lines)

    async def close(self) -> None:
        if self._ending is not None:
            await self._ending
        if self._server is not None:
            await self._server.stop(None)
        self._server = self._ending = None


@pytest.fixture
def folder() -> Iterator[Path]:
    # A socket's path may have 108 bytes.
    with tempfile.TemporaryDirectory(prefix="pc-") as name:
        yield Path(name)


def routes(fault: str) -> CheckTable:
    slow = "/slow" if fault in ("", *SLOW) else "none"
    return CheckTable(
        call="/ok", stream="/events", upload="/upload", websocket="/socket", slow=slow,
        settings={"greeting": "hi"},
    )  # fmt: skip


async def checked(fault: str, folder: Path) -> Report:
    own = folder / (fault or "good")
    await asyncio.to_thread(own.mkdir)
    place = InThisProcess(fault, own)
    try:
        return await run_checks(fault, place, Plan(routes=routes(fault), patience=PATIENCE), SUITE)
    finally:
        await place.close()


def failed(report: Report) -> set[str]:
    return {finding.id for finding in report.of(Outcome.FAIL)}


def test_every_check_has_a_fault_that_it_finds() -> None:
    found = {FOUND_BY.get(fault, fault) for fault in FAULTS} | set(SIGNALS)
    assert found == set(PLAIN)


async def test_a_plugin_without_a_fault_passes_all(folder: Path) -> None:
    report = await checked("", folder)
    assert failed(report) == set()
    assert report.of(Outcome.NOT_TRIED) == ()
    assert {finding.id for finding in report.of(Outcome.NOT_APPLICABLE)} == {"manifest.services", *SIGNALS}
    assert [finding.id for finding in report.findings] == list(PLAIN)


class Baffling(InThisProcess):
    """What it says of itself is like nothing that was thought of."""

    async def allow(self, manifest: Manifest, values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        raise TypeError("argument of type 'bool' is not iterable")


async def test_what_nobody_thought_of_is_a_finding_too(folder: Path) -> None:
    place = Baffling("", folder)
    try:
        report = await run_checks("x", place, Plan(routes=routes("x"), patience=PATIENCE), SUITE)
    finally:
        await place.close()
    assert failed(report) == {START.id}
    assert "TypeError" in report.of(Outcome.FAIL)[0].seen
    assert not report.of(Outcome.PASS)


GROUPS = ("start", "negotiation", "manifest", "permissions", "health", "settings", "call", "garbage",
          "stream", "upload", "websocket", "ui", "metrics", "logs", "cancel", "drain")  # fmt: skip


def test_no_group_of_faults_is_forgotten() -> None:
    assert {fault.split(".")[0] for fault in FAULTS} == set(GROUPS)


@pytest.mark.timeout(170)
@pytest.mark.parametrize("group", GROUPS)
async def test_a_fault_fails_its_check_and_no_other(group: str, folder: Path) -> None:
    faults = [fault for fault in FAULTS if fault.split(".")[0] == group]
    free = asyncio.Semaphore(AT_ONCE)

    async def one(fault: str) -> Report:
        async with free:
            return await checked(fault, folder)

    reports = await asyncio.gather(*(one(fault) for fault in faults))
    found = {fault: failed(report) for fault, report in zip(faults, reports, strict=True)}
    assert found == {fault: {FOUND_BY.get(fault, fault)} for fault in faults}
    for report in reports:
        for finding in report.of(Outcome.FAIL):
            assert finding.seen
            assert finding.promise
