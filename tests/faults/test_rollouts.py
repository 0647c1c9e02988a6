"""Bad candidates, and everything that can be asked of a rollout, on both runtimes."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.home import Home
from gateway.model import PluginId
from tests.load import load
from tests.moving import begin, ended, moving, rollout, served
from tests.running import RunningGateway, until

pytestmark = pytest.mark.timeout(240)

_BAD: dict[str, tuple[dict[str, Any], str]] = {
    "never starts": ({"never_starts": True}, "not healthy within|start-up budget"),
    "exits at once": ({"exits_at_once": True}, "nothing to do|exited|code 1"),
    "dies in the bake": ({"dies_after": 2.2}, "out of luck|code 3"),
    "dies while verified": ({"dies_after": 0.6}, "out of luck|code 3"),
    "hangs": ({"hangs_after": 0.5}, "answer"),
    "its calls fail": ({"fails": True}, "calls failed"),
    "ten times slower": ({"slow": 0.1}, "calls take"),
    "wrong contract": ({"contract": 99}, "speaks contract 99, this gateway speaks 1"),
    "wrong id": ({"claims": "impostor"}, "impostor"),
    "wrong version": ({"claims_version": "9.9.9"}, "9.9.9"),
    "refuses the settings": ({"strict": True}, "must|settings"),
}


@pytest.mark.parametrize("case", _BAD)
async def test_a_bad_candidate_takes_itself_back(tmp_path: Path, runtime: str, case: str) -> None:
    behaviour, reason = _BAD[case]
    async with moving(tmp_path, runtime, **behaviour) as running:
        token = running.client.headers["authorization"].removeprefix("Bearer ")
        async with load(running.base, token, unary=2, streams=False) as counts:
            await until(lambda: counts.calls > 200, "the load to be on")
            startup = 4 if case == "never starts" else 20
            options: dict[str, Any] = {
                "startup": startup,
                "bake": 20,
                "steps": [{"weight": 30, "seconds": 3}],
                "yes": True,
            }
            view = await ended(running, await begin(running, **options))
        assert view["phase"] == "rolled-back", view
        assert re.search(reason, view["reason"]), view["reason"]
        assert await served(running) == "1.0.0"
        assert (await running.plugin("mover"))["state"] == "healthy"
        if case not in ("its calls fail", "dies in the bake", "ten times slower"):
            assert set(counts.versions) == {"1.0.0"}, "it never carried a call"
            assert counts.failed == 0, (counts.unary, counts.failures)


async def test_one_clear_answer_to_everything_asked_twice(tmp_path: Path, runtime: str) -> None:
    async with moving(tmp_path, runtime) as running:
        client = running.client

        async def refused(path: str, said: str, body: dict[str, Any] | None = None) -> None:
            answer = await client.post(path, json=body or {})
            assert answer.status_code in (404, 409, 422), answer.text
            assert said in answer.text, answer.text

        rollouts = "/api/v1/plugins/mover/rollouts"
        await refused(rollouts, "at this release already", {"version": "1.0.0"})
        await refused(rollouts, "3.0.0", {"version": "3.0.0"})
        await refused(
            rollouts, "/steps", {"version": "2.0.0", "strategy": "direct", "steps": [{"weight": 5}]}
        )
        await refused("/api/v1/plugins/mover/rollback", "no stable release before")
        id_ = await begin(running, steps=[{"weight": 20, "seconds": None}])
        await refused(rollouts, "under way already", {"version": "2.0.0"})
        await until(lambda: _in_phase(running, id_, "paused"), "the manual step")
        (await client.post(f"/api/v1/rollouts/{id_}/promote")).raise_for_status()
        await refused(f"/api/v1/rollouts/{id_}/promote", "promoted before")
        (await client.post(f"/api/v1/rollouts/{id_}/abort")).raise_for_status()
        view = await ended(running, id_)
        assert view["phase"] == "rolled-back"
        await refused(f"/api/v1/rollouts/{id_}/abort", "has ended")
        (await client.put("/api/v1/plugins/mover/pin", json={"pinned": True})).raise_for_status()
        await refused(rollouts, "pinned to 1.0.0", {"version": "2.0.0"})
        (await client.put("/api/v1/plugins/mover/pin", json={"pinned": False})).raise_for_status()
        assert (await ended(running, await begin(running)))["phase"] == "succeeded"
        back = (await client.post("/api/v1/plugins/mover/rollback")).raise_for_status().json()
        assert (await ended(running, back["id"]))["phase"] == "succeeded"
        assert await served(running) == "1.0.0"
        await refused("/api/v1/plugins/mover/rollback", "no stable release before")


async def _in_phase(running: RunningGateway, id_: str, phase: str) -> bool:
    return bool((await rollout(running, id_))["phase"] == phase)


async def _held_for(running: RunningGateway, id_: str, *findings: str) -> bool:
    view = await rollout(running, id_)
    return bool(view["phase"] == "paused" and view["heldFor"] == list(findings))


async def _agree(running: RunningGateway, id_: str) -> None:
    refused = await running.client.post(f"/api/v1/rollouts/{id_}/promote")
    assert refused.status_code == 409
    (await running.client.post(f"/api/v1/rollouts/{id_}/promote", json={"yes": True})).raise_for_status()


async def test_a_narrower_contract_holds_until_someone_agrees(tmp_path: Path, runtime: str) -> None:
    async with moving(tmp_path, runtime, routes=["/work"], egress=["example.org:443"]) as running:
        id_ = await begin(running)
        await until(lambda: _in_phase(running, id_, "paused"), "the hold")
        view = await rollout(running, id_)
        assert view["heldFor"] == ["new permission: may connect to example.org:443"]
        assert len((await running.plugin("mover"))["instances"]) == 1, "nothing of it runs yet"
        await _agree(running, id_)
        await until(lambda: _held_for(running, id_, "route GET /greeting was removed"), "the second hold")
        assert await served(running) == "1.0.0"
        await _agree(running, id_)
        assert (await ended(running, id_))["phase"] == "succeeded"


async def test_a_further_volume_is_there_only_once_someone_agreed(tmp_path: Path, runtime: str) -> None:
    def there() -> bool:
        return Home(tmp_path / "home").volume(PluginId("mover"), "ledger").is_dir()

    async with moving(tmp_path, runtime, volumes=["ledger"]) as running:
        id_ = await begin(running)
        held = "new permission: keeps data in volume ledger"
        await until(lambda: _held_for(running, id_, held), "the hold")
        assert not await asyncio.to_thread(there)
        assert len((await running.plugin("mover"))["instances"]) == 1, "nothing of it runs yet"
        await _agree(running, id_)
        assert (await ended(running, id_))["phase"] == "succeeded"
        assert await asyncio.to_thread(there)


async def test_data_changed_for_good_is_not_rolled_back_by_itself(tmp_path: Path, runtime: str) -> None:
    async with moving(tmp_path, runtime, one_way=True, dies_after=3) as running:
        id_ = await begin(running, bake=30)
        view = await ended(running, id_)
        assert view["phase"] == "rollback-paused", view
        assert "cannot read" in view["reason"]
        (await running.client.post(f"/api/v1/rollouts/{id_}/abort", json={"force": True})).raise_for_status()

        async def back() -> bool:
            return bool((await rollout(running, id_))["phase"] == "rolled-back")

        await until(back, "the forced way back")
        assert await served(running) == "1.0.0"


async def test_two_plugins_move_without_knowing_of_each_other(tmp_path: Path, runtime: str) -> None:
    async with moving(tmp_path, runtime) as running:
        (await running.client.post("/api/v1/plugins", json={"id": "notes"})).raise_for_status()
        await running.healthy("notes")
        id_ = await begin(running, steps=[{"weight": 20, "seconds": None}])
        await until(lambda: _in_phase(running, id_, "paused"), "the manual step")
        assert (await running.plugin("notes"))["state"] == "healthy"
        assert (await running.client.get("/plugins/notes/api/notes")).status_code == 200
        (await running.client.post(f"/api/v1/rollouts/{id_}/abort")).raise_for_status()
        assert (await ended(running, id_))["phase"] == "rolled-back"
