"""The rest of an answer by ReadBody, on connections of its own: many at once, held back, broken, refused."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest
from plugway.plugin.v1 import plugin_pb2 as pb
from plugway.plugin.v1.plugin_pb2_grpc import add_PluginServiceServicer_to_server

from gateway.call_limits import Limits
from gateway.model import Endpoint
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.upstream import Upstream
from gateway.proxy.wire.bodies import WINDOW, BodyStream
from gateway.proxy.wire.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME,
    GOAWAY,
    HEADERS,
    MESSAGE,
    PADDED,
    PING,
    REFUSED_STREAM,
    RST_STREAM,
    SETTING,
    SETTINGS,
    UINT,
    frame,
)
from gateway.proxy.wire.hpack import literal
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.data_plane import TOKEN, Plane, endpoint, route, until
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

API = "/plugins/notes/api"
IDLE = 30.0
ASKED = pb.ReadBodyRequest(continuation="token")


class Chatty(ContractPlugin):
    """Parts by order: their sizes are in the token."""

    async def ReadBody(self, request: pb.ReadBodyRequest, context: Any) -> AsyncIterator[pb.ReadBodyResponse]:  # noqa: N802
        self.reading += 1
        try:
            for number, size in enumerate(request.continuation.split(",")):
                yield pb.ReadBodyResponse(chunk=bytes([number % 256]) * int(size))
            await self.go_on.wait()
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.append(request.continuation)
            raise
        finally:
            self.reading -= 1


@contextlib.asynccontextmanager
async def served(address: str, plugin: ContractPlugin, **options: int) -> AsyncIterator[None]:
    server = grpc.aio.server(options=[(f"grpc.{name}", value) for name, value in options.items()])
    add_PluginServiceServicer_to_server(plugin, server)
    server.add_insecure_port(address)
    await server.start()
    try:
        yield
    finally:
        plugin.go_on.set()
        await server.stop(None)


@contextlib.asynccontextmanager
async def upstream_to(at: Endpoint) -> AsyncIterator[Upstream]:
    upstream = Upstream(at)
    try:
        yield upstream
    finally:
        await upstream.close()


async def size_of(stream: BodyStream) -> int:
    """Of what comes next."""
    part = await stream.read(IDLE)
    assert part is not None
    return len(part)


async def to_the_end(stream: BodyStream) -> None:
    async with asyncio.timeout(IDLE):
        while await stream.read(IDLE) is not None:
            pass


async def test_a_thousand_silent_streams_wait_at_little_cost_and_all_end(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    number = 1000
    plane.publish(route(one, limits=Limits(max_concurrent=2 * number)))
    message = (
        f"GET {API}/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    open_: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        for _ in range(number // 50):
            for _ in range(50):
                open_.append(await asyncio.open_connection("127.0.0.1", plane.port))
                open_[-1][1].write(message)
            for reader, _ in open_[-50:]:
                await reader.readuntil(b"first;")
        await until(lambda: plugin.reading == number, 60)
        # Other calls are not held up by them.
        assert (await client.get(f"{API}/x")).status_code == 200
        for _, writer in open_[: number // 2]:
            writer.close()
        await until(lambda: plugin.cancelled.count("events") == number // 2, 60)
        plugin.go_on.set()
        for reader, _ in open_[number // 2 :]:
            async with asyncio.timeout(60):
                assert await reader.readuntil(b"second;")
    finally:
        for _, writer in open_:
            writer.close()


async def test_clients_that_read_nothing_hold_no_more_than_a_window_each(
    plane: Plane, tmp_path: Path
) -> None:
    """The plugin would send without end; what it got rid of is bounded, and so is what the gateway holds."""
    at = endpoint(f"unix:{tmp_path}/endless.sock")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.contract_plugin", at.address), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert await asyncio.wait_for(child.stdout.readline(), 60) == b"ready\n"
        async with upstream_to(at) as upstream:
            streams = []
            for _ in range(40):
                request = pb.HandleRequest()
                request.request.path = b"/endless"
                answer = await upstream.handle(request, IDLE)
                streams.append(await upstream.read_body(pb.ReadBodyRequest(continuation=answer.continuation)))
            await until(lambda: all(stream.held > WINDOW // 2 for stream in streams), 60)
            before, grown = psutil.Process().memory_info().rss, 0
            for _ in range(20):
                await asyncio.sleep(0.05)
                assert max(stream.held for stream in streams) <= WINDOW
                grown = max(grown, psutil.Process().memory_info().rss - before)
            assert grown < 8 * 2**20
            # One that is read goes on, whatever the others do.
            taken = 0
            while taken < 16 * WINDOW:
                taken += await size_of(streams[0])
            for stream in streams:
                stream.close()
    finally:
        child.kill()
        await child.wait()


async def test_a_plugin_that_is_killed_breaks_its_streams(plane: Plane, tmp_path: Path) -> None:
    at = endpoint(f"unix:{tmp_path}/child.sock", "child")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.contract_plugin", at.address), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), 60) == b"ready\n"
    plane.publish(route(at, plugin="dying"))
    readers = []
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        head = (
            f"GET /plugins/dying/api/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
        )
        writer.write(head.encode() + b"\r\n")
        await reader.readuntil(b"first;")
        readers.append((reader, writer))
    child.send_signal(signal.SIGKILL)
    await child.wait()
    for reader, writer in readers:
        async with asyncio.timeout(60):
            # The end of the connection without the last chunk: a client sees that it broke.
            assert b"0\r\n\r\n" not in await reader.read()
        writer.close()
    counts = plane.data_plane.metrics.of("dying", "1.0.0", "r1")
    await until(lambda: counts.active == 0)


async def test_messages_of_every_size_come_whole(one: Endpoint) -> None:
    sizes = [0, 1, 16_370, 16_384, 65_536, WINDOW - 5, WINDOW, WINDOW + 1, 3 * WINDOW, 1, *[1] * 500]
    async with served(one.address, Chatty(), max_send_message_length=-1), upstream_to(one) as upstream:
        named = ",".join(map(str, sizes))
        stream = await upstream.read_body(pb.ReadBodyRequest(continuation=named))
        whole = b"".join(bytes([number % 256]) * size for number, size in enumerate(sizes))
        came = b""
        while len(came) < len(whole):
            came += await stream.read(IDLE) or b""
        assert came == whole
        stream.close()


async def test_more_streams_than_a_connection_takes_go_by_another(one: Endpoint) -> None:
    plugin = Chatty()
    async with served(one.address, plugin, max_concurrent_streams=5), upstream_to(one) as upstream:
        asked = pb.ReadBodyRequest(continuation="1")
        streams = await asyncio.gather(*(upstream.read_body(asked) for _ in range(23)))
        assert [await size_of(stream) for stream in streams] == [1] * 23
        assert plugin.reading == 23
        streams[3].close()
        await until(lambda: plugin.reading == 22)
        # Its place is free again.
        assert await size_of(await upstream.read_body(asked)) == 1
        for stream in streams:
            stream.close()


class Peer:
    """A server that speaks HTTP/2 as the test tells it: it answers the stream that it was asked for."""

    def __init__(self) -> None:
        self.connections = 0
        self.resets: list[int] = []
        self.asked: list[int] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.answer: list[Any] = []
        self.settings = b""
        self.hearing = asyncio.Event()
        self.hearing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(24)
            writer.write(frame(SETTINGS, 0, 0, self.settings))
            while await self.hearing.wait():
                word, flags, number = FRAME.unpack(await reader.readexactly(9))
                payload = await reader.readexactly(word >> 8)
                if word & 0xFF == RST_STREAM:
                    self.resets.append(UINT.unpack(payload)[0])
                elif word & 0xFF == DATA and flags & END_STREAM:
                    self.asked.append(number)
                    self.answer.pop(0)(writer, number)
                elif word & 0xFF == SETTINGS and not flags & ACK:
                    writer.write(frame(SETTINGS, ACK, 0))
        writer.close()


HEAD = b"\x88" + literal(b"content-type", b"application/grpc")
PART = pb.ReadBodyResponse(chunk=b"part").SerializeToString()


def told(*frames: tuple[int, int, bytes]) -> Any:
    def write(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"".join(frame(kind, flags, number, payload) for kind, flags, payload in frames))

    return write


BEGUN = (HEADERS, END_HEADERS, HEAD)
MESSAGE_OF_PART = (DATA, 0, MESSAGE.pack(0, len(PART)) + PART)
ENDED = (HEADERS, END_HEADERS | END_STREAM, literal(b"grpc-status", b"0"))
GOOD = told(BEGUN, MESSAGE_OF_PART, ENDED)


@pytest.fixture
async def peer(one: Endpoint) -> AsyncIterator[Peer]:
    peer = Peer()
    server = await asyncio.start_unix_server(peer.serve, one.address.removeprefix("unix:"))
    yield peer
    peer.hearing.set()
    server.close()
    for writer in peer.writers:
        writer.close()


@pytest.mark.parametrize(
    ("frames", "failure", "words"),
    [
        ((BEGUN, (DATA, END_STREAM, b"")), Failure.GARBAGE, "without a status"),
        ((BEGUN, (DATA, 0, b"\0\0\0\0\x09abc"), ENDED), Failure.GARBAGE, "within a message"),
        ((BEGUN, (DATA, 0, b"\0\xff\xff\xff\xff")), Failure.GARBAGE, "too long"),
        ((BEGUN, (DATA, 0, b"\1\0\0\0\0")), Failure.GARBAGE, "compressed"),
        (((HEADERS, END_HEADERS, b"\x8d"),), Failure.GARBAGE, "does not speak gRPC"),
        ((BEGUN, (RST_STREAM, 0, UINT.pack(8))), Failure.LOST, "broke the call off"),
        (
            (BEGUN, (HEADERS, END_HEADERS | END_STREAM, literal(b"grpc-status", b"5"))),
            Failure.GARBAGE,
            "no longer has the rest",
        ),
        (
            (BEGUN, *[(DATA, 0, bytes(16384))] * (WINDOW // 16384), (DATA, 0, b"x")),
            Failure.GARBAGE,
            "more than it was allowed",
        ),
    ],
    ids=["no status", "cut", "too long", "compressed", "no gRPC", "reset", "status", "beyond its window"],
)
async def test_what_a_plugin_may_not_say_ends_its_stream_alone(
    peer: Peer, one: Endpoint, frames: Any, failure: Failure, words: str
) -> None:
    peer.answer = [told(*frames), GOOD]
    async with upstream_to(one) as upstream:
        stream = await upstream.read_body(ASKED)
        if "allowed" in words:
            # Nobody reads, so nothing more was granted.
            await until(lambda: FLOW_CONTROL_ERROR in peer.resets)
        with pytest.raises(CallFailed, match=words) as failed:
            await to_the_end(stream)
        assert failed.value.failure is failure
        stream.close()
        assert await size_of(await upstream.read_body(ASKED)) == 4
        assert peer.connections == 1


async def test_frames_of_every_kind_and_length_come_whole(peer: Peer, one: Endpoint) -> None:
    """Long ones, padded ones, cut anywhere: the parts of one are passed on before it is whole."""
    body = bytes(range(256)) * 800
    message = pb.ReadBodyResponse(chunk=body).SerializeToString()
    wire = MESSAGE.pack(0, len(message)) + message
    data = [
        (0, wire[:100_000]),
        (0, b""),
        (PADDED, b"\x07" + wire[100_000:100_010] + bytes(7)),
        (0, wire[100_010:]),
    ]

    async def pieces(writer: asyncio.StreamWriter, number: int) -> None:
        told(BEGUN)(writer, number)
        whole = b"".join(frame(DATA, flags, number, payload) for flags, payload in data)
        for at in range(0, len(whole), 7919):
            writer.write(whole[at : at + 7919])
            await writer.drain()
            await asyncio.sleep(0)
        told(ENDED)(writer, number)

    writing: list[asyncio.Task[None]] = []
    peer.answer = [lambda writer, number: writing.append(asyncio.create_task(pieces(writer, number))), GOOD]
    async with upstream_to(one) as upstream:
        stream, came = await upstream.read_body(ASKED), b""
        while (part := await stream.read(IDLE)) is not None:
            came += part
        assert came == body
        assert await size_of(await upstream.read_body(ASKED)) == 4
        assert peer.connections == 1
    await asyncio.gather(*writing)


async def test_a_frame_beyond_what_was_agreed_breaks_the_connection(peer: Peer, one: Endpoint) -> None:
    def write(writer: asyncio.StreamWriter, number: int) -> None:
        told(BEGUN)(writer, number)
        writer.write(FRAME.pack((2**20 + 1) << 8 | DATA, 0, number) + bytes(100))

    peer.answer = [write, GOOD]
    async with upstream_to(one) as upstream:
        stream = await upstream.read_body(ASKED)
        with pytest.raises(CallFailed, match="frame beyond the limit"):
            await stream.read(IDLE)
        assert await size_of(await upstream.read_body(ASKED)) == 4


async def test_a_plugin_that_takes_no_answers_to_its_pings_is_left(peer: Peer, one: Endpoint) -> None:
    """Each would be held for it, and between the parts of an answer it may ask for as many as it likes."""
    pings = frame(PING, 0, 0, b"untaken!") * 5000

    def flood(writer: asyncio.StreamWriter, number: int) -> None:
        peer.hearing.clear()
        told(BEGUN)(writer, number)
        for _ in range(24):
            writer.write(pings)
            told(MESSAGE_OF_PART)(writer, number)

    peer.answer = [flood]
    async with upstream_to(one) as upstream:
        stream = await upstream.read_body(ASKED)
        with pytest.raises(CallFailed, match="takes no answers"):
            await to_the_end(stream)
        stream.close()


async def test_silence_is_given_up_and_the_plugin_hears_of_it(peer: Peer, one: Endpoint) -> None:
    peer.answer = [told(BEGUN, MESSAGE_OF_PART)]
    async with upstream_to(one) as upstream:
        stream = await upstream.read_body(ASKED)
        assert await size_of(stream) == 4
        with pytest.raises(CallFailed, match=r"silent for 0\.2 seconds"):
            await stream.read(0.2)
        await until(lambda: peer.resets == [8])


async def test_a_connection_that_is_lost_breaks_what_runs_on_it(peer: Peer, one: Endpoint) -> None:
    peer.answer = [told(BEGUN, MESSAGE_OF_PART), GOOD]
    async with upstream_to(one) as upstream:
        stream = await upstream.read_body(ASKED)
        assert await size_of(stream) == 4
        peer.writers[0].close()
        with pytest.raises(CallFailed, match="went away"):
            await stream.read(IDLE)
        # The next one is dialled anew.
        assert await size_of(await upstream.read_body(ASKED)) == 4


async def test_a_connection_that_is_going_away_ends_what_it_took(peer: Peer, one: Endpoint) -> None:
    def go_away(writer: asyncio.StreamWriter, number: int) -> None:
        told(BEGUN, MESSAGE_OF_PART)(writer, number)
        writer.write(frame(GOAWAY, 0, 0, UINT.pack(number) + UINT.pack(0)))

    peer.answer = [go_away, GOOD]
    async with upstream_to(one) as upstream:
        stream = await upstream.read_body(ASKED)
        assert await size_of(stream) == 4
        assert await size_of(await upstream.read_body(ASKED)) == 4
        assert peer.connections == 2
        told(MESSAGE_OF_PART, ENDED)(peer.writers[0], 1)
        assert await size_of(stream) == 4
        assert await stream.read(IDLE) is None


async def test_a_stream_that_was_refused_is_asked_for_again(
    peer: Peer, one: Endpoint, plane: Plane, client: httpx.AsyncClient
) -> None:
    """REFUSED_STREAM says that it never reached the plugin, so its token is as good as before."""
    handled = pb.HandleResponse(continuation="token", body=b"first;")
    handled.response.status = 200
    answer = handled.SerializeToString()
    message = (DATA, 0, MESSAGE.pack(0, len(answer)) + answer)
    peer.answer = [told(BEGUN, message, ENDED), told((RST_STREAM, 0, UINT.pack(REFUSED_STREAM))), GOOD]
    plane.publish(route(one))
    assert (await client.get(f"{API}/x")).content == b"first;part"
    assert peer.asked == [1, 1, 3]


async def test_a_plugin_that_takes_no_streams_refuses(peer: Peer, one: Endpoint) -> None:
    peer.settings = SETTING.pack(3, 0)
    async with upstream_to(one) as upstream:
        with pytest.raises(CallFailed) as failed:
            await upstream.read_body(ASKED)
    assert failed.value.failure is Failure.REFUSED
