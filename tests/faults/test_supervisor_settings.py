"""Settings of plugins that run, are switched off, or need a restart for them: with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace

import psutil
import pytest

from gateway.errors import BadInput
from gateway.home import Home
from gateway.model import PluginId, PluginState
from gateway.supervisor import meeting
from gateway.supervisor.lifecycle import NoSettings, SettingsUnknown
from tests.faults.supervised import Supervised, quick, supervised, until

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


async def taken(gateway: Supervised, plugin: PluginId) -> list[str]:
    """Each time that the plugin took settings: what it says of them."""
    lines = [line.text async for line in gateway.supervisor.logs(plugin, tail=200, follow=False)]
    return [line for line in lines if line.startswith("settings ")]


async def seen_last(gateway: Supervised, plugin: PluginId, url: str) -> None:
    async with asyncio.timeout(30):
        while f": {url} " not in (await taken(gateway, plugin))[-1]:  # noqa: ASYNC110  a log has no event
            await asyncio.sleep(0.05)


async def test_a_check_while_the_registry_writes_does_not_bring_the_old_ones_back(home: Home) -> None:
    async with supervised(home, quick(check_interval=0.05)) as gateway:
        plugin = await gateway.add("wants-settings")
        await gateway.state(plugin, UNHEALTHY)
        await gateway.lifecycle.configure(plugin, {"url": "http://one"}, dry_run=False)
        await gateway.state(plugin, HEALTHY)
        with closing(sqlite3.connect(home.path / "plugway.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            saving = asyncio.create_task(
                gateway.lifecycle.configure(plugin, {"url": "http://two"}, dry_run=False)
            )
            await seen_last(gateway, plugin, "http://two")
            before = len(await taken(gateway, plugin))
            await asyncio.sleep(1)  # Many a health check.
            assert not saving.done(), "the database was held all the while"
        assert (await saving).accepted
        await asyncio.sleep(0.5)
        assert len(await taken(gateway, plugin)) == before
        assert gateway.store.plugin(plugin).settings.values == {"url": "http://two"}


async def test_what_the_registry_never_got_is_taken_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "TO_STORE", 0.5)
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("wants-settings")
        await gateway.state(plugin, UNHEALTHY)
        await gateway.lifecycle.configure(plugin, {"url": "http://one"}, dry_run=False)
        await gateway.state(plugin, HEALTHY)
        stored = gateway.store.plugin(plugin).settings
        lost = replace(stored, values={"url": "http://two"}, revision=stored.revision + 1)
        await gateway.supervisor.configure(plugin, lost, dry_run=False)
        await seen_last(gateway, plugin, "http://two")
        await seen_last(gateway, plugin, "http://one")
