"""The SDK for Node: its own tests, its example against the conformance suite, and behind a real gateway."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from gateway.conformance.findings import Outcome
from gateway.conformance.places import RuntimePlace
from gateway.conformance.run import run_checks
from gateway.conformance.subject import Plan
from gateway.conformance.suite import SUITE
from gateway.conformance.targets import directory_release
from gateway.home import Home
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from gateway.trust.verify import verify_release
from tests.command import plugway
from tests.node_sdk import CLOCK, ran, staged
from tests.running import gateway, until

pytestmark = pytest.mark.timeout(300)
NOT_APPLICABLE = {"manifest.services", "settings.awaited"}
"""The example exports no typed service, and works before it is given settings."""


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staged(tmp_path_factory.mktemp("node"))


async def test_the_sdk_and_its_example_pass_their_own_tests(sdk: Path) -> None:
    await asyncio.to_thread(ran, ["node", "--test", "tests/"], sdk)
    await asyncio.to_thread(ran, ["node", "--test", "tests/"], sdk / CLOCK)


async def test_its_types_are_those_that_it_says(sdk: Path) -> None:
    await asyncio.to_thread(ran, ["node", "node_modules/typescript/bin/tsc", "-p", "tests"], sdk)


async def test_the_plugin_of_its_page_is_one(sdk: Path, tmp_path: Path) -> None:
    page = (sdk / "README.md").read_text()
    manifest, code = re.findall(r"```(?:toml|js)\n(.*?)```", page, re.DOTALL)[:2]
    # Beside the SDK's packages, where "plugway-sdk" is the SDK itself.
    hello = sdk / "hello"
    hello.mkdir()
    (hello / "plugway.toml").write_text(manifest)
    (hello / "hello.js").write_text(code)
    only = [word for name in ("start", "manifest", "call", "settings", "stop") for word in ("--only", name)]
    checked = await plugway("check", str(hello), *only, "--json", PLUGWAY_HOME=str(tmp_path))
    assert checked.code == 0, checked.out + checked.err
    assert checked.json["counts"]["pass"] > 10


async def test_its_example_keeps_the_contract(sdk: Path, tmp_path: Path) -> None:
    checked = await plugway("check", str(sdk / CLOCK), "--strict", "--json", PLUGWAY_HOME=str(tmp_path))
    outcomes = {one["id"]: (one["outcome"], one["seen"]) for one in checked.json["checks"]}
    assert {id_: seen for id_, (outcome, seen) in outcomes.items() if outcome in ("fail", "not-tried")} == {}
    left_out = {id_ for id_, (outcome, _) in outcomes.items() if outcome != "pass"}
    assert left_out == NOT_APPLICABLE
    assert checked.code == 0, checked.err


async def test_it_takes_only_clients_of_the_gateway_where_it_listens_on_tcp(
    sdk: Path, tmp_path: Path
) -> None:
    home = await asyncio.to_thread(lambda: Home(tmp_path).open())
    runtime = ProcessRuntime(home, Settings.model_validate({"home": tmp_path}), "tcp")
    release, table = await directory_release(sdk / CLOCK)
    place = RuntimePlace(runtime, await verify_release(release))
    try:
        report = await run_checks("clock", place, Plan(routes=table), SUITE, only=("start", "health", "call"))
        assert [(one.id, one.seen) for one in report.of(Outcome.FAIL)] == []
        assert len(report.of(Outcome.PASS)) >= 8
    finally:
        await place.close()
        await runtime.close()
        await asyncio.to_thread(home.close)


async def test_it_works_behind_a_gateway(sdk: Path, tmp_path: Path) -> None:
    settings = {"PLUGWAY_PLUGIN_PATH": str((sdk / CLOCK).parent), "PLUGWAY_INSTALL": "clock"}
    async with gateway(tmp_path, settings=settings) as running:
        await running.healthy("clock")
        api = "/plugins/clock/api"
        secret = "of-the-clock-and-hidden"
        change = {"values": {"zones": ["Asia/Tokyo"], "token": secret}}

        async def configured() -> bool:
            answer = await running.client.put("/api/v1/plugins/clock/settings", json=change)
            return answer.status_code == 200

        await until(configured, "the clock to take its settings")
        times = (await running.client.get(f"{api}/now")).raise_for_status().json()["times"]
        assert [time["zone"] for time in times] == ["Asia/Tokyo"]

        sound = hashlib.sha256()

        async def parts() -> AsyncIterator[bytes]:
            for number in range(256):
                part = bytes([number]) * 2**18
                sound.update(part)
                yield part

        (await running.client.put(f"{api}/sound", content=parts())).raise_for_status()
        kept = hashlib.sha256()
        async with running.client.stream("GET", f"{api}/sound") as answer:
            async for part in answer.aiter_bytes():
                kept.update(part)
        assert kept.digest() == sound.digest()

        address = running.base.replace("http", "ws", 1) + f"{api}/alarms"
        headers = {"Authorization": running.client.headers["Authorization"]}
        async with connect(address, additional_headers=headers, proxy=None) as socket:
            await socket.send(json.dumps({"in": 0, "text": secret}))
            assert json.loads(await socket.recv()) == {"text": secret}
        log = "".join(path.read_text() for path in (tmp_path / "logs").glob("clock.*.log"))
        assert '"text":"******"' in log
        assert secret not in log
        page = await running.client.get("/plugins/clock/ui/index.js")
        assert "mount" in page.raise_for_status().text
