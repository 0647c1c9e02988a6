"""How often a plugin is asked for its health, and how long it may take: per rollout and per plugin."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.moving import begin, ended, in_phase, moving
from tests.releases import add_release
from tests.running import RunningGateway, gateway

pytestmark = pytest.mark.timeout(180)

# Of the gateway: nothing that stops answering would be noticed within a test.
SLOW = {"PLUGWAY_CHECK_INTERVAL": "120", "PLUGWAY_CHECK_TIMEOUT": "120"}
FAST: dict[str, Any] = {"probeInterval": 0.2, "probeTimeout": 0.3}
DEFAULTS = "/api/v1/plugins/mover/rollout-defaults"


async def set_defaults(running: RunningGateway, **options: Any) -> None:
    answer = await running.client.put(DEFAULTS, json=options)
    assert answer.status_code == 200, answer.text


async def test_a_rollout_asks_its_candidate_as_it_says(tmp_path: Path) -> None:
    async with moving(tmp_path, "process", settings=SLOW, hangs_after=3) as running:
        id_ = await begin(running, bake=100, **FAST)
        view = await ended(running, id_, 30)
        assert view["phase"] == "rolled-back", view
        assert (await running.plugin("mover"))["state"] == "healthy", "the stable side was asked as before"


async def test_a_plugin_has_its_own_and_a_rollout_takes_them(tmp_path: Path) -> None:
    async with moving(tmp_path, "process", settings=SLOW, hangs_after=3) as running:
        await set_defaults(running, **FAST)
        view = await ended(running, await begin(running, bake=100), 30)
        assert view["phase"] == "rolled-back", view
        (process,) = running.instances()
        process.send_signal(signal.SIGSTOP)
        # Its patience is the gateway's; what it is asked, and how long it has for it, are the plugin's.
        await running.in_state("mover", "unhealthy", 15)


async def test_a_pause_under_way_does_not_outlast_a_change(tmp_path: Path) -> None:
    async with moving(tmp_path, "process", settings={"PLUGWAY_CHECK_TIMEOUT": "0.3"}) as running:
        await set_defaults(running, probeInterval=300)
        id_ = await begin(running)
        assert (await ended(running, id_))["phase"] == "succeeded", (
            "the minimum healthy time is proven all the same"
        )
        (process,) = running.instances()
        process.send_signal(signal.SIGSTOP)
        await set_defaults(running)
        await running.in_state("mover", "unhealthy", 15)


async def test_the_start_up_budget_of_a_plugin_is_its_own(tmp_path: Path) -> None:
    for version in ("1.0.0", "2.0.0"):
        add_release(tmp_path / "releases", version)
    impatient = {
        "PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases"),
        "PLUGWAY_START_TIMEOUT": "0.02",
        "PLUGWAY_QUARANTINE_AFTER": "1",
    }
    async with gateway(tmp_path / "home", "process", impatient) as running:
        answer = await running.client.post("/api/v1/plugins", json={"id": "mover", "version": "1.0.0"})
        assert answer.status_code == 201, answer.text
        view = await running.in_state("mover", "quarantined")
        assert "start-up budget of 0.02 s" in view["reason"]
        await set_defaults(running, startup=30)
        (await running.client.post("/api/v1/plugins/mover/restart")).raise_for_status()
        await running.healthy("mover")
        assert (await ended(running, await begin(running)))["phase"] == "succeeded"


async def test_a_step_by_hand_is_on_the_timeline(tmp_path: Path) -> None:
    async with moving(tmp_path, "process") as running:
        id_ = await begin(running, steps=[{"weight": 20, "seconds": None}, {"weight": 60, "seconds": None}])
        await in_phase(running, id_, "paused")
        await running.client.post(f"/api/v1/rollouts/{id_}/resume")
        view = await in_phase(running, id_, "paused")
        passed = [(entry["phase"], entry["step"]) for entry in view["timeline"]]
        assert passed[-4:] == [("canary", 0), ("paused", 0), ("canary", 1), ("paused", 1)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("probeInterval", 0.01), ("probeTimeout", 301), ("startup", 1e-9)],
)
async def test_probes_out_of_bounds_are_refused_by_field(tmp_path: Path, name: str, value: float) -> None:
    add_release(tmp_path / "releases", "1.0.0")
    settings = {"PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases")}
    async with gateway(tmp_path / "home", "process", settings) as running:
        await running.client.post("/api/v1/plugins", json={"id": "mover", "version": "1.0.0"})
        answer = await running.client.put(DEFAULTS, json={name: value})
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [f"/{name}"]
