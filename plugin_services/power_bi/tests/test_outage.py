"""Power BI away, back, hung, throttling, with ended tokens: told in words, and mended without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient
from plugway_sdk.testing.answers import Answer

from plugin_services.power_bi.tests import content
from tests.shipped.servers import eventually, free_port

SALES = f"/workspaces/{content.SALES}"
ORDERS = f"{SALES}/datasets/{content.ORDERS}"
READS = (
    "/workspaces",
    SALES,
    f"{SALES}/reports",
    f"{SALES}/reports/{content.REVENUE}",
    f"{SALES}/dashboards",
    f"{SALES}/dashboards/{content.BOARD}/tiles",
    f"{SALES}/datasets",
    ORDERS,
    f"{ORDERS}/parts",
    f"{ORDERS}/refreshes",
    f"{ORDERS}/schedule",
)


async def calls(cloud: Any) -> list[str]:
    return [f"{one['method']} {one['path'].rpartition('/')[2]}" for one in (await cloud.told())["log"]]


async def test_kill_9_and_return(well: Any, open_plugin: Any) -> None:
    async with open_plugin(well) as client:
        for path in READS:
            (await client.get(path)).raise_for_status()
        await asyncio.to_thread(well.kill)
        for path in READS:
            answer = await client.get(path)
            assert answer.status_code == 503, path
            assert answer.json()["type"] == "urn:plugway:power-bi:unreachable"
            assert (
                f"127.0.0.1:{well.port} cannot be reached: nothing listens there." in answer.json()["detail"]
            )
            assert answer.headers["retry-after"] == "2"
        test = (await client.post("/connection/test")).json()
        assert (test["ok"], "nothing listens" in test["message"]) == (False, True)
        assert await client.health() == "SERVING"
        await asyncio.to_thread(well.start)
        # The very next call works, though the new one knows nothing of the old one's tokens.
        for path in READS:
            (await client.get(path)).raise_for_status()
        (await client.post(f"{ORDERS}/refreshes")).raise_for_status()


async def test_one_that_hangs_is_told_in_time(well: Any, open_plugin: Any) -> None:
    async with open_plugin(well, answerTimeout=1) as client:

        async def healthy() -> bool:
            return bool((await client.get("/workspaces")).is_success)

        await eventually(healthy)
        well.send(signal.SIGSTOP)
        try:
            answer = await client.get("/workspaces")
            assert answer.status_code == 503
            assert "did not answer in time" in answer.json()["detail"]
        finally:
            well.send(signal.SIGCONT)
        await eventually(healthy)


async def test_looking_waits_as_long_as_the_service_asks_and_changing_is_never_sent_twice(
    well: Any, client: PluginClient
) -> None:
    (await client.get("/workspaces")).raise_for_status()
    await well.told(throttle=2, seconds=1, forget=True)
    (await client.get("/workspaces")).raise_for_status()
    assert await calls(well) == ["GET groups"] * 3
    await well.told(throttle=1, forget=True)
    refused = await client.put(
        f"{ORDERS}/schedule", json={"enabled": False, "days": [], "times": [], "timeZone": "UTC"}
    )
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["type"] == "urn:plugway:power-bi:throttled"
    assert "slow down" in refused.json()["detail"]
    # PUT here is one GET-free PATCH there.
    assert [one for one in await calls(well) if one != "POST token"] == ["PATCH refreshSchedule"]


async def test_a_wait_that_is_too_long_is_told_at_once(well: Any, client: PluginClient) -> None:
    await well.told(throttle=1, seconds=3600, forget=True)
    answer = await client.get("/workspaces")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    assert "3600 seconds" in answer.json()["hint"]
    assert (await calls(well)).count("GET groups") == 1


async def test_a_token_that_ended_is_renewed_and_the_call_goes_on(well: Any, open_plugin: Any) -> None:
    async with open_plugin(well) as client:
        (await client.get("/workspaces")).raise_for_status()
        await well.told(expire=True, forget=True)
        # Several at once want one new token between them, and a change is done once.
        answers = await asyncio.gather(*(client.get("/workspaces") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}
        assert (await calls(well)).count("POST token") == 1
        await well.told(expire=True, forget=True)
        path = f"/embed/{content.SALES}/{content.REVENUE}"
        (await client.post(path)).raise_for_status()
        assert (await calls(well)).count("POST GenerateToken") == 1


async def test_a_token_is_kept_for_its_life_and_renewed_before_its_end(well: Any, open_plugin: Any) -> None:
    await well.told(life=1)
    async with open_plugin(well) as client:
        (await client.get("/workspaces")).raise_for_status()
        await asyncio.sleep(1)
        await well.told(life=3599, forget=True)
        for _ in range(3):
            (await client.get("/workspaces")).raise_for_status()
        assert await calls(well) == ["POST token", *["GET groups"] * 3]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"clientSecret": "wrong"}, "The client secret is wrong."),
        ({"clientSecret": content.EXPIRED_SECRET}, "The client secret has expired."),
        ({"clientId": content.guid("client", "other")}, "The tenant has no app with this client ID."),
        ({"tenantId": "other.example"}, "There is no such tenant."),
        ({"scope": "https://other.example/.default"}, "The scope is not one of this cloud."),
    ],
    ids=["secret", "expired", "client", "tenant", "scope"],
)
async def test_a_login_that_is_refused_is_told_by_what_is_wrong(
    well: Any, open_plugin: Any, more: dict[str, str], words: str
) -> None:
    async with open_plugin(well, **more) as client:
        answer = await client.get("/workspaces")
        assert (answer.status_code, answer.json()["detail"]) == (502, words)
        assert answer.json()["type"] == "urn:plugway:power-bi:login-refused"
        assert "settings" in answer.json()["hint"]
        test = (await client.post("/connection/test")).json()
        assert (test["ok"], test["message"]) == (False, words)


async def test_what_the_service_says_is_told(well: Any, client: PluginClient) -> None:
    await well.told(forbid=True)
    answer = await client.get("/workspaces")
    assert answer.status_code == 403
    assert "API is not accessible for application" in answer.json()["detail"]
    assert "tenant settings" in answer.json()["hint"]
    await well.told(forbid=False, fail=500)
    answer = await client.get("/workspaces")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "Power BI failed (500): Something is wrong inside." in answer.json()["detail"]
    await well.told(fail=0)
    answer = await client.get(f"/workspaces/{content.guid('workspace', 'other')}/reports")
    assert (answer.status_code, "no access to this workspace" in answer.json()["detail"]) == (403, True)
    answer = await client.get(f"{SALES}/reports/{content.guid('report', 'gone')}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such item.")


async def test_no_connection_yet_and_one_that_is_not_there(open_plugin: Any) -> None:
    async with open_plugin() as client:
        for path in ("/connections", "/workspaces"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:plugway:power-bi:not-configured"
        assert await client.health() == "SERVING"
        one = {
            "tenantId": content.TENANT,
            "clientId": content.CLIENT,
            "apiUrl": f"http://127.0.0.1:{free_port()}",
        }
        assert (await client.configure({"connections": {"one": one}})).accepted
        other = await client.get("/workspaces", params={"connection": "two"})
        assert (other.status_code, other.json()["hint"]) == (404, "There are: one.")
        bare = await client.get("/workspaces")
        assert (bare.status_code, "has no client secret" in bare.json()["detail"]) == (503, True)


PAGE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    "greeting",
    [PAGE, b"\x00\xff\xfe\n\n", b"HTTP/1.1 502 Bad\r\n\r\n", b""],
    ids=["page", "bytes", "502", "nothing"],
)
async def test_something_else_listens_there(well: Any, open_plugin: Any, greeting: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        for field in ("apiUrl", "loginUrl"):
            async with open_plugin(well, **{field: url}) as client:
                result = await client.get("/workspaces")
                assert result.status_code in (502, 503), result.text
                assert result.headers["content-type"] == "application/problem+json"
                assert (await client.post("/connection/test")).json()["ok"] is False


async def test_an_answer_without_end_is_given_up(well: Any, open_plugin: Any) -> None:
    sent = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                writer.write(bytes(1 << 20))
                await writer.drain()
                sent += 1
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, open_plugin(well, apiUrl=url) as client:
        result = await client.get("/workspaces")
        assert result.status_code == 502
        assert "larger than this plugin reads" in result.json()["detail"]
    # A little more is on the way: buffers of both sides.
    assert sent < 64


async def test_settings_that_change_do_not_end_the_calls_that_run(well: Any, open_plugin: Any) -> None:
    async with open_plugin(well) as client:
        (await client.get("/workspaces")).raise_for_status()
        await well.told(throttle=1, seconds=1)
        waiting = asyncio.create_task(client.get("/workspaces"))

        async def waits() -> bool:
            return (await calls(well)).count("GET groups") == 2

        await eventually(waits)
        assert (
            await client.configure({"connections": {"x": {**well.connection, "readOnly": True}}})
        ).accepted
        (await waiting).raise_for_status()
        (await client.get("/workspaces")).raise_for_status()


async def all_answers(client: PluginClient) -> list[Answer]:
    answers = [await client.get(path) for path in READS]
    answers.append(await client.post("/connection/test"))
    answers.append(await client.post(f"{ORDERS}/refreshes", json={"type": "Full"}))
    return [*answers, await client.get("/connections")]


async def test_neither_secret_nor_token_is_ever_told(
    well: Any, open_plugin: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = content.SECRET + "-wrong"
    async with open_plugin(well, clientSecret=wrong) as client:
        answers = await all_answers(client)
        assert {answer.status_code for answer in answers} == {200, 502}
        described = str(await client.describe())
    async with open_plugin(well) as client:
        answers += await all_answers(client)
        embedding = (await client.post(f"/embed/{content.SALES}/{content.REVENUE}")).json()["token"]
        await asyncio.to_thread(well.kill)
        answers += await all_answers(client)
    await asyncio.to_thread(well.start)
    printed = "".join(capfd.readouterr()) + caplog.text + described
    assert "httpcore" in caplog.text, "what its libraries say at their loudest is looked through, too"
    for hidden in (content.SECRET, "eyJ-access-", embedding):
        assert not [answer.text for answer in answers if hidden in answer.text]
        assert hidden not in printed
