"""Faults of what is around the supervisor: runtime, database, clock, the files of a release."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.definition import PluginDefinition
from gateway.digests import identified, tree_digest
from gateway.home import Home
from gateway.model import DirectoryArtifact, PluginState, Release, VerifiedRelease
from gateway.registry.records import PluginRecord
from gateway.runtimes.base import InstanceSpec, Progress, ReleaseNotRunnable, RuntimeFailure, RuntimeInstance
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from gateway.supervisor.clock import Clock
from tests.faults.supervised import ODD, odd, quick, supervised, until

HEALTHY, UNHEALTHY = PluginState.HEALTHY, PluginState.UNHEALTHY
STARTING, QUARANTINED = PluginState.STARTING, PluginState.QUARANTINED


class FaultyRuntime(ProcessRuntime):
    """A real runtime that can be told to fail."""

    def __init__(self, home: Home, settings: Settings) -> None:
        super().__init__(home, settings)
        self.lists = 0
        self.broken: RuntimeFailure | None = None
        self.hangs = False
        self.start_fails: RuntimeFailure | None = None
        self.events = "good"

    async def prepare(self, release: VerifiedRelease, progress: Progress) -> None:
        progress("Building the image: step 1 of 3.")
        await super().prepare(release, progress)

    async def start(self, spec: InstanceSpec) -> RuntimeInstance:
        if self.start_fails:
            raise self.start_fails
        return await super().start(spec)

    async def list(self) -> Sequence[RuntimeInstance]:
        self.lists += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.broken:
            raise self.broken
        return await super().list()

    async def changes(self) -> AsyncIterator[None]:
        if self.events == "broken":
            raise RuntimeFailure("the stream was cut")
        while self.events == "flood":
            yield None
            await asyncio.sleep(0)
        if self.events == "silent":
            await asyncio.Event().wait()


async def test_a_runtime_that_is_away_changes_nothing_for_what_serves(home: Home) -> None:
    settings = quick()
    runtime = FaultyRuntime(home, settings)
    async with supervised(home, settings, runtime) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        route, pid = gateway.route(plugin), await gateway.pid(plugin)
        runtime.broken = RuntimeFailure("the engine is being restarted.")
        late = await gateway.add("good", "late")
        await gateway.state(late, STARTING, "The runtime 'process' does not answer: the engine is being")
        assert gateway.route(plugin) == route
        runtime.broken = None
        await gateway.state(late, HEALTHY)
        assert await gateway.pid(plugin) == pid


async def test_health_is_told_while_the_runtime_hangs(home: Home) -> None:
    settings = quick()
    runtime = FaultyRuntime(home, settings)
    async with supervised(home, settings, runtime) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        pid = await gateway.pid(plugin)
        runtime.hangs = True
        gateway.supervisor.wake()
        os.kill(pid, signal.SIGUSR1)
        await gateway.state(plugin, UNHEALTHY, "It says that it is not serving.")
        os.kill(pid, signal.SIGUSR2)
        await gateway.state(plugin, HEALTHY)
        runtime.hangs = False


@pytest.mark.parametrize("events", ["broken", "silent", "ends"])
async def test_an_exit_is_found_whatever_the_event_stream_does(home: Home, events: str) -> None:
    settings = quick(restart_after=0.3)
    runtime = FaultyRuntime(home, settings)
    runtime.events = events
    async with supervised(home, settings, runtime) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        os.kill(await gateway.pid(plugin), signal.SIGKILL)
        await gateway.state(plugin, UNHEALTHY)
        await gateway.state(plugin, HEALTHY)


async def test_a_flood_of_events_is_no_busy_loop(home: Home) -> None:
    settings = quick()
    runtime = FaultyRuntime(home, settings)
    async with supervised(home, settings, runtime) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        # The stream of good events ended at once, so this is what the next one does.
        runtime.events = "flood"
        await until(lambda: runtime.lists > 10 or None, lambda: "the flood")
        before = runtime.lists
        await asyncio.sleep(1.0)
        assert runtime.lists - before <= 21
        runtime.events = "good"


async def test_what_cannot_run_here_is_not_tried_twice(home: Home) -> None:
    settings = quick()
    runtime = FaultyRuntime(home, settings)
    runtime.start_fails = ReleaseNotRunnable("It comes as an image, which this runtime cannot run.")
    async with supervised(home, settings, runtime) as gateway:
        plugin = await gateway.add("good")
        status = await gateway.state(plugin, QUARANTINED, "It comes as an image")
        assert status.restarts == 0


async def test_a_failing_start_is_tried_with_back_off(home: Home) -> None:
    settings = quick(backoff_first=0.3, backoff_max=0.3)
    runtime = FaultyRuntime(home, settings)
    runtime.start_fails = RuntimeFailure("no space left for a container.")
    async with supervised(home, settings, runtime) as gateway:
        plugin = await gateway.add("good")
        status = await gateway.state(plugin, UNHEALTHY, "no space left for a container.")
        assert "failure 1 of 3 in a row" in status.reason
        assert status.retry_at is not None
        runtime.start_fails = None
        await gateway.state(plugin, HEALTHY)
        texts = [event.data["text"] for event in gateway.events.since(0) if event.type == "plugin.progress"]
        assert "Building the image: step 1 of 3." in texts


async def test_files_changed_after_installation_are_not_run(home: Home, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ODD, copy)
    release = await asyncio.to_thread(_release_of, copy)
    async with supervised(home, quick()) as gateway:
        definition = PluginDefinition(id=release.plugin_id)
        record = PluginRecord(id=release.plugin_id, definition=definition, release_id=release.id)
        (copy / "odd" / "__main__.py").write_text("raise SystemExit('other code')\n")
        await gateway.store.add_plugin(record, release)
        status = await gateway.state(record.id, QUARANTINED, "is not what was installed")
        assert status.restarts == 0


def _release_of(path: Path) -> Release:
    release = odd("good", "changed")
    assert isinstance(release.artifact, DirectoryArtifact)
    artifact = replace(release.artifact, path=str(path), digest=tree_digest(path))
    return identified(replace(release, artifact=artifact))


async def test_a_database_that_takes_no_writes_is_no_fault_of_the_plugin(home: Home) -> None:
    async with supervised(home, quick(quarantine_after=2)) as gateway:
        plugin, late = await gateway.add("good"), await gateway.add("good", "late")
        await gateway.state(plugin, HEALTHY)
        await gateway.state(late, HEALTHY)
        lock = sqlite3.connect(home.path / "plugway.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        try:
            os.kill(await gateway.pid(late), signal.SIGKILL)
            # The first of two failures is the kill; the database must not become the second.
            await gateway.state(late, STARTING, "another program holds it")
            assert gateway.status(plugin).state is HEALTHY
        finally:
            lock.close()
        assert (await gateway.state(late, HEALTHY)).restarts >= 1


class JumpingWall:
    """A wall clock that somebody sets an hour forth and back, again and again."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return time.time() + (3600.0 if self.reads % 2 else -3600.0)


async def test_clock_jumps_do_not_matter(home: Home) -> None:
    clock = Clock(wall=JumpingWall())
    settings = quick(backoff_first=0.6, backoff_max=0.6, stable_after=3600.0)
    async with supervised(home, settings, clock=clock) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        os.kill(await gateway.pid(plugin), signal.SIGKILL)
        await gateway.state(plugin, UNHEALTHY, "failure 1 of 3")
        killed = time.monotonic()
        await gateway.state(plugin, STARTING)
        assert time.monotonic() - killed >= 0.5
        await gateway.state(plugin, HEALTHY)
        # An hour is not a stable time of an hour: the second failure belongs to the same row.
        os.kill(await gateway.pid(plugin), signal.SIGKILL)
        await gateway.state(plugin, UNHEALTHY, "failure 2 of 3")
        slow = await gateway.add("slow")
        assert (await gateway.state(slow, HEALTHY)).restarts == 0
