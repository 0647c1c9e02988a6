"""One relay against real sockets: what it lets through, what it refuses, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.egress.destinations import Destination, read_destination
from gateway.egress.relay import Relay
from tests.unit.egress.kit import MakeRelay, Serve, answered, ask, echo, say


async def until(relay: Relay, **wanted: object) -> None:
    for _ in range(1000):
        if all(getattr(relay.status, name) == value for name, value in wanted.items()):
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"waited for {wanted} in vain: {relay.status}")


def break_off(writer: asyncio.StreamWriter) -> None:
    outside = writer.get_extra_info("socket")
    outside.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_what_is_granted_is_carried_both_ways(make: MakeRelay, serve: Serve, place: Path) -> None:
    to = await serve(echo)
    relay = await make(to)
    reader, writer = await ask(place, to)
    assert await answered(reader) == "200 Connection established"
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    assert (relay.status.open, relay.status.connections) == (1, 1)
    writer.close()
    await until(relay, open=0)
    assert (relay.status.sent, relay.status.received, relay.status.refusals) == (5, 5, 0)


async def test_bytes_right_behind_the_request_are_the_destinations(
    make: MakeRelay, serve: Serve, place: Path
) -> None:
    to = await serve(echo)
    await make(to)
    reader, writer = await say(place, f"CONNECT {to} HTTP/1.1\r\n\r\nearly".encode())
    assert await answered(reader) == "200 Connection established"
    assert await reader.readexactly(5) == b"early"
    writer.close()


async def test_what_is_not_granted_is_refused_in_words(make: MakeRelay, serve: Serve, place: Path) -> None:
    to, other = await serve(echo), await serve(echo)
    relay = await make(to)
    reader, writer = await ask(place, other)
    said = await answered(reader)
    assert said.startswith("403 Forbidden")
    assert f"A connection to {other} is not granted" in said
    writer.close()
    assert (relay.status.refusals, relay.status.forbidden) == (1, 1)
    assert str(other) in relay.status.last_refusal
    assert relay.status.refused_at > 1e9


@pytest.mark.parametrize("name", ["localhost.", "LOCALHOST", "127.0.0.1.", "[::ffff:127.0.0.1]"])
async def test_a_grant_holds_for_one_host_however_it_is_written(
    make: MakeRelay, serve: Serve, place: Path, name: str
) -> None:
    port = (await serve(echo)).port
    granted = {"l": "localhost", "L": "localhost"}.get(name[0], "127.0.0.1")
    await make(Destination(granted, port))
    reader, writer = await ask(place, f"{name}:{port}")
    assert await answered(reader) == "200 Connection established"
    writer.close()


async def test_a_name_that_leads_to_this_machine_is_refused(
    make: MakeRelay, serve: Serve, place: Path
) -> None:
    """As when whoever answers for a granted name wants to reach the gateway through a plugin."""
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, 80)
    except socket.gaierror:
        pytest.fail("this machine does not know its own name")
    to = Destination(name.lower(), (await serve(echo)).port)
    await make(to)
    reader, writer = await ask(place, to)
    said = await answered(reader)
    assert said.startswith("403 ")
    assert "the gateway's own machine" in said
    writer.close()


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "[::ffff:169.254.169.254]"])
async def test_addresses_that_nobody_can_be_granted(make: MakeRelay, place: Path, address: str) -> None:
    await make(read_destination(f"{address}:80"))
    reader, writer = await ask(place, f"{address}:80")
    assert (await answered(reader)).startswith("403 ")
    writer.close()


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (b"GET http://a.example/ HTTP/1.1\r\n\r\n", "405"),
        (b"CONNECT a.example HTTP/1.1\r\n\r\n", "400"),
        (b"CONNECT a.example:80 b HTTP/1.1\r\n\r\n", "400"),
        (b"CONNECT a.example:80 HTTP/2\r\n\r\n", "505"),
        (b"\x16\x03\x01\x02\x00\x01\xff\r\n\r\n", "400"),
        (b"CONNECT a.example:80 HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", "431"),
        (b"x" * 200_000, "431"),
    ],
)
async def test_what_is_no_request_is_refused(make: MakeRelay, place: Path, words: bytes, answer: str) -> None:
    relay = await make()
    reader, writer = await say(place, words)
    assert (await answered(reader)).startswith(f"{answer} ")
    writer.close()
    await until(relay, open=0)


async def test_an_unknown_host_and_a_closed_port_are_told(make: MakeRelay, place: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = Destination("127.0.0.1", probe.getsockname()[1])
        unknown = read_destination("nobody.invalid:80")
        await make(closed, unknown)
        for to, words in ((closed, "connection refused"), (unknown, "is unknown")):
            reader, writer = await ask(place, to)
            said = await answered(reader)
            assert said.startswith("502 ")
            assert words in said.lower()
            writer.close()


@pytest.fixture
def hung() -> Iterator[Destination]:
    """A destination that takes no connection: its queue is full, so that a further one is not answered."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        yield Destination("127.0.0.1", full.getsockname()[1])


