"""Uploads by Exchange to a server that takes them as the test says: windows, frames, ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from struct import unpack_from

import pytest
from plugway.plugin.v1 import http_pb2 as http
from plugway.plugin.v1 import plugin_pb2 as pb

from gateway.model import Endpoint
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.upstream import Upstream
from gateway.proxy.wire.exchanges import ExchangeStream
from gateway.proxy.wire.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME,
    HEADERS,
    MESSAGE,
    NO_ERROR,
    RST_STREAM,
    SETTING,
    SETTINGS,
    UINT,
    WINDOW_UPDATE,
    frame,
)
from gateway.proxy.wire.hpack import literal
from tests.fakes.data_plane import until
from tests.fakes.proxy_fixtures import one

__all__ = ["one"]  # fixture

HEAD = b"\x88" + literal(b"content-type", b"application/grpc")
MAX_CONCURRENT, INITIAL_WINDOW, MAX_FRAME = 3, 4, 5
WITHIN = 30.0


class Taker:
    """Reads what comes; what it grants, and what it answers, is the test's to say."""

    def __init__(self) -> None:
        self.settings: dict[int, int] = {}
        self.data: dict[int, bytes] = {}
        self.frames: list[int] = []
        self.ended: list[int] = []
        self.resets: list[tuple[int, int]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.on_data: Callable[[int, int], None] = lambda number, size: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(24)
            self.say(SETTINGS, 0, b"".join(SETTING.pack(*pair) for pair in self.settings.items()))
            while True:
                word, flags, number = FRAME.unpack(await reader.readexactly(9))
                payload = await reader.readexactly(word >> 8)
                self._take(word & 0xFF, flags, number, payload)
        writer.close()

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == HEADERS:
            self.data[number] = b""
            self.say(HEADERS, number, HEAD, END_HEADERS)
        elif kind == DATA:
            self.frames.append(len(payload))
            self.data[number] += payload
            if flags & END_STREAM:
                self.ended.append(number)
            self.on_data(number, len(payload))
        elif kind == RST_STREAM:
            self.resets.append((number, UINT.unpack(payload)[0]))
        elif kind == SETTINGS and not flags & ACK:
            self.say(SETTINGS, 0, b"", ACK)

    def say(self, kind: int, number: int, payload: bytes, flags: int = 0) -> None:
        self.writers[-1].write(frame(kind, flags, number, payload))

    def grant(self, number: int, size: int) -> None:
        """To a stream, or with 0 to all of them together."""
        self.say(WINDOW_UPDATE, number, UINT.pack(size))

    def answer(self, number: int, status: bytes = b"0", *fields: bytes) -> None:
        message = pb.ExchangeResponse(http_start=http.HttpResponse(status=201)).SerializeToString()
        if status == b"0":
            self.say(DATA, number, MESSAGE.pack(0, len(message)) + message)
        ending = literal(b"grpc-status", status) + b"".join(fields)
        self.say(HEADERS, number, ending, END_HEADERS | END_STREAM)

    def body(self, number: int) -> bytes:
        """Of the messages that came on a stream, whole or not."""
        data, at, found = self.data[number], 0, b""
        while len(data) - at >= MESSAGE.size:
            length = unpack_from(">BI", data, at)[1]
            if len(data) < at + MESSAGE.size + length:
                break
            found += pb.ExchangeRequest.FromString(data[at + 5 : at + 5 + length]).body.data
            at += MESSAGE.size + length
        return found


@pytest.fixture
async def taker(one: Endpoint) -> AsyncIterator[Taker]:
    taker = Taker()
    server = await asyncio.start_unix_server(taker.serve, one.address.removeprefix("unix:"))
    yield taker
    server.close()
    for writer in taker.writers:
        writer.close()


@pytest.fixture
async def upstream(taker: Taker, one: Endpoint) -> AsyncIterator[Upstream]:
    made = Upstream(one)
    yield made
    await made.close()


async def sent(stream: ExchangeStream, *parts: bytes) -> None:
    for part in parts:
        await stream.send_body(part)
    stream.send_end()


async def test_a_body_comes_whole_through_small_windows_and_frames(taker: Taker, upstream: Upstream) -> None:
    """Never more than was granted, neither to the call nor to all together, and no frame too long."""
    granted = {"stream": 17_000, "all": 65_535}
    taker.settings = {INITIAL_WINDOW: 17_000, MAX_FRAME: 20_000}
    taken = 0

    def grant(number: int, size: int) -> None:
        nonlocal taken
        taken += size
        assert taken <= granted["stream"]
        assert taken <= granted["all"]
        # Now the one is the shorter, now the other.
        for name, at, more in (("stream", number, 30_001), ("all", 0, 29_999)):
            if taken >= granted[name]:
                granted[name] += more
                taker.grant(at, more)

    taker.on_data = grant
    body = [bytes([number]) * 77_777 for number in range(5)]
    stream = await upstream.exchange()
    async with asyncio.timeout(WITHIN):
        await sent(stream, *body)
    await until(lambda: taker.ended == [1])
    assert taker.body(1) == b"".join(body)
    assert max(taker.frames) <= 20_000
    taker.answer(1)
    answer = await stream.receive()
    assert answer is not None
    assert answer.http_start.status == 201
    assert await stream.receive() is None
    stream.close()
    assert taker.resets == []


async def test_windows_that_a_plugin_takes_back_hold_the_upload_up(taker: Taker, upstream: Upstream) -> None:
    taker.settings = {INITIAL_WINDOW: 20_000}
    stream = await upstream.exchange()
    sending = asyncio.create_task(sent(stream, b"x" * 22_000))
    await until(lambda: len(taker.data.get(1, b"")) == 20_000)
    taker.say(SETTINGS, 0, SETTING.pack(INITIAL_WINDOW, 14_000))
    # 6,000 less than nothing: the first ones only make up for that.
    taker.grant(1, 6_000)
    await asyncio.sleep(0.1)
    assert len(taker.data[1]) == 20_000
    taker.grant(1, 3_000)
    await until(lambda: taker.ended == [1])
    await sending
    stream.close()


async def test_one_that_is_stopped_leaves_room_for_another(taker: Taker, upstream: Upstream) -> None:
    first, second = await upstream.exchange(), await upstream.exchange()
    stopped = asyncio.create_task(sent(first, b"x" * 100_000))
    await until(lambda: len(taker.data.get(1, b"")) == 65_535)
    taker.grant(0, 70_000)
    async with asyncio.timeout(WITHIN):
        await sent(second, b"y" * 60_000)
    await until(lambda: taker.ended == [3])
    assert taker.body(3) == b"y" * 60_000
    assert len(taker.writers) == 1
    assert len(upstream._all_streams()._connections[0]._waiting) == 0, "it waits for its own window"
    stopped.cancel()
    for stream in (first, second):
        stream.close()
    # Either side of both is given up, as neither was answered.
    await until(lambda: {number for number, _ in taker.resets} == {1, 3})


async def test_who_gives_up_waiting_for_room_is_forgotten(taker: Taker, upstream: Upstream) -> None:
    streams = [await upstream.exchange() for _ in range(3)]
    sending = [asyncio.create_task(sent(stream, b"x" * 40_000)) for stream in streams]
    # Two of them share what the connection takes; the last finds nothing left.
    await until(lambda: sum(len(data) for data in taker.data.values()) == 65_535)
    connection = upstream._all_streams()._connections[0]
    await until(lambda: len(connection._waiting) == 2)
    for task in sending:
        task.cancel()
    await until(lambda: not connection._waiting)
    for stream in streams:
        stream.close()


async def test_an_answer_before_the_end_ends_the_upload(taker: Taker, upstream: Upstream) -> None:
    stream = await upstream.exchange()
    sending = asyncio.create_task(sent(stream, b"x" * 100_000))
    await until(lambda: len(taker.data.get(1, b"")) == 65_535)
    taker.answer(1)
    with pytest.raises(CallFailed, match="ended the call"):
        await sending
    assert (await stream.receive()) is not None
    assert (await stream.receive()) is None
    # Else the plugin would wait for the rest of it.
    await until(lambda: taker.resets == [(1, NO_ERROR)])
    stream.close()


async def test_a_refusal_that_overtakes_the_body_is_one(taker: Taker, upstream: Upstream) -> None:
    stream = await upstream.exchange()
    sending = asyncio.create_task(sent(stream, b"x" * 100_000))
    await until(lambda: len(taker.data.get(1, b"")) == 65_535)
    taker.answer(1, b"14", literal(b"plugway-refused", b"draining"))
    with pytest.raises(CallFailed):
        await sending
    with pytest.raises(CallFailed) as failed:
        await stream.receive()
    assert failed.value.failure is Failure.REFUSED
    stream.close()


async def test_a_connection_that_is_lost_ends_who_waits_for_room(taker: Taker, upstream: Upstream) -> None:
    stream = await upstream.exchange()
    sending = asyncio.create_task(sent(stream, b"x" * 100_000))
    await until(lambda: len(taker.data.get(1, b"")) == 65_535)
    taker.writers[0].close()
    with pytest.raises(CallFailed):
        async with asyncio.timeout(WITHIN):
            await sending
    with pytest.raises(CallFailed) as failed:
        await stream.receive()
    assert failed.value.failure is Failure.LOST
    stream.close()


async def test_more_than_a_connection_takes_go_by_another(taker: Taker, upstream: Upstream) -> None:
    taker.settings = {MAX_CONCURRENT: 2}
    streams = [await upstream.exchange() for _ in range(5)]
    await until(lambda: len(taker.writers) == 3)
    for stream in streams:
        stream.close()


async def test_an_answer_longer_than_any_window_comes_whole(taker: Taker, upstream: Upstream) -> None:
    """A message is widened for while it is not whole."""
    stream = await upstream.exchange()
    await stream.send(pb.ExchangeRequest(http_start=http.HttpRequest(method="PUT")))
    await until(lambda: 1 in taker.data)
    body = b"z" * 3_000_000
    message = pb.ExchangeResponse(body=http.BodyChunk(data=body, end=True)).SerializeToString()
    wire = MESSAGE.pack(0, len(message)) + message
    reading = asyncio.create_task(stream.receive())
    credit, windows = 256 * 1024, 0
    taker.say(DATA, 1, wire[:credit])
    plain = taker._take

    def watch(kind: int, flags: int, number: int, payload: bytes) -> None:
        nonlocal credit, windows
        plain(kind, flags, number, payload)
        if kind == WINDOW_UPDATE and number == 1:
            windows += 1
            more = UINT.unpack(payload)[0]
            taker.say(DATA, 1, wire[credit : credit + more])
            credit += more

    taker._take = watch  # type: ignore[method-assign]
    async with asyncio.timeout(WITHIN):
        answer = await reading
    assert answer is not None
    assert answer.body.data == body
    assert windows > 5
    stream.close()


async def test_frames_shorter_than_all_have_to_take_break_the_connection(
    taker: Taker, upstream: Upstream
) -> None:
    taker.settings = {MAX_FRAME: 0}
    with pytest.raises(CallFailed) as failed:
        await upstream.exchange()
    assert failed.value.failure is Failure.REFUSED
