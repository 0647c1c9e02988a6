"""Lines about calls: in the gateway's log and, by the same id, in the plugin's."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from gateway.model import Access, Endpoint, RouteRule
from gateway.proxy.access_log import AccessLog
from tests.command import plugway
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import AUTH, TOKEN, endpoint, route, running_plane
from tests.running import RunningGateway, until
from tests.workers import get, place

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("workers", [0, 2])
async def test_a_call_is_found_in_both_logs_by_its_id(tmp_path: Path, workers: int) -> None:
    async with place(tmp_path, workers, log="json", access_log="all") as here, here.life() as running:
        if workers:
            await here.ready(running, workers)
        else:
            installed = await running.client.post("/api/v1/plugins", json={"id": "mover", "version": "1.0.0"})
            assert installed.status_code == 201, installed.text
            await running.healthy("mover", 90)
        sent = {"x-request-id": "from-the-caller-1", "traceparent": PARENT}
        answer = await running.client.get("/plugins/mover/api/say?password=hunter2", headers=sent)
        assert (answer.status_code, answer.headers["x-request-id"]) == (200, "from-the-caller-1")
        made = (await get(running, "/plugins/mover/api/say")).headers["x-request-id"]
        for request_id, trace in (("from-the-caller-1", TRACE), (made, "")):
            line = await until(partial(found, running, request_id), "the gateway's line")
            assert (line["plugin"], line["route"], line["method"]) == ("mover", "other", "GET")
            assert (line["status"], line["bytes"], line["user"]) == (200, 4, "admin")
            assert (line["level"], line["trace_id"]) == ("info", trace)
            assert line["release"]
            assert line["duration_ms"] > 0
        settings = {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(here.home)}

        async def told() -> dict[str, Any]:
            ran = await plugway("logs", "mover", "--json", **settings)
            texts = [
                json.loads(json.loads(line)["text"]) for line in ran.out.splitlines() if "said in" in line
            ]
            return {text["request_id"]: text for text in texts}

        lines = await until(told, "the plugin's lines")
        assert lines.keys() == {"from-the-caller-1", made}
        assert lines["from-the-caller-1"]["trace_id"] == TRACE
        output = "\n".join(running.lines)
        assert "hunter2" not in output
        assert running.client.headers["authorization"].removeprefix("Bearer ") not in output


def found(running: RunningGateway, request_id: str) -> dict[str, Any] | None:
    for line in running.lines:
        if request_id in line and "gateway.access" in line:
            return dict(json.loads(line))
    return None


@pytest.mark.parametrize("all_calls", [True, False], ids=["all", "errors"])
async def test_what_gets_a_line(tmp_path: Path, all_calls: bool) -> None:
    written: list[bytes] = []
    log = AccessLog("json", all_calls, written.append)
    one = endpoint(f"unix:{tmp_path}/p.sock")
    server = await serve(one.address, ContractPlugin())
    async with running_plane(tmp_path / "home", log=log) as plane:
        rules = (RouteRule(path_prefix="/status", access=Access.PUBLIC),)
        plane.publish(route(one, rules=rules, templates=("/status/{code}",)))
        away: tuple[Endpoint, ...] = ()
        plane.publish(route(*away, plugin="away"))
        async with httpx.AsyncClient(base_url=plane.url, timeout=30) as client:
            assert (await client.get("/plugins/notes/api/status/200?token=" + TOKEN)).status_code == 200
            assert (await client.get("/plugins/notes/api/status/503")).status_code == 503
            assert (await client.get("/plugins/notes/api/x")).status_code == 401
            assert (await client.get("/plugins/away/api/x", headers=AUTH)).status_code == 503
            assert (await client.get("/plugins/notes/ui/", headers=AUTH)).status_code == 404
        async with connect(
            f"ws://127.0.0.1:{plane.port}/plugins/notes/api/ws", additional_headers=AUTH, proxy=None
        ):
            pass
    await server.stop(None)
    lines = [json.loads(line) for line in b"".join(written).splitlines()]
    seen = [(line["plugin"], line["route"], line["status"]) for line in lines]
    failed = [("notes", "/status/{code}", 503)]
    everything = [
        ("notes", "/status/{code}", 200), *failed, ("notes", "other", 401), ("away", "other", 503),
        ("notes", "ui", 404), ("notes", "other", 101),
    ]  # fmt: skip
    assert seen == (everything if all_calls else failed)
    assert TOKEN.encode() not in b"".join(written)
