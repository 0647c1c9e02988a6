"""Changes of settings that need a restart, and settings that go back with their release."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ground import Ground
from tests.load import load
from tests.moving import QUICK, begin, ended, in_phase, install, moving, rollout, served, settings_for
from tests.releases import add_release
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(240)

SETTINGS = "/api/v1/plugins/mover/settings"


@asynccontextmanager
async def restarting(tmp_path: Path, runtime: str, **times: float) -> AsyncIterator[RunningGateway]:
    """A gateway with a mover that needs a restart for every change of its settings."""
    add_release(tmp_path / "releases", "1.0.0", restarts_on_settings=True)
    try:
        async with opened(tmp_path, runtime) as running:
            await install(running)
            defaults = {**QUICK, **times}
            put = await running.client.put("/api/v1/plugins/mover/rollout-defaults", json=defaults)
            assert put.status_code == 200, put.text
            yield running
    finally:
        await asyncio.to_thread(Ground(tmp_path / "home", runtime).sweep)


def opened(tmp_path: Path, runtime: str) -> Any:
    return gateway(tmp_path / "home", runtime, settings_for(runtime, tmp_path / "releases"))


async def change(running: RunningGateway, **values: Any) -> httpx.Response:
    return await running.client.put(SETTINGS, json={"values": values})


async def moved(running: RunningGateway, **values: Any) -> str:
    """Change the settings; the id of the rollout that brings them in."""
    answer = await change(running, **values)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rollout"], answer.text
    return str(answer.json()["rollout"])


async def values(running: RunningGateway) -> dict[str, Any]:
    answer = await running.client.get(SETTINGS)
    return dict(answer.raise_for_status().json()["values"])


async def greeting(running: RunningGateway) -> str:
    return str((await running.client.get("/plugins/mover/api/greeting")).text)


async def instances(running: RunningGateway) -> list[str]:
    return sorted(instance["id"] for instance in (await running.plugin("mover"))["instances"])


async def test_new_settings_come_in_under_load_without_a_failed_call(tmp_path: Path, runtime: str) -> None:
    async with restarting(tmp_path, runtime) as running:
        token = running.client.headers["authorization"].removeprefix("Bearer ")
        (before,) = await instances(running)
        async with load(running.base, token) as counts:
            await until(lambda: counts.calls > 1000, "the load to be on")
            id_ = await moved(running, greeting="bonjour")
            view = await ended(running, id_)
            assert view["phase"] == "succeeded", view["reason"]
            assert view["changesSettings"] is True
            assert view["stable"]["releaseId"] == view["candidate"]["releaseId"]
            await until(lambda: counts.calls > 4000, "four thousand calls", 120)
        sys.stdout.write(f"{runtime}: {dict(counts.unary)}, streams {dict(counts.stream_ends)}\n")
        assert counts.failed == 0, (counts.unary, counts.failures)
        assert set(counts.uploads) == {"good"}, counts.uploads
        assert set(counts.stream_ends) == {"noticed"}, counts.stream_ends
        assert set(counts.socket_ends) == {"1012"}, counts.socket_ends
        assert await greeting(running) == "bonjour"
        (after,) = await instances(running)
        assert after != before, "another instance of the same release"


async def test_refused_settings_move_nothing(tmp_path: Path, runtime: str) -> None:
    async with restarting(tmp_path, runtime) as running:
        refused = await change(running, greeting=7)
        assert refused.status_code == 422, refused.text
        assert [error["field"] for error in refused.json()["errors"]] == ["/greeting"]
        tried = await running.client.put(SETTINGS, json={"values": {"greeting": "hi"}, "dryRun": True})
        assert tried.json()["restartRequired"] is True
        listed = await running.client.get("/api/v1/plugins/mover/rollouts")
        assert listed.json()["rollouts"] == []
        assert await values(running) == {}
        assert await greeting(running) == "hello"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [("die", "cannot live with that|code 4|closed the connection"), ("fail", "calls failed")],
)
async def test_settings_that_do_not_work_take_themselves_back(
    tmp_path: Path, runtime: str, bad: str, reason: str
) -> None:
    async with restarting(tmp_path, runtime, bake=20) as running:
        token = running.client.headers["authorization"].removeprefix("Bearer ")
        async with load(running.base, token, unary=2, streams=False) as counts:
            await until(lambda: counts.calls > 200, "the load to be on")
            view = await ended(running, await moved(running, greeting=bad))
        assert view["phase"] == "rolled-back", view
        assert any(part in view["reason"] for part in reason.split("|")), view["reason"]
        assert await values(running) == {}
        assert await greeting(running) == "hello"
        if bad == "die":
            assert counts.failed == 0, (counts.unary, counts.failures)
        # What failed stands in the way of nothing.
        defaults = await running.client.put("/api/v1/plugins/mover/rollout-defaults", json=QUICK)
        defaults.raise_for_status()
        assert (await ended(running, await moved(running, greeting="salut"), 120))["phase"] == "succeeded"
        assert await greeting(running) == "salut"


async def test_a_second_change_overtakes_the_first_until_that_has_switched(
    tmp_path: Path, runtime: str
) -> None:
    async with restarting(tmp_path, runtime, minHealthy=600) as running:
        first = await moved(running, greeting="one")
        second = await moved(running, greeting="two")
        assert (await ended(running, first))["phase"] == "superseded"
        assert await values(running) == {"greeting": "two"}
        assert await greeting(running) == "hello", "not switched yet"

        async def promoted() -> bool:
            answer = await running.client.post(f"/api/v1/rollouts/{second}/promote")
            return answer.status_code == 200

        await until(promoted, "the second to be promoted")
        await until(lambda: _greets(running, "two"), "the switch")
        late = await change(running, greeting="three")
        assert late.status_code == 409, late.text
        assert (await ended(running, second))["phase"] == "succeeded"
        assert await values(running) == {"greeting": "two"}


async def _greets(running: RunningGateway, words: str) -> bool:
    return await greeting(running) == words


async def test_a_killed_gateway_goes_on_with_the_settings_of_each_side(tmp_path: Path, runtime: str) -> None:
    async with restarting(tmp_path, runtime, minHealthy=2) as first:
        id_ = await moved(first, greeting="bonjour")
        await in_phase(first, id_, "verifying")
        await first.kill()
        async with opened(tmp_path, runtime) as second:
            assert await greeting(second) == "hello", "the stable side keeps its settings"
            view = await ended(second, id_)
            assert view["phase"] == "succeeded", view["reason"]
            assert await greeting(second) == "bonjour"
            assert await values(second) == {"greeting": "bonjour"}


async def test_secrets_of_both_sides_are_never_in_clear(tmp_path: Path, runtime: str) -> None:
    old, new = "hunter2-old-77c1", "hunter2-new-03be"
    async with restarting(tmp_path, runtime, bake=600) as running:
        (await running.client.put(SETTINGS, json={"values": {"secret": old}})).raise_for_status()
        first = (await running.client.get("/api/v1/plugins/mover/rollouts")).json()["rollouts"][0]["id"]
        await in_phase(running, first, "baking")
        # Both settings are kept now: what was before, and what is baked.
        (await running.client.post(f"/api/v1/rollouts/{first}/abort")).raise_for_status()
        assert (await ended(running, first))["phase"] == "rolled-back"
        assert await secret_in_use(running) == hashlib.sha256(b"").hexdigest()
        defaults = await running.client.put(
            "/api/v1/plugins/mover/rollout-defaults", json={**QUICK, "bake": 1}
        )
        defaults.raise_for_status()
        assert (await ended(running, await moved(running, secret=old)))["phase"] == "succeeded"
        defaults = await running.client.put(
            "/api/v1/plugins/mover/rollout-defaults", json={**QUICK, "bake": 600}
        )
        defaults.raise_for_status()
        second = await moved(running, secret=new)
        await in_phase(running, second, "baking")
        assert await secret_in_use(running) == hashlib.sha256(new.encode()).hexdigest()
        shown = [
            (await running.client.get(path)).text
            for path in (
                SETTINGS,
                "/api/v1/plugins/mover/rollouts",
                "/api/v1/plugins/mover",
                f"/api/v1/rollouts/{second}",
            )
        ]
        await running.kill()
        assert_nowhere(running.home, old, new)
        async with opened(tmp_path, runtime) as after:
            (await after.client.post(f"/api/v1/rollouts/{second}/abort")).raise_for_status()
            assert (await ended(after, second))["phase"] == "rolled-back"
            await until(lambda: _uses(after, old), "the old secret to be in use")
            assert old not in "".join([*shown, *running.lines, *after.lines])
            assert new not in "".join([*shown, *running.lines, *after.lines])
        assert_nowhere(running.home, old, new)


async def secret_in_use(running: RunningGateway) -> str:
    return str((await running.client.get("/plugins/mover/api/secret")).text)


async def _uses(running: RunningGateway, secret: str) -> bool:
    return await secret_in_use(running) == hashlib.sha256(secret.encode()).hexdigest()


def assert_nowhere(home: Path, *secrets: str) -> None:
    for file in home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(secret.encode() in content for secret in secrets), f"in clear in {file.name}"


async def test_settings_changed_with_a_rollout_go_back_with_it(tmp_path: Path, runtime: str) -> None:
    async with moving(tmp_path, runtime) as running:
        (await change(running, greeting="one")).raise_for_status()
        id_ = await begin(running, steps=[{"weight": 50, "seconds": None}])
        await in_phase(running, id_, "paused")
        (await change(running, greeting="two")).raise_for_status()
        assert await values(running) == {"greeting": "two"}
        told = {await greeting(running) for _ in range(60)}
        assert told == {"one", "two"}, "each side has its own"
        (await running.client.post(f"/api/v1/rollouts/{id_}/abort")).raise_for_status()
        assert (await ended(running, id_))["phase"] == "rolled-back"
        assert await values(running) == {"greeting": "one"}
        assert await greeting(running) == "one"


async def test_a_rollback_brings_back_the_settings_of_that_release(tmp_path: Path, runtime: str) -> None:
    async with moving(tmp_path, runtime) as running:
        (await change(running, greeting="one")).raise_for_status()
        assert (await ended(running, await begin(running)))["phase"] == "succeeded"
        (await change(running, greeting="two")).raise_for_status()
        assert await greeting(running) == "two"
        back = (await running.client.post("/api/v1/plugins/mover/rollback")).raise_for_status().json()
        assert (await ended(running, back["id"]))["phase"] == "succeeded"
        assert await served(running) == "1.0.0"
        assert await values(running) == {"greeting": "one"}
        await until(lambda: _greets(running, "one"), "the settings of the release")


async def test_settings_that_need_a_restart_wait_for_a_release_that_moves(
    tmp_path: Path, runtime: str
) -> None:
    add_release(tmp_path / "releases", "2.0.0", restarts_on_settings=True)
    async with restarting(tmp_path, runtime) as running:
        id_ = await begin(running, steps=[{"weight": 50, "seconds": None}])
        await in_phase(running, id_, "paused")
        held = await change(running, greeting="two")
        assert held.status_code == 409, held.text
        assert id_ in held.json()["detail"]
        assert await values(running) == {}
        assert (await rollout(running, id_))["phase"] == "paused"
