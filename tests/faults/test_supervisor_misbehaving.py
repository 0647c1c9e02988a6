"""Every way a plugin can misbehave ends in a state with a plain reason, and its neighbour is unharmed."""

from __future__ import annotations

import os
import signal

import pytest

from gateway.home import Home
from gateway.model import PluginState, Voice
from tests.faults.supervised import quick, supervised, until

HEALTHY, UNHEALTHY = PluginState.HEALTHY, PluginState.UNHEALTHY
QUARANTINED, STARTING = PluginState.QUARANTINED, PluginState.STARTING


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("other-contract", "It speaks contract 2, 3, this gateway speaks 1."),
        ("other-id", "It says that it is the plugin 'somebody-else', not 'odd-other-id'."),
        ("other-version", "It says that it is version 9.9.9; 1.0.0 is installed."),
        ("greedy", "It wants more than its release was granted: connections to example.org:443."),
    ],
)
async def test_what_would_fail_again_is_quarantined_at_once(home: Home, behaviour: str, reason: str) -> None:
    async with supervised(home, quick()) as gateway:
        plugin, neighbour = await gateway.add(behaviour), await gateway.add("good")
        status = await gateway.state(plugin, QUARANTINED, reason)
        await gateway.state(neighbour, HEALTHY)
        assert "Trying again would not help." in status.reason
        assert f"plugway restart {plugin}" in status.reason
        assert status.restarts == 0
        assert status.retry_at is None
        # What must not serve does not go on running either.
        await until(lambda: gateway.status(plugin).instances[0].address == "", lambda: "the stop")
        assert [one.plugin_id for one in await gateway.runtime.list()] == [neighbour]
        assert gateway.route(plugin).targets[0].endpoints == ()


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("dies", "no luck"),
        ("never-starts", "It does not listen yet: its socket is not there."),
        ("garbage", "What answers on its address does not speak gRPC."),
        ("garbled", "Its answer to Describe is not a message of the contract."),
        ("describe-fails", "Describe failed in the plugin (INTERNAL)."),
        ("ui-lies", "The file 'index.js' of its UI bundle is not what its digest says."),
        ("ui-escapes", "UI bundle do not hold: '../index.js' is absolute or has an empty, '.' or '..' part."),
        ("dies-later", "out of luck"),
    ],
)
async def test_what_fails_again_and_again_is_quarantined_in_the_end(
    home: Home, behaviour: str, reason: str
) -> None:
    # The second has to have time to start, on a busy machine as well.
    budget = {"never-starts": 0.6, "garbage": 4.0}.get(behaviour, 20.0)
    async with supervised(home, quick(start_timeout=budget, quarantine_after=2)) as gateway:
        plugin = await gateway.add(behaviour)
        status = await gateway.state(plugin, QUARANTINED, reason)
        assert "It failed 2 times in a row and is not started again." in status.reason
        assert f"plugway logs {plugin}" in status.reason
        assert "secret" not in status.reason
        assert status.restarts == 1
        route = gateway.route(plugin)
        assert (route.state, route.reason, route.retry_after) == (QUARANTINED, status.reason, 60.0)
        types = [event.data["state"] for event in gateway.events.since(0) if event.type == "plugin.state"]
        assert types[0] == "starting"
        assert types[-1] == "quarantined"


async def test_a_neighbour_notices_nothing(home: Home) -> None:
    async with supervised(home, quick(quarantine_after=2)) as gateway:
        neighbour = await gateway.add("good")
        await gateway.state(neighbour, HEALTHY)
        before, route = await gateway.pid(neighbour), gateway.route(neighbour)
        for behaviour in ("dies", "other-contract", "garbled"):
            plugin = await gateway.add(behaviour)
            await gateway.state(plugin, QUARANTINED)
            assert gateway.status(neighbour).state is HEALTHY
        assert await gateway.pid(neighbour) == before
        assert gateway.route(neighbour) == route
        told = [event for event in gateway.events.since(0) if event.plugin == neighbour]
        assert [event.data["state"] for event in told if event.type == "plugin.state"][-1] == "healthy"


async def test_a_restart_ends_a_quarantine(home: Home) -> None:
    async with supervised(home, quick(quarantine_after=1)) as gateway:
        plugin = await gateway.add("dies")
        await gateway.state(plugin, QUARANTINED)
        runs = gateway.status(plugin).restarts
        await gateway.lifecycle.restart(plugin)
        await until(lambda: gateway.status(plugin).restarts > runs, lambda: "another start")
        await gateway.state(plugin, QUARANTINED)


async def test_a_slow_starter_is_not_killed_early(home: Home) -> None:
    """Its start takes many times the budget of a check."""
    async with supervised(home, quick(check_timeout=0.2, restart_after=0.3)) as gateway:
        plugin = await gateway.add("slow")
        status = await gateway.state(plugin, HEALTHY)
        assert status.restarts == 0


