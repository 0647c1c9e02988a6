"""Grafana away, back, throttled, hung, its token expired, or something else altogether."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Any

import pytest
from fake_grafana.state import ADMIN, EXPIRED, TOKEN, VIEWER
from plugway_sdk.testing import PluginClient
from plugway_sdk.testing.answers import Answer

from plugin_services.grafana.tests.test_dashboards import ok
from tests.shipped.servers import eventually, free_port

READS = (
    "/organisations",
    "/folders",
    "/folders/ops",
    "/dashboards",
    "/dashboards/tags",
    "/dashboards/board",
    "/dashboards/board/export",
    "/dashboards/board/view",
    "/dashboards/board/versions",
    "/dashboards/board/panels/1/data",
    "/data-sources",
    "/data-sources/prom/health",
    "/alert-rules",
    "/silences",
    "/people/members",
    "/people/users",
    "/people/teams",
    "/snapshots",
)


async def test_kill_9_and_return(grafana: Any, open_plugin: Any) -> None:
    async with open_plugin(grafana) as client:
        for path in READS:
            (await client.get(path)).raise_for_status()
        await asyncio.to_thread(grafana.kill)
        # What was read a moment ago is not believed while a page asks anew for all of it.
        for path in READS:
            answer = await client.get(path)
            if path.endswith("/view"):
                continue
            assert answer.status_code == 503, path
            assert answer.json()["type"] == "urn:plugway:grafana:unreachable"
            assert f"127.0.0.1:{grafana.port}" in answer.json()["detail"]
            assert "nothing listens there" in answer.json()["detail"]
            assert answer.headers["retry-after"] == "2"
        test = (await client.post("/connection/test")).json()
        assert (test["ok"], "nothing listens" in test["message"]) == (False, True)
        assert await client.health() == "SERVING"
        await asyncio.to_thread(grafana.start)
        # The very next call works: dead connections are noticed before they are used.
        for path in READS:
            (await client.get(path)).raise_for_status()
        (await client.post("/folders", json={"title": "again"})).raise_for_status()


async def test_a_throttled_look_waits_as_long_as_it_is_told(shared: Any, open_plugin: Any) -> None:
    async with open_plugin(shared) as client:
        await asyncio.to_thread(shared.trouble, throttled=2, retry_after="1")
        (await client.get("/data-sources")).raise_for_status()
        assert await asyncio.to_thread(shared.seen) == ["GET /api/datasources"] * 3


async def test_what_changes_is_never_repeated(shared: Any, open_plugin: Any) -> None:
    async with open_plugin(shared) as client:
        await asyncio.to_thread(shared.trouble, throttled=1, retry_after="7")
        answer = await client.post("/folders", json={"title": "once"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        assert "asks to slow down" in answer.json()["detail"]
        assert answer.json()["type"] == "urn:plugway:grafana:busy"
        assert await asyncio.to_thread(shared.seen) == ["POST /api/folders"]


@pytest.mark.parametrize("retry_after", ["600", "Wed, 21 Oct 2099 07:28:00 GMT", "", "soon"])
async def test_a_throttled_look_does_not_outwait_its_time(
    shared: Any, open_plugin: Any, retry_after: str
) -> None:
    async with open_plugin(shared, answerTimeout=30) as client:
        await asyncio.to_thread(shared.trouble, throttled=1, retry_after=retry_after)
        answer = await client.get("/data-sources")
        assert (answer.status_code, int(answer.headers["retry-after"]) >= 1) == (503, True)
        assert await asyncio.to_thread(shared.seen) == ["GET /api/datasources"]
        await asyncio.to_thread(shared.trouble)


@pytest.mark.parametrize(("status", "expected"), [(500, 502), (502, 503), (503, 503), (405, 501)])
async def test_a_server_that_fails_is_told_in_words(
    shared: Any, open_plugin: Any, status: int, expected: int
) -> None:
    async with open_plugin(shared) as client:
        await asyncio.to_thread(shared.trouble, status=status)
        for path in ("/dashboards", "/data-sources/prom/health", "/dashboards/board/panels/1/data"):
            answer = await client.get(path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert (answer.status_code, len(answer.json()["detail"]) > 20) == (expected, True), path
        await asyncio.to_thread(shared.trouble)


async def test_a_server_that_hangs_is_told_in_time(grafana: Any, open_plugin: Any) -> None:
    async with open_plugin(grafana, answerTimeout=0.5, connectTimeout=0.5) as client:

        async def healthy() -> bool:
            return bool((await client.get("/folders")).is_success)

        await eventually(healthy)
        grafana.send(signal.SIGSTOP)
        try:
            answer = await client.get("/folders")
            assert answer.status_code == 503
            assert "did not answer in time" in answer.json()["detail"]
        finally:
            grafana.send(signal.SIGCONT)
        await eventually(healthy)


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ({"token": EXPIRED}, "has expired"),
        ({"token": "glsa_wrong"}, "refused a service account token"),
        ({"token": TOKEN, "organisation": 7}, "refused a service account token"),
        ({"user": "admin", "password": "wrong"}, "refused the user 'admin'"),
    ],
    ids=["expired", "unknown", "other organisation", "password"],
)
async def test_logins_that_are_refused(
    shared: Any, open_plugin: Any, login: dict[str, Any], words: str
) -> None:
    async with open_plugin(connections={"x": {"url": shared.url, **login}}) as client:
        answer = await client.get("/folders")
        assert (answer.status_code, answer.json()["type"]) == (502, "urn:plugway:grafana:login-refused")
        assert words in answer.json()["detail"]
        test = await ok(client.post("/connection/test"))
        assert (test["ok"], words in test["message"]) == (False, True)


async def test_the_test_button_tells_what_the_login_may(shared: Any, open_plugin: Any) -> None:
    for login, administers in ((shared.connection, True), (shared.by_token, False)):
        async with open_plugin(connections={"x": login}) as client:
            test = await ok(client.post("/connection/test"))
            assert (test["ok"], test["administration"]) == (True, administers)
            assert (test["version"], test["organisation"]) == ("10.4.0", "Main Org.")


async def test_permissions_of_grafana_are_told(shared: Any, open_plugin: Any) -> None:
    async with open_plugin(connections={"x": {"url": shared.url, "token": VIEWER}}) as client:
        assert (await client.get("/dashboards/board/view")).is_success
        assert (await client.get("/dashboards/board/panels/1/data")).is_success
        answer = await client.delete("/dashboards/board?confirm=Production")
        assert answer.status_code == 403
        assert answer.json()["detail"].endswith("may not do this: it takes dashboards:delete.")
        # Which data source a name stands for, only some may know; the panel says so.
        (problem,) = (await ok(client.get("/dashboards/board/panels/3/data")))["problems"]
        assert "datasources:read" in problem["message"]


async def test_no_connection_yet_and_one_that_is_not_there(open_plugin: Any) -> None:
    async with open_plugin() as client:
        answer = await client.get("/folders")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:plugway:grafana:not-configured")
        assert (await client.get("/connections")).status_code == 503
        one = {"url": f"http://127.0.0.1:{free_port()}"}
        assert (await client.configure({"connections": {"one": one}})).accepted
        other = await client.get("/folders", params={"connection": "two"})
        assert (other.status_code, other.json()["hint"]) == (404, "There are: one.")
        without = await client.get("/folders")
        assert (without.status_code, "has no login" in without.json()["detail"]) == (503, True)


async def test_grafana_below_a_path_and_not_below_it(start_grafana: Any, open_plugin: Any) -> None:
    server = await asyncio.to_thread(start_grafana, "/monitoring")
    async with open_plugin(server) as client:
        assert (await ok(client.get("/folders")))["folders"] == []
        assert (await ok(client.get("/connections")))["connections"][0]["address"].endswith("/monitoring")
    async with open_plugin(server, url=server.url.removesuffix("/monitoring")) as client:
        answer = await client.get("/folders")
        assert (answer.status_code, "does not speak" in answer.json()["detail"]) == (502, True)


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b'HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{"other": "json"}',
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n[1]",
        b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n",
        b"\x00\xff\xfe\n\n",
        b"HTTP/1.1 502 Bad\r\n\r\n",
        b"",
    ],
    ids=["page", "other JSON", "a list", "redirect", "bytes", "502", "nothing"],
)
async def test_something_else_listens_there(open_plugin: Any, greeting: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    one = {"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "token": "a-secret-token"}
    async with server, open_plugin(connections={"x": one}) as client:
        for path in ("/folders", "/dashboards/board/view", "/data-sources/prom/health"):
            result = await client.get(path)
            assert result.status_code in (502, 503), result.text
            assert result.headers["content-type"] == "application/problem+json"
        assert (await client.post("/connection/test")).json()["ok"] is False


async def test_tls_expected_where_there_is_none(shared: Any, open_plugin: Any) -> None:
    async with open_plugin(shared, url=shared.url.replace("http:", "https:")) as client:
        answer = await client.get("/folders")
        assert (answer.status_code, "does not speak TLS" in answer.json()["detail"]) == (503, True)


async def test_calls_that_run_finish_under_the_settings_that_they_began_with(
    grafana: Any, open_plugin: Any
) -> None:
    async with open_plugin(grafana) as client:
        await asyncio.to_thread(grafana.trouble, throttled=1, retry_after="1")
        waiting = asyncio.ensure_future(client.get("/folders"))

        async def waits() -> bool:
            return "GET /api/folders" in await asyncio.to_thread(grafana.seen)

        await eventually(waits)
        other = {"url": f"http://127.0.0.1:{free_port()}", "token": "x"}
        assert (await client.configure({"connections": {"local": other}})).accepted
        assert (await waiting).is_success
        assert (await client.get("/folders")).status_code == 503


async def all_answers(client: PluginClient) -> list[Answer]:
    answers = [await client.get(path) for path in READS]
    answers.append(await client.post("/connection/test"))
    return [*answers, await client.post("/folders", json={"title": "x"}), await client.get("/connections")]


async def test_secrets_are_never_told(
    grafana: Any, open_plugin: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    answers: list[Answer] = []
    described = ""
    for more in ({}, {"password": ADMIN[1] + "-wrong"}, {"token": TOKEN}, {"token": TOKEN + "-wrong"}):
        async with open_plugin(grafana, **more) as client:
            answers += await all_answers(client)
            described += str(await client.describe())
    async with open_plugin(grafana) as client:
        await asyncio.to_thread(grafana.kill)
        answers += await all_answers(client)
    printed = "".join(capfd.readouterr()) + caplog.text + described
    for secret in (ADMIN[1], TOKEN):
        assert not [answer.text for answer in answers if secret in answer.text]
        assert secret not in printed