async def test_a_destination_that_hangs_is_given_up(make: MakeRelay, hung: Destination, place: Path) -> None:
    await make(hung, patience=0.3)
    reader, writer = await ask(place, hung)
    said = await answered(reader)
    assert said.startswith("504 ")
    assert "did not answer within 0.3 s" in said
    writer.close()


async def test_names_that_do_not_resolve_hold_up_no_address(
    make: MakeRelay, serve: Serve, place: Path
) -> None:
    released = threading.Event()

    def hang(wanted: Destination) -> list[str]:
        released.wait(20)
        return []

    name, to = read_destination("slow.example:80"), await serve(echo)
    relay = await make(name, to, connections=20, patience=0.5, resolve=hang)
    held = [await ask(place, name) for _ in range(12)]
    reader, writer = await ask(place, to)
    assert await answered(reader) == "200 Connection established"
    for waiting, one in held:
        assert (await answered(waiting)).startswith("504 ")
        one.close()
    writer.close()
    released.set()
    await until(relay, open=0)


async def test_a_name_is_asked_for_anew_each_time_and_only_what_was_checked_is_called(
    make: MakeRelay, serve: Serve, place: Path
) -> None:
    """As when a name server answers with another address the second time (DNS rebinding)."""
    to = await serve(echo)
    answers = [["169.254.169.254"], ["127.0.0.1"], []]

    def rebind(wanted: Destination) -> list[str]:
        return answers.pop(0)

    name = Destination("rebound.example", to.port)
    await make(name, resolve=rebind)
    for words in ("169.254.169.254", "the gateway's own machine", "has no address"):
        reader, writer = await ask(place, name)
        said = await answered(reader)
        assert said[:3] in ("403", "502")
        assert words in said
        writer.close()


async def test_of_several_addresses_the_next_is_tried(make: MakeRelay, serve: Serve, place: Path) -> None:
    port = (await serve(echo)).port
    to = Destination("localhost", port)
    await make(to, resolve=lambda wanted: ["127.0.0.2", "127.0.0.1"])
    reader, writer = await ask(place, to)
    assert await answered(reader) == "200 Connection established"
    writer.close()


async def test_half_a_close_is_carried_and_the_other_half_goes_on(
    make: MakeRelay, serve: Serve, place: Path
) -> None:
    async def digest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        whole = await reader.read(-1)
        writer.write(hashlib.sha256(whole).hexdigest().encode())
        await writer.drain()

    to = await serve(digest)
    relay = await make(to)
    reader, writer = await ask(place, to)
    await answered(reader)
    sent = os.urandom(3_000_000)
    writer.write(sent)
    writer.write_eof()
    assert await reader.read(-1) == hashlib.sha256(sent).hexdigest().encode()
    writer.close()
    await until(relay, open=0, sent=len(sent))


