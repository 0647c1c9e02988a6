"""A shipped plugin whose directory was edited or upgraded between two starts of the gateway."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.releases import add_release
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(180)

QUICK = {"minHealthy": 0.5, "bake": 0.5, "drain": 2}


def opened(tmp_path: Path) -> Any:
    return gateway(tmp_path / "home", settings={"PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases")})


async def install(running: RunningGateway, **definition: Any) -> None:
    answer = await running.client.post("/api/v1/plugins", json={"id": "mover", **definition})
    assert answer.status_code == 201, answer.text
    await running.healthy("mover")
    defaults = await running.client.put("/api/v1/plugins/mover/rollout-defaults", json=QUICK)
    assert defaults.status_code == 200, defaults.text


def edit(directory: Path, old: str = "hello", new: str = "good day") -> None:
    code = directory / "mover.py"
    assert old in code.read_text()
    code.write_text(code.read_text().replace(old, new))


def upgrade(directory: Path, version: str) -> None:
    for name in ("plugway.toml", "behaviour.json"):
        text = (directory / name).read_text()
        (directory / name).write_text(text.replace("1.0.0", version))


async def greeting(running: RunningGateway) -> str:
    answer = await running.client.get("/plugins/mover/api/greeting")
    return str(answer.text) if answer.status_code == 200 else ""


async def rollouts(running: RunningGateway) -> list[dict[str, Any]]:
    answer = await running.client.get("/api/v1/plugins/mover/rollouts")
    return list(answer.raise_for_status().json()["rollouts"])


def told(running: RunningGateway, pattern: str) -> bool:
    return any(re.search(pattern, line) for line in running.lines)


async def test_what_does_not_run_is_taken_as_it_is_now(tmp_path: Path) -> None:
    place = add_release(tmp_path / "releases", "1.0.0")
    async with opened(tmp_path) as first:
        await install(first)
        assert await greeting(first) == "hello"
    edit(place)
    async with opened(tmp_path) as second:
        await second.healthy("mover")
        assert await greeting(second) == "good day"
        assert await rollouts(second) == []
        assert told(second, r"^mover: The files of version 1\.0\.0 were changed; that is what is started")
    upgrade(place, "1.1.0")
    async with opened(tmp_path) as third:
        assert (await third.healthy("mover"))["version"] == "1.1.0"
        assert told(third, r"^mover: Its directory holds version 1\.1\.0 now, not 1\.0\.0")
    async with opened(tmp_path) as fourth:
        await fourth.healthy("mover")
        assert not told(fourth, "^mover: (Its directory|The files)"), "what was taken is not news again"


async def test_what_runs_is_moved_by_a_rollout(tmp_path: Path) -> None:
    place = add_release(tmp_path / "releases", "1.0.0")
    async with opened(tmp_path) as first:
        await install(first)
        await first.kill()
        edit(place)
        upgrade(place, "1.1.0")
        async with opened(tmp_path) as second:
            assert await greeting(second) == "hello", "the adopted one serves from the first call on"
            (view,) = await rollouts(second)
            assert view["strategy"] == "direct"
            assert told(second, "^mover: .*a rollout to what is there now has begun")

            async def moved() -> bool:
                return bool((await rollouts(second))[0]["phase"] == "succeeded")

            await until(moved, "the rollout to succeed")
            assert await greeting(second) == "good day"
            assert (await second.plugin("mover"))["version"] == "1.1.0"


async def test_a_change_that_does_not_start_is_tried_once(tmp_path: Path) -> None:
    place = add_release(tmp_path / "releases", "1.0.0")
    async with opened(tmp_path) as first:
        await install(first)
        await first.kill()
        edit(place, 'if __name__ == "__main__":', 'if __name__ == "__main__":\n    sys.exit("broken")')
        async with opened(tmp_path) as second:

            async def back() -> bool:
                return bool((await rollouts(second))[0]["phase"] == "rolled-back")

            await until(back, "the rollout to take itself back")
            assert await greeting(second) == "hello"
            await second.kill()
            async with opened(tmp_path) as third:
                assert await greeting(third) == "hello"
                assert len(await rollouts(third)) == 1
                assert told(third, "took itself back before. To try again: plugway rollout mover 1.0.0")


async def test_a_pinned_plugin_stays_and_says_what_changed(tmp_path: Path) -> None:
    place = add_release(tmp_path / "releases", "1.0.0")
    async with opened(tmp_path) as first:
        await install(first, lockVersion=True)
        await first.kill()
        before = (place / "mover.py").read_text()
        edit(place)
        async with opened(tmp_path) as second:
            assert await greeting(second) == "hello", "what runs of it runs on"
            assert await rollouts(second) == []
            assert told(second, "^mover: It is pinned, and the files of version 1.0.0 were changed")
    async with opened(tmp_path) as third:
        view = await third.in_state("mover", "quarantined")
        assert "It is pinned, and the files of version 1.0.0 were changed" in view["reason"]
        assert "plugway unpin mover, then plugway rollout mover 1.0.0" in view["reason"]
        (place / "mover.py").write_text(before)
        (await third.client.post("/api/v1/plugins/mover/restart")).raise_for_status()
        await third.healthy("mover")


async def test_a_directory_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    place = add_release(tmp_path / "releases", "1.0.0")
    add_release(tmp_path / "releases", "2.0.0")
    async with opened(tmp_path) as first:
        await install(first, version="1.0.0")
        await first.kill()
        whole = (place / "plugway.toml").read_text()
        (place / "plugway.toml").write_text("id = [not toml")
        async with opened(tmp_path) as second:
            assert await greeting(second) == "hello"
            assert (await second.plugin("mover"))["version"] == "1.0.0"
            assert await rollouts(second) == []
            assert told(second, "^mover: What is there now cannot be taken: .*plugway.toml")
    async with opened(tmp_path) as third:
        view = await third.in_state("mover", "quarantined")
        assert "cannot be taken" in view["reason"]
        (place / "plugway.toml").write_text(whole)
        (await third.client.post("/api/v1/plugins/mover/restart")).raise_for_status()
        await third.healthy("mover")


async def test_other_versions_beside_it_are_the_operators_choice(tmp_path: Path) -> None:
    place = add_release(tmp_path / "releases", "1.0.0")
    async with opened(tmp_path) as first:
        await install(first)
    add_release(tmp_path / "releases", "2.0.0")
    async with opened(tmp_path) as second:
        assert (await second.healthy("mover"))["version"] == "1.0.0"
    moved = tmp_path / "releases" / "elsewhere"
    place.rename(moved)
    async with opened(tmp_path) as third:
        assert (await third.healthy("mover"))["version"] == "1.0.0", "the same release at another path"
