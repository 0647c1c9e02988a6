"""The rating of plugins in a real gateway: what is declared, what is seen, and where it is shown."""

from __future__ import annotations

import hashlib
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.command import plugway
from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned
from tests.fakes.web import Page, Web
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(180)
MODULE = b"export function mount(root) {}\n"


def reasons(rating: dict[str, Any]) -> dict[str, int]:
    return {reason["words"]: reason["points"] for reason in rating["reasons"]}


def by_hand(running: RunningGateway) -> dict[str, str]:
    return {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(running.home)}


async def test_a_fault_that_was_seen_takes_points_and_a_restart_by_hand_does_not(tmp_path: Path) -> None:
    async with gateway(tmp_path / "h", settings={"PLUGWAY_INSTALL": "notes"}) as running:
        before = (await running.healthy("notes"))["rating"]
        assert (before["grade"], before["final"]) == ("C", True)
        assert "No sandbox: it may do what the gateway's user may, whatever it declares." in reasons(before)

        async def restarted(times: int) -> bool:
            view = await running.plugin("notes")
            return bool(view["state"] == "healthy" and view["restarts"] >= times)

        (await running.client.post("/api/v1/plugins/notes/restart")).raise_for_status()
        await until(lambda: restarted(1), "the restart that was asked for")
        assert (await running.plugin("notes"))["rating"] == before
        (process,) = running.instances()
        process.send_signal(signal.SIGKILL)
        await until(lambda: restarted(2), "notes to be started again")
        after = (await running.plugin("notes"))["rating"]
        assert reasons(after)["It failed 1 time."] < 0
        assert after["points"] < before["points"]

        told = await plugway("status", "notes", **by_hand(running))
        assert f"{after['grade']} ({after['points']} of 100)" in told.out
        assert "It failed 1 time. (seen)" in told.out
        listed = await plugway("list", **by_hand(running))
        (row,) = (line for line in listed.out.splitlines() if line.startswith("notes"))
        assert f"built-in  {after['grade']}" in row
        found = await plugway("info", "notes", **by_hand(running))
        assert "at most A (" in found.out


async def test_a_stranger_is_rated_before_it_runs_and_falls_when_it_is_trusted_no_more(
    tmp_path: Path,
) -> None:
    home, web = tmp_path / "h", Web()
    allow_unsigned(home, "panel")
    web.pages["/panel.js"] = Page(body=MODULE)
    async with serving(web) as base, gateway(home, settings={"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as running:
        definition = {
            "id": "panel",
            "version": "1.0.0",
            "source": "cdn",
            "uiConfig": {"componentUrl": f"{base}/panel.js"},
            "checksum": f"sha256:{hashlib.sha256(MODULE).hexdigest()}",
        }
        shown = await running.client.post("/api/v1/plugins/preview", json=definition)
        promised = shown.json()["rating"]
        assert not promised["final"]
        assert not any(reason["observed"] for reason in promised["reasons"])
        assert reasons(promised)["Nobody whom the policy knows has signed it."] == 0

        file = tmp_path / "panel.json"
        file.write_text(json.dumps(definition))
        told = await plugway("install", str(file), "--yes", **by_hand(running))
        assert told.code == 0, told.err
        assert f"Rating: at most {promised['grade']} ({promised['points']} of 100)" in told.out
        seen = (await running.healthy("panel"))["rating"]
        assert seen["final"]
        assert seen["points"] < promised["points"], "as a process it has no sandbox"

        (home / "policy.toml").write_text("policy = 1\n")

        async def fallen() -> bool:
            rating = (await running.plugin("panel"))["rating"]
            return bool(rating["grade"] == "E" and "trusted no more" in rating["reasons"][0]["words"])

        await until(fallen, "the rating to fall")
