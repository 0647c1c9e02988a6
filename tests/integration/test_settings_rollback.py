"""``plugway rollback`` undoes a change of settings that was a rollout of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.command import plugway
from tests.moving import QUICK, begin, ended, install, served
from tests.releases import add_release
from tests.running import RunningGateway, gateway

pytestmark = pytest.mark.timeout(240)

SETTINGS = "/api/v1/plugins/mover/settings"


async def change(running: RunningGateway, greeting: str) -> None:
    answer = await running.client.put(SETTINGS, json={"values": {"greeting": greeting}})
    assert answer.status_code == 200, answer.text
    assert (await ended(running, answer.json()["rollout"]))["phase"] == "succeeded"
    assert await greets(running) == greeting


async def greets(running: RunningGateway) -> str:
    return str((await running.client.get("/plugins/mover/api/greeting")).text)


async def rollback(running: RunningGateway, code: int = 0) -> str:
    words = {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(running.home)}
    ran = await plugway("rollback", "mover", "--watch", **words)
    assert ran.code == code, ran
    return ran.out.splitlines()[-1] if code == 0 else ran.err


async def test_settings_then_the_release_then_nothing(tmp_path: Path) -> None:
    for version in ("1.0.0", "2.0.0"):
        add_release(tmp_path / "releases", version, restarts_on_settings=True)
    place = {"PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases")}
    async with gateway(tmp_path / "home", "process", place) as running:
        await install(running)
        defaults: dict[str, Any] = {**QUICK, "bake": 0}
        await running.client.put("/api/v1/plugins/mover/rollout-defaults", json=defaults)
        await change(running, "one")
        assert (await ended(running, await begin(running)))["phase"] == "succeeded"
        await change(running, "two")
        await change(running, "three")

        await running.client.put("/api/v1/plugins/mover/pin", json={"pinned": True})
        assert await rollback(running) == "mover runs with the settings before."
        assert (await served(running), await greets(running)) == ("2.0.0", "two")
        assert await rollback(running) == "mover runs with the settings before."
        assert (await served(running), await greets(running)) == ("2.0.0", "one")
        assert "plugway unpin mover" in await rollback(running, 1), (
            "a pin holds the release, not its settings"
        )
        await running.client.put("/api/v1/plugins/mover/pin", json={"pinned": False})

        assert await rollback(running) == "mover is at 1.0.0."
        assert (await served(running), await greets(running)) == ("1.0.0", "one")
        await rollback(running)
        assert (await served(running), await greets(running)) == ("1.0.0", "hello")
        assert "no stable release before" in await rollback(running, 1)
        stored = (await running.client.get(SETTINGS)).json()["values"]
        assert stored == {}
