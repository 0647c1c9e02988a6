"""Limits from the operator's word to the refused call: command line, API, database, a real plugin."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.command import Ran, plugway
from tests.running import RunningGateway, gateway, until

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

MANIFEST = """
id = "modest"
version = "1.0.0"
name = "Modest"
command = ["{python}", "-m", "modest"]
image = "modest"
"""
PLUGIN = """
from plugway_sdk import Limits, Plugin, Rate, RouteLimit, serve

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})

limits = Limits(
    concurrent=7,
    user_rate=Rate(per_second=500, burst=900),
    routes=[RouteLimit(path="/heavy", methods=["post"], rate=Rate(per_second=0.01, burst=1))],
)
serve(Plugin(id="modest", version="1.0.0", app=app, limits=limits))
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    base = tmp_path_factory.mktemp("limits")
    directory = base / "plugins" / "modest"
    directory.mkdir(parents=True)
    (directory / "plugway.toml").write_text(MANIFEST)
    (directory / "modest.py").write_text(PLUGIN)
    wanted = {"PLUGWAY_INSTALL": "modest", "PLUGWAY_PLUGIN_PATH": str(base / "plugins")}
    async with gateway(base / "home", "process", wanted) as found:
        await found.healthy("modest", 90)
        yield found
    shutil.rmtree(base, ignore_errors=True)


async def command(running: RunningGateway, *words: str) -> Ran:
    return await plugway(*words, PLUGWAY_URL=running.base, PLUGWAY_HOME=str(running.home))


async def shown(running: RunningGateway, *words: str) -> dict[str, dict[str, object]]:
    ran = await command(running, "limits", "modest", *words, "--json")
    assert ran.code == 0, ran
    return dict(ran.json)


async def test_the_plugin_asks_for_less_and_gets_it(running: RunningGateway) -> None:
    view = await shown(running, "--reset")
    assert view["own"] == {
        "rate": None, "concurrent": None, "userRate": None, "userConcurrent": None, "routes": []
    }  # fmt: skip
    assert view["effective"]["concurrent"] == view["suggested"]["concurrent"] == 7
    assert view["effective"]["userRate"] == {"perSecond": 500.0, "burst": 900}
    first = await running.client.post("/plugins/modest/api/heavy")
    second = await running.client.post("/plugins/modest/api/heavy")
    assert [first.status_code, second.status_code] == [200, 429]
    assert second.json()["reason"] == "route-rate"
    assert int(second.headers["retry-after"]) > 90
    table = (await command(running, "limits", "modest")).out
    assert "the plugin" in table
    assert "POST /heavy" in table


async def test_the_operator_overrules_adds_and_takes_back(running: RunningGateway) -> None:
    view = await shown(
        running,
        *("--reset", "--rate", "1/h", "--burst", "2", "--concurrent", "600"),
        *("--route", "POST /heavy none", "--route", "/light 30/m burst=3 concurrent=1"),
    )
    assert view["effective"]["concurrent"] == 600, "the operator may allow more than Plugway does"
    assert view["effective"]["rate"] == {"perSecond": 1 / 3600, "burst": 2}
    routes = {route["path"]: route for route in view["effective"]["routes"]}  # type: ignore[attr-defined]
    assert routes["/light"] == {
        "path": "/light", "methods": [], "rate": {"perSecond": 0.5, "burst": 3}, "concurrent": 1
    }  # fmt: skip

    async def statuses() -> list[int]:
        return [(await running.client.post("/plugins/modest/api/heavy")).status_code for _ in range(3)]

    async def holds() -> bool:
        return 429 in await statuses()

    await until(holds, "the new rate in the routing table")
    view = await shown(running, "--rate", "none")
    assert view["own"]["rate"] is None
    assert view["own"]["concurrent"] == 600, "what was not named stays"

    async def free() -> bool:
        return await statuses() == [200, 200, 200]

    await until(free, "the rate to be gone")
    assert "you" in (await command(running, "limits", "modest")).out


async def test_nonsense_is_refused_in_words(running: RunningGateway) -> None:
    for words in (
        ("--rate", "fast"),
        ("--burst", "3"),
        ("--concurrent", "0"),
        ("--route", "POST"),
        ("--route", "POST /x burst=2"),
    ):
        ran = await command(running, "limits", "modest", *words)
        assert ran.code == 2, ran
    body = {"rate": {"perSecond": 0}, "perUser": 3}
    answer = await running.client.put("/api/v1/plugins/modest/limits", json=body)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"/rate/perSecond", "/perUser"}
    assert (await running.client.get("/api/v1/plugins/nobody/limits")).status_code == 404


async def test_refusals_and_circuits_are_in_the_metrics_and_in_the_api(running: RunningGateway) -> None:
    await shown(running, "--reset")
    text = (await running.client.get("/metrics")).text
    assert 'plugway_calls_refused_total{plugin="modest",reason="route-rate"}' in text
    assert "plugway_loop_lag_seconds" in text
    mine = [line for line in text.splitlines() if line.startswith("plugway_plugin_calls_total")]
    assert mine, "the plugin's own metrics are in the same text"
    assert all('plugin="modest"' in line and 'release="' in line and 'instance="' in line for line in mine)
    assert 'plugway_scrape_up{instance="' in text
    (instance,) = (await running.client.get("/api/v1/plugins/modest/instances")).json()["instances"]
    assert instance["circuit"] == {"state": "closed", "words": "", "until": None, "ejections": 0}
