"""The command line without a gateway, or with something else in its place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.main import get_command

from gateway.cli.main import app
from tests.command import plugway

COMMANDS = (
    ("list",),
    ("install", "notes"),
    ("restart", "notes"),
    ("logs", "notes", "-f"),
    ("doctor",),
    ("rollout", "notes", "2.0.0"),
    ("promote", "notes"),
    ("abort", "notes", "--watch"),
    ("rollback", "notes"),
    ("rollout-defaults", "notes"),
)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """A server that answers as ``serve`` does; yields its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(status: str, body: str) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()

    return serve


async def test_no_gateway(tmp_path: Path) -> None:
    settings = {"PLUGWAY_URL": "http://127.0.0.1:1", "PLUGWAY_HOME": str(tmp_path)}
    for ran in await asyncio.gather(*(plugway(*command, **settings) for command in COMMANDS)):
        assert ran.code == 3, ran
        said = ran.err + ran.out
        assert "No gateway answers at http://127.0.0.1:1." in said
        assert "plugway serve" in said
        assert "Traceback" not in said


async def test_errors_as_json(tmp_path: Path) -> None:
    ran = await plugway("list", "--json", PLUGWAY_URL="http://127.0.0.1:1", PLUGWAY_HOME=str(tmp_path))
    assert (ran.code, ran.out) == (3, "")
    document = json.loads(ran.err)
    assert document["type"] == "urn:plugway:problem:cli-not-reachable"
    assert document["exit"] == 3


async def test_a_url_that_is_none() -> None:
    ran = await plugway("list", PLUGWAY_URL="foo")
    assert ran.code == 2
    assert "PLUGWAY_URL" in ran.err


@pytest.mark.parametrize(
    "answer", [("200 OK", "<html>nginx</html>"), ("502 Bad Gateway", "oops"), ("200 OK", "[]")]
)
async def test_something_else_answers(answer: tuple[str, str]) -> None:
    async with server(answering(*answer)) as url:
        ran = await plugway("list", PLUGWAY_URL=url)
    assert ran.code == 3
    assert f"What answers at {url} is no Plugway gateway" in ran.err


async def test_the_connection_breaks() -> None:
    async def serve(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    async with server(serve) as url:
        ran = await plugway("status", PLUGWAY_URL=url)
    assert ran.code == 3
    assert "broke" in ran.err


async def test_a_gateway_that_hangs_is_given_up_after_the_timeout() -> None:
    async def serve(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async with server(serve) as url:
        ran = await plugway("restart", "notes", "--timeout", "0.5", PLUGWAY_URL=url)
    assert ran.code == 7
    assert "did not answer" in ran.err


WRONG = (
    (("lst",), "Did you mean 'list'?"),
    (("install",), "Missing argument 'ID|FILE'"),
    (("logs", "notes", "--folow"), "--follow"),
    (("restart", "notes", "--timeout", "-1"), "greater than or equal to 0.1"),
    (("install", "missing.json"), "missing.json cannot be read: No such file"),
    (("install", "x.json", "--version", "1.0.0"), "Leave --version and --url out."),
)


async def test_wrong_usage() -> None:
    answers = await asyncio.gather(*(plugway(*words, PLUGWAY_URL="http://127.0.0.1:1") for words, _ in WRONG))
    for ran, (_, said) in zip(answers, WRONG, strict=True):
        assert ran.code == 2, ran
        assert said in ran.err


async def test_a_definition_that_is_none() -> None:
    ran = await plugway("install", "-", stdin="not json", PLUGWAY_URL="http://127.0.0.1:1")
    assert ran.code == 6
    assert "is not JSON" in ran.err


async def test_a_token_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "admin.token").mkdir()
    ran = await plugway("list", PLUGWAY_HOME=str(tmp_path))
    assert ran.code == 5
    assert "cannot be read" in ran.err


async def test_the_token_goes_to_the_gateway_and_nowhere_else(tmp_path: Path) -> None:
    seen = bytearray()

    (tmp_path / "admin.token").write_text("from-file\n")
    (tmp_path / "admin.token").chmod(0o600)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()

    async with server(serve) as url:
        ran = await plugway("list", PLUGWAY_URL=url, PLUGWAY_HOME=str(tmp_path))
        assert b"authorization: Bearer from-file" in seen.lower().replace(b"bearer", b"Bearer")
        seen.clear()
        await plugway("list", PLUGWAY_URL=url, PLUGWAY_HOME=str(tmp_path), PLUGWAY_TOKEN="from-environment")
        assert b"from-environment" in seen
    assert ran.code == 1
    assert "from-file" not in ran.out + ran.err


async def test_help_says_what_scripts_need() -> None:
    ran = await plugway("--help")
    assert ran.code == 0
    said = " ".join(ran.out.split())
    assert "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 gateway not reachable" in said
    assert "PLUGWAY_URL" in said
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]  # it is a group
        assert f" {name} " in said
        for one in getattr(command, "commands", {name: command}).values():
            assert any("--json" in option.opts for option in one.params), (name, one.name)
