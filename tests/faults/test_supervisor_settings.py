"""Settings of plugins that run, are switched off, or need a restart for them: with real processes."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from gateway.errors import BadInput
from gateway.home import Home
from gateway.model import PluginState
from gateway.supervisor.lifecycle import NoSettings, SettingsUnknown
from tests.faults.supervised import quick, supervised, until

HEALTHY, UNHEALTHY = PluginState.HEALTHY, PluginState.UNHEALTHY


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
