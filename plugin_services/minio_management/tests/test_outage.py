"""MinIO away, back, hung, or something else altogether: told in words, and mended without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import signal
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient
from plugway_sdk.testing.answers import Answer

from plugin_services.minio_management.tests.conftest import SECRET
from tests.shipped.servers import eventually, free_port

pytestmark = pytest.mark.minio
PAGE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
READS = (
    "/buckets",
    "/buckets/photos",
    "/buckets/photos/lifecycle",
    "/buckets/photos/objects",
    "/buckets/photos/object?key=k",
    "/buckets/photos/object/content?key=k",
    "/buckets/photos/object/preview?key=k",
    "/buckets/photos/object/versions?key=k",
    "/server",
    "/server/usage",
    "/accounts/users",
    "/accounts/groups",
    "/accounts/policies",
    "/accounts/policy?name=readonly",
    "/accounts/access-keys",
)


def arrange(server: Any) -> None:
    server.raw.make_bucket("photos")
    server.raw.put_object("photos", "k", io.BytesIO(b"v"), 1)


async def test_kill_9_and_return(minio: Any, open_plugin: Any) -> None:
    await asyncio.to_thread(arrange, minio)
    async with open_plugin(minio) as client:
        for path in READS:
            (await client.get(path)).raise_for_status()
        await asyncio.to_thread(minio.kill)
        for path in READS:
            answer = await client.get(path)
            assert answer.status_code == 503, path
            assert answer.json()["type"] == "urn:plugway:minio:unreachable"
            assert f"127.0.0.1:{minio.port}" in answer.json()["detail"]
            assert "nothing listens there" in answer.json()["detail"]
            assert answer.headers["retry-after"] == "2"
        test = (await client.post("/connection/test")).json()
        assert test["ok"] is False
        assert "nothing listens" in test["message"]
        assert await client.health() == "SERVING"
        await asyncio.to_thread(minio.start)
        # The very next call works: dead connections are noticed before they are used.
        for path in READS:
            (await client.get(path)).raise_for_status()
        where = "/buckets/photos/object/content?key=again"
        (await client.put(where, content=b"again")).raise_for_status()
        assert (await client.get(where)).content == b"again"


async def test_kill_9_in_the_middle_of_a_download_ends_it_short_of_its_length(
    minio: Any, open_plugin: Any
) -> None:
    def store() -> None:
        minio.raw.make_bucket("photos")
        minio.raw.put_object("photos", "big", io.BytesIO(bytes(96 << 20)), 96 << 20)

    await asyncio.to_thread(store)
    async with open_plugin(minio, answerTimeout=5) as client:
        received = 0

        async def download() -> None:
            nonlocal received
            async with client.stream("GET", "/buckets/photos/object/content?key=big") as answer:
                assert answer.headers["content-length"] == str(96 << 20)
                async for part in answer.aiter_bytes():
                    if not received:
                        await asyncio.to_thread(minio.kill)
                    received += len(part)

        # Whether the end comes as an error is the transport's matter: that it is not the whole, is not.
        with contextlib.suppress(Exception):
            await download()
        assert 0 < received < 96 << 20
        await asyncio.to_thread(minio.start)
        (await client.get("/buckets")).raise_for_status()


async def test_a_minio_that_hangs_is_told_in_time(minio: Any, open_plugin: Any) -> None:
    async with open_plugin(minio, answerTimeout=0.5, connectTimeout=0.5) as client:

        async def healthy() -> bool:
            return bool((await client.get("/buckets")).is_success)

        await eventually(healthy)
        minio.send(signal.SIGSTOP)
        try:
            answer = await client.get("/buckets")
            assert answer.status_code == 503
            assert "did not answer in time" in answer.json()["detail"]
        finally:
            minio.send(signal.SIGCONT)
        await eventually(healthy)


async def test_no_connection_yet_and_one_that_is_not_there(open_plugin: Any) -> None:
    async with open_plugin() as client:
        answer = await client.get("/buckets")
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:plugway:minio:not-configured"
        assert (await client.get("/connections")).status_code == 503
        assert await client.health() == "SERVING"
        one = {"url": f"http://127.0.0.1:{free_port()}"}
        assert (await client.configure({"connections": {"one": one}})).accepted
        other = await client.get("/buckets", params={"connection": "two"})
        assert other.status_code == 404
        assert other.json()["hint"] == "There are: one."
        keyless = await client.get("/buckets")
        assert keyless.status_code == 503
        assert "has no access key" in keyless.json()["detail"]


@pytest.mark.parametrize(
    "greeting",
    [PAGE, b"\x00\xff\xfe\n\n", b"HTTP/1.1 502 Bad\r\n\r\n", b""],
    ids=["page", "bytes", "502", "nothing"],
)
async def test_something_else_listens_there(open_plugin: Any, greeting: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    one = {"url": f"http://127.0.0.1:{port}", "accessKey": "a-user", "secretKey": "a-secret"}
    async with server, open_plugin(connections={"x": one}) as client:
        for path in ("/buckets", "/buckets/photos", "/buckets/photos/objects"):
            result = await client.get(path)
            assert result.status_code in (502, 503), result.text
            assert result.headers["content-type"] == "application/problem+json"
        assert (await client.post("/connection/test")).json()["ok"] is False


async def test_tls_expected_where_there_is_none(minio: Any, open_plugin: Any) -> None:
    async with open_plugin(minio, url=minio.url.replace("http:", "https:")) as client:
        answer = await client.get("/buckets")
        assert answer.status_code == 503
        assert "does not speak TLS" in answer.json()["detail"]


async def all_answers(client: PluginClient) -> list[Answer]:
    answers = [await client.get(path) for path in READS]
    answers.append(await client.post("/connection/test"))
    return [*answers, await client.delete("/buckets/photos"), await client.get("/connections")]


async def test_the_secret_key_is_never_told(
    minio: Any, open_plugin: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = SECRET + "-wrong"
    async with open_plugin(minio, secretKey=wrong) as client:
        refused = await all_answers(client)
        described = str(await client.describe())
    async with open_plugin(minio) as client:
        answers = await all_answers(client)
        await asyncio.to_thread(minio.kill)
        answers += await all_answers(client)
    assert {answer.status_code for answer in refused} == {200, 502}
    assert all("refused the access key" in answer.text for answer in refused[:-1])
    printed = "".join(capfd.readouterr()) + caplog.text + described
    assert not [answer.text for answer in (*refused, *answers) if SECRET in answer.text]
    assert SECRET not in printed


async def test_policies_of_minio_are_told(minio: Any, open_plugin: Any) -> None:
    def user() -> None:
        arrange(minio)
        minio.admin.user_add("looker", "looker-secret")
        minio.admin.attach_policy(["readonly"], user="looker")

    await asyncio.to_thread(user)
    async with open_plugin(minio, accessKey="looker", secretKey="looker-secret") as client:
        content = await client.get("/buckets/photos/object/content?key=k")
        assert content.raise_for_status().content == b"v"
        answer = await client.put("/buckets/photos/object/content?key=k", content=b"new")
        assert answer.status_code == 403
        assert "'looker' may not do this" in answer.json()["detail"]
        assert (await client.get("/buckets")).status_code == 200
        test = (await client.post("/connection/test")).json()
        assert (test["ok"], test["administration"]) == (True, False)
