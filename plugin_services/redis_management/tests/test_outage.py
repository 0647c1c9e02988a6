"""Redis away, back, hung, or something else altogether: told in words, and mended without a restart."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient
from plugway_sdk.testing.answers import Answer

from plugin_services.redis_management.tests.conftest import only
from tests.shipped.servers import eventually, free_port

pytestmark = pytest.mark.redis
SECRET = "s3cret-Passw0rd-&%/"  # the same word is looked for everywhere
READS = (
    "/keys",
    "/server",
    "/memory",
    "/clients",
    "/slow-log",
    "/key?key=k",
    "/server/info",
    "/key/hash?key=k",
)


async def test_kill_9_and_return(redis: Any, client: PluginClient) -> None:
    redis.raw.set("k", "v")
    (await client.get("/keys")).raise_for_status()
    redis.kill()
    for path in READS:
        answer = await client.get(path)
        assert answer.status_code == 503, path
        assert answer.json()["type"] == "urn:plugway:redis:unreachable"
        assert f"127.0.0.1:{redis.port}" in answer.json()["detail"]
        assert "nothing listens there" in answer.json()["detail"]
        assert answer.headers["retry-after"] == "2"
    test = (await client.post("/connection/test")).json()
    assert test["ok"] is False
    assert "nothing listens" in test["message"]
    redis.start()
    # The very next call works: dead connections are noticed before they are used.
    for path in ("/keys", "/server", "/clients"):
        (await client.get(path)).raise_for_status()
    body = {"value": {"data": "again"}}
    (await client.put("/key/string", params={"key": "k"}, json=body)).raise_for_status()
    assert redis.raw.get("k") == b"again"


async def test_kill_9_between_two_calls_with_many_connections_open(redis: Any, client: PluginClient) -> None:
    await asyncio.gather(*(client.get("/server") for _ in range(20)))
    redis.kill()
    redis.start()
    answers = await asyncio.gather(*(client.get("/server") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_redis_that_hangs_is_told_in_time(redis: Any, open_plugin: Any) -> None:
    async with open_plugin(redis, commandTimeout=0.3, connectTimeout=0.3) as client:
        (await client.get("/server")).raise_for_status()
        redis.send(signal.SIGSTOP)
        try:
            answer = await client.get("/server")
            assert answer.status_code == 503
            assert "did not answer in time" in answer.json()["detail"]
        finally:
            redis.send(signal.SIGCONT)

        async def healthy() -> bool:
            return bool((await client.get("/server")).is_success)

        await eventually(healthy)


async def test_redis_that_starts_after_the_plugin(start_redis: Any, open_plugin: Any) -> None:
    async with open_plugin(url=f"redis://127.0.0.1:{free_port()}") as client:
        assert await client.health() == "SERVING"
        assert (await client.get("/keys")).status_code == 503
        late = start_redis()
        assert (await client.configure(only(url=late.url))).accepted
        (await client.get("/keys")).raise_for_status()


async def test_no_settings_yet(open_plugin: Any) -> None:
    async with open_plugin() as client:
        answer = await client.get("/keys")
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:plugway:redis:not-configured"
        assert await client.health() == "SERVING"


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff\xfe\n\n", b"*-7\r\n$x\r\n", b""]
)
async def test_something_else_listens_there(open_plugin: Any, greeting: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_plugin(url=f"redis://127.0.0.1:{port}", commandTimeout=1) as client:
        result = await client.get("/keys")
        assert result.status_code in (502, 503), result.text
        assert result.headers["content-type"] == "application/problem+json"
        assert (await client.post("/connection/test")).json()["ok"] is False


async def test_tls_expected_where_there_is_none(redis: Any, open_plugin: Any) -> None:
    async with open_plugin(url=redis.url.replace("redis:", "rediss:"), connectTimeout=2) as client:
        answer = await client.get("/keys")
        assert answer.status_code == 503
        assert "127.0.0.1" in answer.json()["detail"]


async def all_answers(client: PluginClient) -> list[Answer]:
    answers = [await client.get(path) for path in READS]
    answers.append(await client.post("/connection/test"))
    return [*answers, await client.delete("/key", params={"key": "k"})]


@pytest.mark.parametrize(
    ("options", "settings", "says"),
    [
        (["--requirepass", "right"], {"password": SECRET}, "refused the user or the password"),
        (["--requirepass", "right"], {"password": "", "username": ""}, "refused the user or the password"),
        ([], {"password": SECRET, "username": "nobody"}, "refused the user or the password"),
        # A server without AUTH repeats its arguments in the error.
        (["--rename-command", "AUTH", ""], {"password": SECRET, "username": "ann"}, "unknown command"),
    ],
    ids=["wrong", "none", "unknown user", "AUTH renamed"],
)
async def test_the_password_is_never_told(
    start_redis: Any,
    open_plugin: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    options: list[str],
    settings: dict[str, str],
    says: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = start_redis(*options)
    async with open_plugin(server, **settings) as client:
        answers = await all_answers(client)
        described = str(await client.describe())
    assert {answer.status_code for answer in answers} == {200, 502}
    for answer in answers:
        assert says in answer.text, answer.text
        assert SECRET not in answer.text
    printed = "".join(capfd.readouterr())
    assert SECRET not in caplog.text + printed + described


async def test_the_right_password_works_and_is_nowhere_to_be_seen(start_redis: Any, open_plugin: Any) -> None:
    server = start_redis("--requirepass", SECRET)
    async with open_plugin(server) as client:
        server.raw.config_set("slowlog-log-slower-than", 0)
        answers = await all_answers(client)
        answers.append(await client.get("/connections"))
        server.kill()
        answers += await all_answers(client)
    assert not [answer.text for answer in answers if SECRET in answer.text]


async def test_access_rules_of_redis_are_told(redis: Any, open_plugin: Any) -> None:
    redis.raw.set("user:1", "a")
    redis.raw.set("secret", "b")
    redis.raw.acl_setuser(
        "looker",
        enabled=True,
        passwords=["+pw"],
        keys=["user:*"],
        commands=["+@read", "+ping", "+info", "+client|setname", "+select"],
    )
    async with open_plugin(redis, username="looker", password="pw") as client:
        (await client.get("/server")).raise_for_status()
        keys = {key["name"]["data"]: key["type"] for key in (await client.get("/keys")).json()["keys"]}
        assert keys == {"user:1": "string", "secret": "unknown"}
        answer = await client.delete("/key", params={"key": "user:1"})
        assert answer.status_code == 403
        assert "'looker' may not do this" in answer.json()["detail"]
        assert (await client.get("/clients")).status_code == 403
    assert redis.raw.exists("user:1")


async def test_a_replica_and_a_full_redis_are_told(redis: Any, client: PluginClient) -> None:
    body = {"value": {"data": "x"}}
    redis.raw.config_set("maxmemory", 1)
    answer = await client.put("/key/string", params={"key": "k"}, json=body)
    assert answer.status_code == 503
    assert "memory limit" in answer.json()["detail"]
    redis.raw.config_set("maxmemory", 0)
    redis.raw.replicaof("127.0.0.1", str(free_port()))
    answer = await client.put("/key/string", params={"key": "k"}, json=body)
    assert answer.status_code == 403
    assert "replica" in answer.json()["detail"]
