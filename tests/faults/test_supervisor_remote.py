"""Plugins that someone else runs."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from plugway.plugin.v1 import plugin_pb2 as pb

from gateway.home import Home
from gateway.model import PluginState, RemoteArtifact
from gateway.supervisor.loop import Elsewhere
from tests.fakes.several_plugins import SeveralPlugins, serve_several
from tests.faults.supervised import ODD, quick, supervised, until

HEALTHY, UNHEALTHY, STARTING = PluginState.HEALTHY, PluginState.UNHEALTHY, PluginState.STARTING


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


class Stranger(SeveralPlugins):
    """Has other plugins than the one that is asked for, and counts how often it is."""

    def __init__(self) -> None:
        super().__init__("other")
        self.asks = 0

    async def Describe(self, request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:  # noqa: N802
        self.asks += 1
        return await super().Describe(request, context)


@pytest.mark.timeout(120)
async def test_one_that_its_server_does_not_know_is_asked_for_beyond_any_limit_of_starts(
    home: Home, socket_path: Path
) -> None:
    """So none is told: "failure 2 of 1" was."""
    stranger = Stranger()
    server, _ = await serve_several(f"unix:{socket_path}", stranger, None)
    settings = quick(quarantine_after=1)
    told = set()
    try:
        async with supervised(home, settings) as gateway:
            plugin = await gateway.add("good", "far", RemoteArtifact(address=f"unix:{socket_path}"))

            def look() -> bool:
                told.add(gateway.status(plugin).reason)
                return stranger.asks > 1

            # Ten seconds lie between two asks.
            await until(look, lambda: f"another ask; it is {gateway.status(plugin)}", 90)
    finally:
        await server.stop(None)
    assert any("is asked again soon" in reason for reason in told), told
    assert not [reason for reason in told if "in a row" in reason]
