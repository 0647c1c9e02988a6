"""Connections by a relay that answers as the gateway's does, written here a second time on purpose."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugway_sdk import EgressRefused, egress
from plugway_sdk.egress_forward import forwarders, set_proxy
from plugway_sdk.egress_head import Answer, connect_request
from plugway_sdk.egress_httpx import GrantedTransport

OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
Relay = Callable[..., Awaitable[list[bytes]]]


def refusal(status: int, words: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(words)}\r\n\r\n{words}".encode()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="pw-sdk-"))
    monkeypatch.setenv("PLUGWAY_EGRESS", f"unix:{directory}/relay.sock")
    yield directory / "relay.sock"
    shutil.rmtree(directory)


@pytest.fixture
async def relay(place: Path) -> AsyncIterator[Relay]:
    """Answers each request so, then echoes; what it yields collects the requests."""
    meetings: set[asyncio.Task[None]] = set()
    async with AsyncExitStack() as stack:

        async def one(answer: bytes = OPEN, then: bytes = b"") -> list[bytes]:
            heard: list[bytes] = []

            async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                try:
                    heard.append(await reader.readuntil(b"\r\n\r\n"))
                    writer.write(answer + then)
                    while answer == OPEN and (data := await reader.read(65_536)):
                        writer.write(data)
                finally:
                    await ended(writer)

            def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                meetings.add(asyncio.create_task(meet(reader, writer)))

            server = await asyncio.start_unix_server(begin, place)
            stack.callback(server.close)
            return heard

        yield one
    # Every client has gone by now, or is gone with its test.
    if meetings:
        await asyncio.wait(meetings, timeout=20)
    assert all(meeting.done() for meeting in meetings), "a connection to the relay was left open"


async def ended(writer: asyncio.StreamWriter) -> None:
    """Closed, and gone from the loop as well."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_the_destination_is_asked_for_and_reached(relay: Relay) -> None:
    heard = await relay(then=b"+hello from the server\r\n")
    reader, writer = await egress.open_connection("db.example", 5432)
    assert heard == [b"CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n"]
    assert await reader.readline() == b"+hello from the server\r\n", "not a byte is taken for the head"
    writer.write(b"x" * 300_000)
    assert await reader.readexactly(300_000) == b"x" * 300_000
    await ended(writer)


async def test_blocking_code_gets_a_socket(relay: Relay) -> None:
    await relay(then=b"first")

    def act() -> bytes:
        with egress.connect("::1", 80) as way:
            way.sendall(b"second")
            found = b""
            while len(found) < 11:
                found += way.recv(100)
            return found

    assert await asyncio.to_thread(act) == b"firstsecond"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, EgressRefused),
        (403, OSError),
        (502, ConnectionError),
        (503, ConnectionError),
        (504, TimeoutError),
    ],
)
async def test_the_relays_words_are_the_errors(relay: Relay, status: int, kind: type[Exception]) -> None:
    await relay(refusal(status, "because of that"))
    with pytest.raises(kind, match="because of that"):
        await egress.open_connection("db.example", 5432)
    with pytest.raises(kind, match="because of that"):
        await asyncio.to_thread(egress.connect, "db.example", 5432)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 20", b"SSH-2.0-x\r\n\r\n", b"x" * 10_000, b"HTTP/1.1 500 X\r\n\r\n"]
)
async def test_a_relay_that_answers_nonsense_is_an_error(relay: Relay, answer: bytes) -> None:
    await relay(answer)
    with pytest.raises(ConnectionError):
        await egress.open_connection("db.example", 5432)


async def test_a_relay_that_comes_back_is_waited_for(relay: Relay) -> None:
    """As when the gateway is being restarted."""
    waiting = asyncio.create_task(egress.open_connection("db.example", 5432))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await relay()
    _, writer = await waiting
    await ended(writer)


async def test_without_a_relay_for_long_it_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "_RELAY_AWAY", 0.2)
    with pytest.raises(ConnectionError, match="relay does not answer"):
        await egress.open_connection("db.example", 5432)


async def test_a_forwarder_leads_there_for_those_who_know_tcp_only(relay: Relay) -> None:
    heard = await relay()
    address = await asyncio.to_thread(egress.forward, "db.example", 5432)
    assert address == await asyncio.to_thread(egress.forward, "db.example", 5432)

    def act() -> bytes:
        with socket.create_connection(address) as way:
            way.sendall(b"over tcp")
            way.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: way.recv(100), b""))

    assert await asyncio.to_thread(act) == b"over tcp"
    assert heard[0].startswith(b"CONNECT db.example:5432 ")


async def test_http_libraries_find_the_relay_by_themselves(relay: Relay) -> None:
    heard = await relay()
    environment: dict[str, str] = {}
    await asyncio.to_thread(set_proxy, environment)
    host, _, port = environment["HTTPS_PROXY"].removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"CONNECT api.example:443 HTTP/1.1\r\n\r\n")
    assert await reader.readexactly(len(OPEN)) == OPEN
    assert heard == [b"CONNECT api.example:443 HTTP/1.1\r\n\r\n"]
    await ended(writer)
    chosen = {"HTTPS_PROXY": "http://own.example:1"}
    set_proxy(chosen)
    assert chosen == {"HTTPS_PROXY": "http://own.example:1"}
    forwarders.cache_clear()


async def test_without_the_variable_connections_are_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUGWAY_EGRESS", raising=False)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(10))
        await ended(writer)
        met.set()

    met = asyncio.Event()
    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await egress.open_connection("127.0.0.1", port)
    writer.write(b"direct")
    assert await reader.read() == b"direct"
    await ended(writer)
    await met.wait()
    server.close()
    assert egress.relay() is None
    assert egress.forward("db.example", 5432) == ("db.example", 5432)
    environment: dict[str, str] = {}
    set_proxy(environment)
    assert environment == {}


@given(st.binary(max_size=60), st.data())
def test_no_byte_behind_the_head_is_ever_asked_for(behind: bytes, data: st.DataObject) -> None:
    stream = OPEN + behind
    answer = Answer()
    taken = 0
    while wanted := answer.wanted:
        size = data.draw(st.integers(1, wanted))
        answer.feed(stream[taken : taken + size])
        taken += size
    assert stream[taken:] == behind


@pytest.mark.parametrize("host", ["", "a b", "a\r\nX: y", "a\x00b"])
def test_what_is_no_host_is_not_sent(host: str) -> None:
    with pytest.raises(ValueError, match="not a host"):
        connect_request(host, 80)


async def test_httpx_goes_by_the_relay(relay: Relay) -> None:
    heard = await relay(then=b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
    async with httpx.AsyncClient(transport=GrantedTransport()) as client:
        assert (await client.get("http://db.example:81/x")).text == "hello"
    assert heard == [b"CONNECT db.example:81 HTTP/1.1\r\nHost: db.example:81\r\n\r\n"]


async def test_httpx_hears_why_the_way_is_closed(relay: Relay) -> None:
    await relay(refusal(403, "was not granted"))
    async with httpx.AsyncClient(transport=GrantedTransport()) as client:
        with pytest.raises(httpx.ConnectError, match="was not granted"):
            await client.get("https://db.example/")
