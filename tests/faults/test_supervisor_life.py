"""Adoption, management acts and the end: with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gateway.definition import PluginDefinition
from gateway.errors import BadInput, Conflict, NotFound
from gateway.home import Home
from gateway.model import InstanceId, PluginState, RemoteArtifact
from gateway.registry.errors import AlreadyInstalled
from gateway.runtimes.base import InstanceSpec, RuntimeInstance
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from gateway.supervisor.lifecycle import NoSettings, SettingsUnknown
from gateway.supervisor.loop import Elsewhere
from tests.faults.supervised import ODD, Supervised, quick, supervised, until

HEALTHY, UNHEALTHY = PluginState.HEALTHY, PluginState.UNHEALTHY
DISABLED, STARTING = PluginState.DISABLED, PluginState.STARTING


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    opened = Home(tmp_path).open()
    yield opened
    opened.close()


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


async def test_stopping_leaves_nothing(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        plugins = [await gateway.add("good", "one"), await gateway.add("never-starts", "two")]
        await gateway.state(plugins[0], HEALTHY)
        await gateway.state(plugins[1], STARTING, "It does not listen yet")
        pids = [await gateway.pid(plugin) for plugin in plugins]
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_switching_off_and_on(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        pid = await gateway.pid(plugin)
        await gateway.lifecycle.disable(plugin)
        await gateway.state(plugin, DISABLED, "switched off")
        await until(lambda: not psutil.pid_exists(pid), lambda: "its end")
        assert gateway.route(plugin).retry_after == 60.0
        with pytest.raises(Conflict, match="switched off"):
            await gateway.lifecycle.restart(plugin)
        assert not (await gateway.lifecycle.disable(plugin)).enabled
        await gateway.lifecycle.enable(plugin)
        await gateway.state(plugin, HEALTHY)


async def test_the_note_of_a_start_that_never_came_to_be_is_forgotten(home: Home) -> None:
    """A killed gateway may have written down what it was about to start, and nobody wants it any more."""
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        (running,) = gateway.store.instances(plugin)
        await gateway.store.put_instance(replace(running, id=InstanceId("never-started-0"), endpoint=None))
        await until(lambda: gateway.store.instances(plugin) == (running,), lambda: "the note to go")
        await gateway.state(plugin, HEALTHY)


async def test_switching_off_ends_a_quarantine(home: Home) -> None:
    async with supervised(home, quick(quarantine_after=1)) as gateway:
        plugin = await gateway.add("dies")
        await gateway.state(plugin, PluginState.QUARANTINED)
        await gateway.lifecycle.disable(plugin)
        await gateway.state(plugin, DISABLED)
        await until(lambda: not gateway.supervisor.status(plugin).instances, lambda: "its end")
        await gateway.lifecycle.enable(plugin)
        await gateway.state(plugin, PluginState.QUARANTINED)


async def test_restart_drains_and_replaces(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        pid = await gateway.pid(plugin)
        await gateway.lifecycle.restart(plugin)
        assert gateway.route(plugin).targets[0].endpoints == ()
        await gateway.state(plugin, HEALTHY)
        assert await gateway.pid(plugin) != pid
        lines = [line async for line in gateway.supervisor.logs(plugin, tail=50, follow=False)]
        assert "drained: A restart was asked for." in [line.text for line in lines]
        assert {line.instance for line in lines} == {gateway.status(plugin).instances[0].id}


async def test_installing_and_uninstalling(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        definition = PluginDefinition(id="odd-good")
        record = await gateway.lifecycle.install(definition)
        with pytest.raises(AlreadyInstalled):
            await gateway.lifecycle.install(definition)
        await gateway.state(record.id, HEALTHY)
        pid = await gateway.pid(record.id)
        content, text = await gateway.supervisor.collect_metrics(record.id)
        assert (content, text) == ("text/plain", b"up 1\n")
        await gateway.lifecycle.uninstall(record.id, purge=True)
        assert not psutil.pid_exists(pid)
        assert not home.log_file(gateway_instance(record.release_id)).exists()
        with pytest.raises(NotFound):
            gateway.supervisor.status(record.id)
        await until(lambda: record.id not in gateway.snapshots.current.routes, lambda: "the route to go")
        types = [event.type for event in gateway.events.since(0)]
        assert {"plugin.installed", "plugin.removed"} <= set(types)


def gateway_instance(release: str) -> InstanceId:
    return InstanceId(f"{release}-0")


async def test_settings_are_refused_by_field_and_the_old_stay(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("wants-settings")
        status = await gateway.state(plugin, UNHEALTHY, "/url: must start with http")
        assert f"plugway configure {plugin}" in status.reason
        result = await gateway.lifecycle.configure(plugin, {"url": "ftp://x"}, dry_run=False)
        assert (result.accepted, dict(result.errors)) == (False, {"/url": "must start with http"})
        good = {"url": "http://x", "password": "hunter2"}
        assert (await gateway.lifecycle.configure(plugin, good, dry_run=True)).accepted
        assert gateway.store.plugin(plugin).settings.revision == 0
        assert (await gateway.lifecycle.configure(plugin, good, dry_run=False)).accepted
        await gateway.state(plugin, HEALTHY)
        assert not (await gateway.lifecycle.configure(plugin, {"url": "no"}, dry_run=False)).accepted
        stored = gateway.store.plugin(plugin).settings
        assert (stored.values, stored.secrets) == ({"url": "http://x"}, {"/password": "hunter2"})
        assert gateway.status(plugin).state is HEALTHY
        # A new process gets them as well.
        os.kill(await gateway.pid(plugin), signal.SIGKILL)
        await until(lambda: gateway.status(plugin).restarts == 1, lambda: "the restart")
        await gateway.state(plugin, HEALTHY)
        lines = [line.text async for line in gateway.supervisor.logs(plugin, tail=50, follow=False)]
        assert lines.count("settings 1: http://x ['/password']") >= 2
        told = str([dict(event.data) for event in gateway.events.since(0)])
        assert "hunter2" not in told + str(lines) + str(gateway.status(plugin))


async def test_settings_of_a_plugin_that_is_switched_off_are_judged_by_their_schema(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("wants-settings")
        with pytest.raises(SettingsUnknown):
            await gateway.lifecycle.configure(plugin, {}, dry_run=False)
        await gateway.state(plugin, UNHEALTHY)
        pid = await gateway.pid(plugin)
        await gateway.lifecycle.disable(plugin)
        await until(lambda: not psutil.pid_exists(pid), lambda: "its end")
        await gateway.supervisor.stopped(plugin)
        result = await gateway.lifecycle.configure(plugin, {}, dry_run=False)
        assert dict(result.errors) == {"/url": "is required"}
        with pytest.raises(BadInput):
            await gateway.lifecycle.configure(plugin, {"url": "http://x", "password": 7}, dry_run=False)
        assert (await gateway.lifecycle.configure(plugin, {"url": "http://x"}, dry_run=False)).accepted
        await gateway.lifecycle.enable(plugin)
        await gateway.state(plugin, HEALTHY)


async def test_a_plugin_that_needs_a_restart_for_its_settings_gets_one(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("restart-for-settings")
        await gateway.state(plugin, HEALTHY)
        await gateway.store.update_plugin(
            plugin, rollout_defaults={"min_healthy": 0.1, "bake": 0.1, "drain": 1}
        )
        pid = await gateway.pid(plugin)
        result = await gateway.lifecycle.configure(plugin, {"url": "http://x"}, dry_run=False)
        assert result.restart_required
        assert result.rollout
        await until(lambda: not psutil.pid_exists(pid), lambda: "the restart")
        await gateway.state(plugin, HEALTHY)


async def test_a_plugin_without_settings_says_so(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        with pytest.raises(NoSettings):
            await gateway.lifecycle.configure(plugin, {}, dry_run=False)


async def _odd_process(path: Path, behaviour: str, plugin: str) -> asyncio.subprocess.Process:
    """The odd plugin, started by someone else."""
    environment = {**os.environ, "PLUGWAY_LISTEN": f"unix:{path}", "PYTHONPATH": str(ODD)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "odd", behaviour, plugin, env=environment, stdout=asyncio.subprocess.DEVNULL
    )


@pytest.fixture
async def socket_path() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pw") as directory:
        yield Path(directory) / "remote.sock"


async def test_a_remote_plugin_is_attached_waited_for_and_never_stopped(
    home: Home, socket_path: Path
) -> None:
    artifact = RemoteArtifact(address=f"unix:{socket_path}")
    settings = quick()
    async with supervised(home, settings) as gateway:
        plugin = await gateway.add("good", "far", artifact)
        await gateway.state(plugin, STARTING, "its socket is not there")
        process = await _odd_process(socket_path, "good", "far")
        try:
            await gateway.state(plugin, HEALTHY)
            (first,) = gateway.route(plugin).targets[0].endpoints
            assert gateway.route(plugin).targets[0].version == "1.0.0"
            with pytest.raises(Elsewhere):
                async for _ in gateway.supervisor.logs(plugin, tail=1, follow=False):
                    pass
            process.kill()
            await process.wait()
            await gateway.state(plugin, UNHEALTHY)
            process = await _odd_process(socket_path, "good", "far")
            await gateway.state(plugin, HEALTHY)
            (second,) = gateway.route(plugin).targets[0].endpoints
            assert (first.address, first.incarnation) != (second.address, second.incarnation)
            await gateway.lifecycle.restart(plugin)
            await gateway.state(plugin, HEALTHY)
            await gateway.supervisor.stop(keep=False)
            assert process.returncode is None
        finally:
            process.terminate()
            await process.wait()


async def test_an_adopted_remote_plugin_is_routed_at_once(home: Home, socket_path: Path) -> None:
    artifact = RemoteArtifact(address=f"unix:{socket_path}")
    process = await _odd_process(socket_path, "good", "far")
    try:
        async with supervised(home, quick()) as gateway:
            plugin = await gateway.add("good", "far", artifact)
            await gateway.state(plugin, HEALTHY)
            route = gateway.route(plugin)
        async with supervised(home, quick()) as gateway:
            assert gateway.route(plugin) == route
    finally:
        process.terminate()
        await process.wait()


async def test_another_plugin_on_a_remote_address_is_quarantined(home: Home, socket_path: Path) -> None:
    process = await _odd_process(socket_path, "good", "stranger")
    try:
        async with supervised(home, quick()) as gateway:
            plugin = await gateway.add("good", "far", RemoteArtifact(address=f"unix:{socket_path}"))
            await gateway.state(plugin, PluginState.QUARANTINED, "It says that it is the plugin 'stranger'")
    finally:
        process.terminate()
        await process.wait()