async def test_a_hung_plugin_is_told_and_replaced(home: Home) -> None:
    async with supervised(home, quick(restart_after=1.5)) as gateway:
        plugin, neighbour = await gateway.add("good"), await gateway.add("good", "neighbour")
        await gateway.state(plugin, HEALTHY)
        await gateway.state(neighbour, HEALTHY)
        hung, before = await gateway.pid(plugin), gateway.route(plugin).targets[0].endpoints
        os.kill(hung, signal.SIGSTOP)
        status = await gateway.state(plugin, UNHEALTHY, "No answer to the health check in time.")
        assert status.voice is Voice.ACTIVE
        assert gateway.route(plugin).targets[0].endpoints == ()
        await until(lambda: gateway.status(plugin).restarts == 1, lambda: "the replacement")
        status = await gateway.state(plugin, HEALTHY)
        assert await gateway.pid(plugin) != hung
        assert gateway.route(plugin).targets[0].endpoints != before
        assert gateway.status(neighbour).restarts == 0


async def test_a_short_hang_is_survived(home: Home) -> None:
    async with supervised(home, quick(restart_after=20.0)) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        pid = await gateway.pid(plugin)
        os.kill(pid, signal.SIGSTOP)
        await gateway.state(plugin, UNHEALTHY)
        os.kill(pid, signal.SIGCONT)
        status = await gateway.state(plugin, HEALTHY)
        assert (status.restarts, await gateway.pid(plugin)) == (0, pid)


@pytest.mark.parametrize("behaviour", ["good", "watch-silent", "no-watch", "watch-flood"])
async def test_its_own_word_counts_whatever_its_watch_does(home: Home, behaviour: str) -> None:
    """Not serving is no reason to kill it: it answers."""
    async with supervised(home, quick(restart_after=0.2)) as gateway:
        plugin = await gateway.add(behaviour)
        await gateway.state(plugin, HEALTHY)
        pid = await gateway.pid(plugin)
        os.kill(pid, signal.SIGUSR1)
        await gateway.state(plugin, UNHEALTHY, "It says that it is not serving.")
        os.kill(pid, signal.SIGUSR2)
        status = await gateway.state(plugin, HEALTHY)
        assert (status.restarts, await gateway.pid(plugin)) == (0, pid)


async def test_the_watch_is_faster_than_the_checks(home: Home) -> None:
    async with supervised(home, quick(check_interval=30.0)) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        os.kill(await gateway.pid(plugin), signal.SIGUSR1)
        await gateway.state(plugin, UNHEALTHY, "It says that it is not serving.")


async def test_failing_calls_warn_but_never_eject_the_last_one(home: Home) -> None:
    async with supervised(home, quick()) as gateway:
        plugin = await gateway.add("good")
        status = await gateway.state(plugin, HEALTHY)
        for _ in range(3):
            gateway.outcomes.failed(status.instances[0].id, "stream reset")
        status = await gateway.state(plugin, HEALTHY, "The last 3 calls failed (stream reset)")
        assert status.voice is Voice.PASSIVE
        assert len(gateway.route(plugin).targets[0].endpoints) == 1
        gateway.outcomes.ok(status.instances[0].id)
        await until(lambda: gateway.status(plugin).reason == "", lambda: "the warning to go")


async def test_kill_of_a_plugin_is_told_at_once_and_healed(home: Home) -> None:
    async with supervised(home, quick(backoff_first=0.5, backoff_max=1.0)) as gateway:
        plugin = await gateway.add("good")
        await gateway.state(plugin, HEALTHY)
        (before,) = gateway.route(plugin).targets[0].endpoints
        killed = await gateway.pid(plugin)
        os.kill(killed, signal.SIGKILL)
        status = await gateway.state(plugin, UNHEALTHY, "SIGKILL")
        assert status.voice is Voice.RUNTIME
        assert status.retry_at is not None
        assert gateway.route(plugin).state is UNHEALTHY
        assert gateway.route(plugin).targets[0].endpoints == ()
        status = await gateway.state(plugin, HEALTHY)
        (after,) = gateway.route(plugin).targets[0].endpoints
        assert after.instance_id == before.instance_id
        assert after.incarnation != before.incarnation
        assert status.restarts == 1
        assert [event.type for event in gateway.events.since(0)].count("instance.exited") == 1


async def test_failures_are_forgotten_after_a_healthy_time(home: Home) -> None:
    async with supervised(home, quick(quarantine_after=2, stable_after=0.01)) as gateway:
        plugin = await gateway.add("dies-later")
        await until(lambda: gateway.status(plugin).restarts >= 3, lambda: "three restarts")
        assert gateway.status(plugin).state is not QUARANTINED
