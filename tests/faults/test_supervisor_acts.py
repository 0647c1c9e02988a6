"""Management acts on plugins that run: with real processes."""

from __future__ import annotations

import psutil
import pytest

from gateway.definition import PluginDefinition
from gateway.errors import Conflict, NotFound
from gateway.home import Home
from gateway.model import InstanceId, PluginState
from gateway.registry.errors import AlreadyInstalled
from tests.faults.supervised import quick, supervised, until

HEALTHY, DISABLED = PluginState.HEALTHY, PluginState.DISABLED


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
