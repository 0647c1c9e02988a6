"""Adoption by the next gateway, idling and the end: with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import replace

import psutil

from gateway.home import Home
from gateway.model import InstanceId, PluginState
from gateway.runtimes.base import InstanceSpec, RuntimeInstance
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from tests.faults.supervised import Supervised, quick, supervised, until

HEALTHY, STARTING = PluginState.HEALTHY, PluginState.STARTING


class CountingRuntime(ProcessRuntime):
    """Counts what it is asked."""

    def __init__(self, home: Home, settings: Settings) -> None:
        super().__init__(home, settings)
        self.asked = {"list": 0, "start": 0, "stop": 0}

    async def list(self) -> Sequence[RuntimeInstance]:
        self.asked["list"] += 1
        return await super().list()

    async def start(self, spec: InstanceSpec) -> RuntimeInstance:
        self.asked["start"] += 1
        return await super().start(spec)

    async def stop(self, instance: InstanceId, grace: float) -> None:
        self.asked["stop"] += 1
        await super().stop(instance, grace)


async def _crash(gateway: Supervised) -> None:
    """End as a killed gateway does: nothing is told to anyone, nothing more is written."""
    await gateway.supervisor.stop(keep=True)


async def test_a_new_gateway_adopts_what_runs(home: Home) -> None:
    settings = quick()
    async with supervised(home, settings, keep=True) as gateway:
        plugins = [await gateway.add("good", name) for name in ("one", "two")]
        for plugin in plugins:
            await gateway.state(plugin, HEALTHY)
        pids = [await gateway.pid(plugin) for plugin in plugins]
        routes = [gateway.route(plugin) for plugin in plugins]
    runtime = CountingRuntime(home, settings)
    # Nothing can answer a check, so what is routed was routed before any.
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    async with supervised(home, settings, runtime) as gateway:
        assert [gateway.route(plugin) for plugin in plugins] == routes
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(3 * settings.check_interval)
        for plugin in plugins:
            await gateway.state(plugin, HEALTHY)
        assert [await gateway.pid(plugin) for plugin in plugins] == pids
        assert (runtime.asked["start"], runtime.asked["stop"]) == (0, 0)
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_what_died_while_the_gateway_was_away_is_started_again(home: Home) -> None:
    async with supervised(home, quick(), keep=True) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        pid = await gateway.pid(plugin)
    os.kill(pid, signal.SIGKILL)
    async with supervised(home, quick()) as gateway:
        assert gateway.route(plugin).state is STARTING
        await gateway.state(plugin, HEALTHY)
        assert await gateway.pid(plugin) != pid


async def test_what_is_no_longer_wanted_is_stopped_by_the_next_gateway(home: Home) -> None:
    async with supervised(home, quick(), keep=True) as gateway:
        gone, kept = await gateway.add("good", "gone"), await gateway.add("good", "kept")
        await gateway.state(gone, HEALTHY)
        await gateway.state(kept, HEALTHY)
        pid, kept_pid = await gateway.pid(gone), await gateway.pid(kept)
        await _crash(gateway)
        await gateway.store.remove_plugin(gone)
    async with supervised(home, quick()) as gateway:
        await until(lambda: not psutil.pid_exists(pid), lambda: "the orphan to end")
        assert await gateway.pid(kept) == kept_pid


async def test_half_started_is_not_taken_for_good(home: Home) -> None:
    """A gateway that ended during a start-up leaves an instance that no one has judged."""
    async with supervised(home, quick(), keep=True) as gateway:
        plugin = await gateway.add("slow")
        await until(lambda: gateway.status(plugin).instances or None, lambda: "the start")
        await until(lambda: gateway.status(plugin).instances[0].address or None, lambda: "the process")
        pid = await gateway.pid(plugin)
    async with supervised(home, quick()) as gateway:
        assert gateway.route(plugin).state is STARTING
        await gateway.state(plugin, HEALTHY)
        assert await gateway.pid(plugin) == pid


async def test_an_idle_supervisor_does_little(home: Home) -> None:
    settings = quick(check_interval=0.5)
    runtime = CountingRuntime(home, settings)
    async with supervised(home, settings, runtime) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        await asyncio.sleep(0.5)
        before, events = dict(runtime.asked), len(gateway.events.since(0))
        number, me = gateway.snapshots.current.number, psutil.Process()
        used = sum(me.cpu_times()[:2])
        await asyncio.sleep(3.0)
        # At most the one look that its timer asks for.
        assert runtime.asked["list"] - before["list"] <= 1
        assert len(gateway.events.since(0)) == events
        assert gateway.snapshots.current.number == number
        assert sum(me.cpu_times()[:2]) - used < 0.3


async def test_the_note_of_a_start_that_never_came_to_be_is_forgotten(home: Home) -> None:
    """A killed gateway may have written down what it was about to start, and nobody wants it any more."""
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        (running,) = gateway.store.instances(plugin)
        await gateway.store.put_instance(replace(running, id=InstanceId("never-started-0"), endpoint=None))
        await until(lambda: gateway.store.instances(plugin) == (running,), lambda: "the note to go")
        await gateway.state(plugin, HEALTHY)


async def test_stopping_leaves_nothing(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        plugins = [await gateway.add("good", "one"), await gateway.add("never-starts", "two")]
        await gateway.state(plugins[0], HEALTHY)
        await gateway.state(plugins[1], STARTING, "It does not listen yet")
        pids = [await gateway.pid(plugin) for plugin in plugins]
    assert not any(psutil.pid_exists(pid) for pid in pids)