async def test_a_slow_reader_holds_its_sender_and_nothing_is_lost(
    make: MakeRelay, serve: Serve, place: Path
) -> None:
    whole, went = 64 * 2**20, 0
    block = os.urandom(2**20)

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal went
        del reader
        for _ in range(whole // len(block)):
            writer.write(block)
            await writer.drain()
            went += len(block)
        writer.write_eof()
        await asyncio.sleep(30)

    to = await serve(flood)
    await make(to)
    reader, writer = await ask(place, to)
    await answered(reader)
    await asyncio.sleep(0.5)
    held = went
    # What the kernel's buffers and the relay's take, and no more.
    assert held < whole / 2
    assert len(await reader.readexactly(whole)) == whole
    assert went == whole
    writer.close()


async def test_what_breaks_off_outside_ends_inside_at_once(
    make: MakeRelay, serve: Serve, place: Path
) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        break_off(writer)

    to = await serve(reset)
    relay = await make(to)
    reader, writer = await ask(place, to)
    await answered(reader)
    writer.write(b"x")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    await until(relay, open=0)
    writer.close()


async def test_an_upload_that_is_cut_is_no_whole_one(make: MakeRelay, serve: Serve, place: Path) -> None:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        try:
            ended.set_result(f"whole: {await reader.read()!r}")
        except ConnectionResetError:
            ended.set_result("broken off")

    to = await serve(take)
    relay = await make(to)
    reader, writer = await ask(place, to)
    await answered(reader)
    writer.write(b"half of it")
    await until(relay, sent=10)
    await relay.grant(frozenset())
    async with asyncio.timeout(5):
        assert await ended == "broken off"
    writer.close()


async def test_silence_is_cut(make: MakeRelay, serve: Serve, place: Path) -> None:
    to = await serve(echo)
    relay = await make(to, idle=0.4)
    reader, writer = await ask(place, to)
    await answered(reader)
    for _ in range(4):
        await asyncio.sleep(0.2)
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x", "what moves is not cut"
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    assert relay.status.open == 0
    writer.close()


async def test_a_grant_that_is_taken_back_cuts_what_runs(make: MakeRelay, serve: Serve, place: Path) -> None:
    kept, lost = await serve(echo), await serve(echo)
    relay = await make(kept, lost)
    one, two = await ask(place, kept), await ask(place, lost)
    for reader, _ in (one, two):
        await answered(reader)
    await relay.grant(frozenset({kept}))
    async with asyncio.timeout(5):
        assert await two[0].read() == b""
    one[1].write(b"on")
    assert await one[0].readexactly(2) == b"on"
    reader, writer = await ask(place, lost)
    assert (await answered(reader)).startswith("403 ")
    for closing in (one[1], two[1], writer):
        closing.close()


async def test_a_grant_that_is_taken_back_ends_a_connection_being_made(
    make: MakeRelay, hung: Destination, place: Path
) -> None:
    relay = await make(hung, patience=30)
    reader, writer = await ask(place, hung)
    await until(relay, open=1)
    await asyncio.sleep(0.2)
    await relay.grant(frozenset())
    async with asyncio.timeout(5):
        assert b"200" not in await reader.read()
    await until(relay, open=0)
    writer.close()


async def test_connections_are_limited_and_free_again(make: MakeRelay, serve: Serve, place: Path) -> None:
    to = await serve(echo)
    relay = await make(to, connections=2)
    held = [await ask(place, to) for _ in range(2)]
    for reader, _ in held:
        await answered(reader)
    reader, writer = await ask(place, to)
    said = await answered(reader)
    assert said.startswith("503 ")
    assert "2 connections" in said
    writer.close()
    held[0][1].close()
    await until(relay, open=1)
    reader, writer = await ask(place, to)
    assert await answered(reader) == "200 Connection established"
    for _, one in (*held, (reader, writer)):
        one.close()


async def test_a_flood_that_says_nothing_is_cut(make: MakeRelay, serve: Serve, place: Path) -> None:
    to = await serve(echo)
    relay = await make(to, connections=2)
    silent = [await say(place, b"") for _ in range(20)]
    await until(relay, open=4)
    for _, one in silent:
        one.close()
    await until(relay, open=0)
    reader, writer = await ask(place, to)
    assert await answered(reader) == "200 Connection established"
    writer.close()


async def test_only_the_owner_may_connect_and_nobody_may_look_around(make: MakeRelay, place: Path) -> None:
    await make()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o711
    assert [entry.name for entry in place.parent.iterdir()] == [place.name]


async def test_a_socket_that_is_gone_or_left_by_another_is_made_anew(
    make: MakeRelay, serve: Serve, place: Path
) -> None:
    to = await serve(echo)
    place.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    relay = await make(to)
    for _ in range(2):
        reader, writer = await ask(place, to)
        assert await answered(reader) == "200 Connection established"
        writer.close()
        place.unlink()
        await relay.open()
