"""Native gRPC through the real server: a client of the ordinary library, a service that it knows by bytes."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc import aio
from plugway.plugin.v1.http_pb2 import CallContext

from gateway.call_limits import Limits, Quotas, Rate
from gateway.model import Endpoint, InstanceId, PluginState, TlsFiles, TypedServices
from gateway.proxy.counters import STATUSES, WRITE
from gateway.routing import Route
from tests.fakes.authority import Authority
from tests.fakes.contract_plugin import keep_poller
from tests.fakes.data_plane import AUTH, Plane, route, until
from tests.fakes.proxy_fixtures import one, plane
from tests.fakes.rpc_plugin import PART, SERVICE, RawService, bound, serve

__all__ = ["one", "plane"]  # fixtures

Channel = Any
Metadata = tuple[tuple[str, str | bytes], ...]
TOKEN: Metadata = (("authorization", AUTH["authorization"]),)
UNARY, DOWN, UP, BOTH = (f"/{SERVICE}/{name}" for name in ("Unary", "Down", "Up", "Both"))


def raw_route(*endpoints: Endpoint, plugin: str = "notes", installed: float = 1.0, **more: Any) -> Route:
    plain = route(*endpoints, plugin=plugin, **more)
    typed = TypedServices(names=(SERVICE,), descriptors="")
    targets = tuple(replace(target, typed=typed) for target in plain.targets)
    return replace(plain, targets=targets, services=(SERVICE,), installed=installed)


@pytest.fixture
async def service(one: Endpoint, plane: Plane) -> AsyncIterator[RawService]:
    service = RawService()
    server = await serve(one.address, service)
    plane.publish(raw_route(one))
    yield service
    service.go_on.set()
    await server.stop(None)


@pytest.fixture
async def channel(plane: Plane) -> AsyncIterator[Channel]:
    keep_poller()
    options = [("grpc.max_receive_message_length", 16 * 2**20)]
    async with aio.insecure_channel(f"127.0.0.1:{plane.port}", options) as channel:
        yield channel


def details_of(error: aio.AioRpcError) -> list[Any]:
    trailing = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    known = {"ErrorInfo": error_details_pb2.ErrorInfo, "RetryInfo": error_details_pb2.RetryInfo}
    return [known[one.TypeName().rpartition(".")[2]].FromString(one.value) for one in status.details]


async def failing(call: Any) -> aio.AioRpcError:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value


async def sending(*parts: bytes, then: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if then is not None:
        await then.wait()


async def test_all_four_kinds_of_call(service: RawService, channel: Channel) -> None:
    assert await channel.unary_unary(UNARY)(b"hello", metadata=TOKEN) == b"hello"
    service.go_on.set()
    down = [part async for part in channel.unary_stream(DOWN)(b"100", metadata=TOKEN)]
    assert down == [PART] * 100 + [b"end"]
    parts = [b"", b"x", b"y" * 100_000]
    assert await channel.stream_unary(UP)(sending(*parts), metadata=TOKEN) == b"100001"
    both = [part async for part in channel.stream_stream(BOTH)(sending(*parts), metadata=TOKEN)]
    assert both == [*parts, b"end"]


async def test_each_side_speaks_when_it_likes(service: RawService, channel: Channel) -> None:
    call = channel.stream_stream(BOTH)(metadata=TOKEN)
    # The first metadata come before any message, in either direction.
    assert dict(await call.initial_metadata())["x-first"] == "yes"
    for number in range(3):
        await call.write(b"%d" % number)
        assert await call.read() == b"%d" % number
    await call.done_writing()
    assert await call.read() == b"end"
    assert await call.read() is aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_metadata_pass_both_ways_and_nobody_speaks_for_the_gateway(
    service: RawService, channel: Channel
) -> None:
    mine: Metadata = (
        ("x-own", "a"), ("x-own", "b"), ("x-raw-bin", b"\x00\xff"), ("accept-language", "de"),
        ("x-request-id", "request-12345"), ("traceparent", f"00-{'1' * 32}-{'2' * 16}-01"),
    )  # fmt: skip
    forged: Metadata = (
        ("plugway-context-bin", b"forged"), ("plugway-plugin", "notes"), ("x-plugway-user", "root"),
        ("x-forwarded-for", "1.2.3.4"), ("cookie", "a=b"),
    )  # fmt: skip
    call = channel.unary_unary(UNARY)(b"x", metadata=(*TOKEN, *mine, *forged))
    assert await call == b"x"
    first, last = dict(await call.initial_metadata()), dict(await call.trailing_metadata())
    assert (first["x-first"], first["x-first-bin"]) == ("yes", b"\x00\x01")
    assert (last["x-last"], last["x-last-bin"]) == ("yes", b"\xff\x00")
    assert first["x-request-id"] == "request-12345"
    for pair in mine:
        assert pair in service.metadata
    seen = dict(service.metadata)
    assert seen["user-agent"].startswith("grpc-python")  # type: ignore[arg-type]
    assert (
        not {"plugway-plugin", "x-plugway-user", "x-forwarded-for", "cookie", "authorization"} & seen.keys()
    )
    contexts = [value for name, value in service.metadata if name == "plugway-context-bin"]
    context = CallContext.FromString(contexts[0])  # type: ignore[arg-type]
    assert (len(contexts), context.user, context.request_id) == (1, "admin", "request-12345")
    assert context.token


async def test_a_status_comes_through_as_it_was_said(service: RawService, channel: Channel) -> None:
    error = await failing(channel.unary_unary(UNARY)(b"abort", metadata=TOKEN))
    assert (error.code(), error.details()) == (grpc.StatusCode.OUT_OF_RANGE, "said ä 100%")
    trailing = dict(error.trailing_metadata() or ())
    assert (trailing["x-why"], trailing["grpc-status-details-bin"]) == ("asked", b"\x08\x0b")
    error = await failing(channel.unary_unary(UNARY)(b"away", metadata=TOKEN))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "its own words")
    error = await failing(channel.unary_unary(f"/{SERVICE}/None")(b"", metadata=TOKEN))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_status_that_comes_before_the_client_has_ended(service: RawService, channel: Channel) -> None:
    call = channel.stream_unary(UP)(metadata=TOKEN)
    await call.write(b"enough")
    with contextlib.suppress(aio.AioRpcError, asyncio.InvalidStateError):
        for _ in range(200):
            await call.write(PART)
    # What the client's own library may make of it: the status, or that writing failed.
    assert await call.code() in (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.INTERNAL)
    waiting = asyncio.Event()
    call = channel.stream_unary(UP)(sending(b"enough", then=waiting), metadata=TOKEN)
    error = await failing(call)
    assert (error.code(), error.details()) == (grpc.StatusCode.ALREADY_EXISTS, "enough of it")
    waiting.set()


async def test_a_deadline_is_passed_on_and_kept(service: RawService, channel: Channel, plane: Plane) -> None:
    await channel.unary_unary(UNARY)(b"x", metadata=TOKEN, timeout=50)
    await channel.unary_unary(UNARY)(b"x", metadata=TOKEN)
    assert service.remaining[0] is not None
    assert 0 < service.remaining[0] <= 50
    assert service.remaining[1] is None
    for _ in range(6):
        error = await failing(channel.unary_unary(UNARY)(b"hang", metadata=TOKEN, timeout=0.2))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: len(service.cancelled) == 6, 30)
    # What clients do not wait for says nothing about the plugin.
    (upstream,) = plane.data_plane._table.upstreams()
    assert upstream.circuit is None or not upstream.circuit.failures
    calls = plane.data_plane.metrics.releases["notes", "1.0.0", "r1"].routes[f"/{SERVICE}/*"].calls
    # Two, and six that were given up: by their clients, or here a moment before. None is a failure.
    of_write = dict(zip(STATUSES, calls[WRITE * len(STATUSES) :], strict=False))
    assert (of_write["2xx"] + of_write["4xx"], of_write["5xx"]) == (8, 0)


async def test_who_gives_up_cancels_the_plugins_work(service: RawService, channel: Channel) -> None:
    unary = channel.unary_unary(UNARY)(b"hang", metadata=TOKEN)
    await until(lambda: service.calls == ["Unary"], 30)
    unary.cancel()
    await until(lambda: service.cancelled == ["Unary"], 30)
    down = channel.unary_stream(DOWN)(b"1", metadata=TOKEN)
    assert await down.read() == PART
    down.cancel()
    await until(lambda: service.cancelled == ["Unary", "Down"], 30)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip], ids=str)
async def test_large_and_compressed_messages(
    service: RawService, channel: Channel, compression: grpc.Compression
) -> None:
    message = b"ab" * (2 * 2**20 - 100)
    unary = channel.unary_unary(UNARY)
    assert await unary(message, metadata=TOKEN, compression=compression) == message
    # The plugin's own limit, which is gRPC's default here.
    error = await failing(unary(message + b"x" * 300, metadata=TOKEN, compression=compression))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than" in (error.details() or "").lower()


async def test_neither_side_is_ahead_of_the_other(service: RawService, channel: Channel) -> None:
    """2 GiB each way would be held by nobody; what is under way is a few windows."""
    down = channel.unary_stream(DOWN)(b"130000", metadata=TOKEN)
    assert await down.read() == PART
    up = channel.stream_unary(UP)(metadata=TOKEN)
    await up.write(b"wait")
    written = [0]

    async def write() -> None:
        while True:
            await up.write(PART)
            written[0] += len(PART)

    writing = asyncio.create_task(write())
    before = (-1, -1)
    while before != (service.sent, written[0]):
        before = service.sent, written[0]
        await asyncio.sleep(0.5)
    assert service.sent < 32 * 2**20
    assert 0 < written[0] < 32 * 2**20
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing
    down.cancel()
    up.cancel()


async def test_who_reads_nothing_holds_up_nobody_else(
    service: RawService, channel: Channel, plane: Plane
) -> None:
    stalled = [channel.unary_stream(DOWN)(b"1000", metadata=TOKEN) for _ in range(40)]
    # All that may be under way of each, over the one connection to the plugin.
    before = -1
    while service.sent != before:
        before = service.sent
        await asyncio.sleep(0.5)
    assert len(service.calls) == 40
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with aio.insecure_channel(f"127.0.0.1:{plane.port}", options) as other:
        message = b"x" * 100_000
        unary: Any = other.unary_unary(UNARY)
        assert await unary(message, metadata=TOKEN, timeout=30) == message
    for call in stalled:
        call.cancel()


async def test_a_hundred_megabytes_leave_no_memory_behind(service: RawService, channel: Channel) -> None:
    process = psutil.Process()
    down = channel.unary_stream(DOWN)
    service.go_on.set()

    async def carry(parts: int) -> int:
        most = 0
        async for _ in down(b"%d" % parts, metadata=TOKEN):
            most = max(most, process.memory_info().rss)
        return most

    before = await carry(600)
    assert await carry(6_000) - before < 24 * 2**20


async def test_a_killed_plugin_is_unavailable(plane: Plane, channel: Channel, one: Endpoint) -> None:
    program = [sys.executable, "-m", "tests.fakes.rpc_plugin", one.address]
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    plane.publish(raw_route(one))
    call = channel.unary_stream(DOWN)(b"1", metadata=TOKEN)
    assert await call.read() == PART
    process.kill()
    await process.wait()
    error = await failing(call.read())
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "notes went away" in (error.details() or "")
    error = await failing(channel.unary_unary(UNARY)(b"x", metadata=TOKEN))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert [info.reason for info in details_of(error)[:1]] == ["UNHEALTHY"]


async def test_plugins_over_tcp_with_mutual_tls(plane: Plane, channel: Channel, tmp_path: Path) -> None:
    authority, service = Authority(tmp_path, "ca"), RawService()
    server, port = await bound("127.0.0.1:0", service, authority.server_credentials("notes-0"))
    certificate, key = authority.issue("gateway")
    tls = TlsFiles(ca=authority.path, certificate=certificate, key=key, server_name="notes-0")
    secure = Endpoint(
        instance_id=InstanceId("one"), address=f"127.0.0.1:{port}", incarnation="1", tls=tls, plugin="notes"
    )
    plane.publish(raw_route(secure))
    assert await channel.stream_unary(UP)(sending(b"abc"), metadata=TOKEN) == b"3"
    # A server may carry several plugins, and is told which is meant.
    assert ("plugway-plugin", "notes") in service.metadata
    other = replace(secure, instance_id=InstanceId("two"), tls=replace(tls, server_name="notes-1"))
    plane.publish(raw_route(other))
    error = await failing(channel.unary_unary(UNARY)(b"x", metadata=TOKEN))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    await server.stop(None)


async def test_an_instance_that_drains_is_replaced_without_notice(
    service: RawService, channel: Channel, plane: Plane, one: Endpoint, tmp_path: Path
) -> None:
    other = RawService()
    two = replace(one, instance_id=InstanceId("two"), address=f"unix:{tmp_path}/q.sock")
    server = await serve(two.address, other)
    plane.publish(raw_route(one, two))
    service.draining = True
    for _ in range(3):
        assert await channel.unary_unary(UNARY)(b"x", metadata=TOKEN) == b"x"
        # What was sent before the refusal came is sent again.
        assert await channel.stream_unary(UP)(sending(b"abc", b"def"), metadata=TOKEN)
        call = channel.stream_stream(BOTH)(metadata=TOKEN)
        await call.write(b"y")
        assert await call.read() == b"y"
        await call.done_writing()
        assert await call.read() == b"end"
    assert service.calls == []
    assert (len(other.calls), other.received) == (9, 18)
    await server.stop(None)


async def test_streams_end_by_themselves_while_their_plugin_says_goodbye(
    channel: Channel, plane: Plane, one: Endpoint
) -> None:
    service = RawService()
    server = await serve(one.address, service)
    plane.publish(raw_route(one))
    call = channel.unary_stream(DOWN)(b"1", metadata=TOKEN)
    assert await call.read() == PART
    # GOAWAY, and time for what runs.
    stopping = asyncio.create_task(server.stop(60))
    await asyncio.sleep(0.3)
    service.go_on.set()
    assert await call.read() == b"end"
    assert await call.read() is aio.EOF
    assert await call.code() is grpc.StatusCode.OK
    await stopping


async def test_the_plugin_that_came_first_keeps_the_name(
    service: RawService, channel: Channel, plane: Plane, one: Endpoint, tmp_path: Path
) -> None:
    stranger = RawService()
    two = replace(one, instance_id=InstanceId("two"), address=f"unix:{tmp_path}/q.sock")
    server = await serve(two.address, stranger)
    unary = channel.unary_unary(UNARY)
    plane.publish(raw_route(two, plugin="aaa", installed=2.0))
    await unary(b"x", metadata=TOKEN)
    assert (len(service.calls), len(stranger.calls)) == (1, 0)
    await unary(b"x", metadata=(*TOKEN, ("plugway-plugin", "aaa")))
    assert (len(service.calls), len(stranger.calls)) == (1, 1)
    # Not even while it is off.
    off = replace(raw_route(one, state=PluginState.DISABLED), targets=())
    plane.publish(off)
    assert (await failing(unary(b"x"))).code() is grpc.StatusCode.UNAUTHENTICATED
    error = await failing(unary(b"x", metadata=TOKEN))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "disabled" in (error.details() or "")
    # Where none was first, nobody guesses.
    plane.publish(raw_route(one, installed=2.0))
    error = await failing(unary(b"x", metadata=TOKEN))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "aaa, notes" in (error.details() or "")
    assert len(stranger.calls) == 1
    await server.stop(None)


@pytest.mark.parametrize(
    "path",
    ["/plugway.plugin.v1.PluginService/Describe", "/no.v1.Such/Method", f"/{SERVICE}", f"/{SERVICE}/../x"],
    ids=str,
)
async def test_nothing_else_is_reached(
    service: RawService, channel: Channel, plane: Plane, one: Endpoint, path: str
) -> None:
    contract = "plugway.plugin.v1.PluginService"
    plain = raw_route(one)
    plane.publish(replace(plain, services=(*plain.services, contract)))
    error = await failing(channel.unary_unary(path)(b"", metadata=TOKEN))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    error = await failing(channel.unary_unary(path)(b""))
    assert error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED)


async def test_limits_hold_and_say_when_to_come_back(
    service: RawService, channel: Channel, plane: Plane, one: Endpoint
) -> None:
    quotas = Quotas(rate=Rate(per_second=0.02, burst=1))
    plane.publish(raw_route(one, limits=Limits(quotas=quotas)))
    unary = channel.unary_unary(UNARY)
    await unary(b"x", metadata=TOKEN)
    error = await failing(unary(b"x", metadata=TOKEN))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    info, retry = details_of(error)
    assert (info.reason, info.domain, info.metadata["plugin"]) == ("RATE", "plugway", "notes")
    assert 0 < retry.retry_delay.seconds <= 50
    plane.publish(raw_route(one, limits=Limits(max_concurrent=1)))
    down = channel.unary_stream(DOWN)(b"1", metadata=TOKEN)
    await down.read()
    error = await failing(unary(b"x", metadata=TOKEN))
    assert (error.code(), details_of(error)[0].reason) == (grpc.StatusCode.UNAVAILABLE, "OVERLOADED")
    down.cancel()
    counts = plane.data_plane.metrics.releases["notes", "1.0.0", "r1"]
    await until(lambda: counts.active == 0)
    # Whatever methods a client makes up are one route.
    assert {name: sum(found.calls) for name, found in counts.routes.items()} == {f"/{SERVICE}/*": 2}


async def test_a_plugin_that_is_silent_is_given_up(
    service: RawService, channel: Channel, plane: Plane, one: Endpoint
) -> None:
    plane.publish(raw_route(one, limits=Limits(stream_idle=0.3)))
    error = await failing(channel.unary_unary(UNARY)(b"hang", metadata=TOKEN))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    call = channel.unary_stream(DOWN)(b"1", metadata=TOKEN)
    assert await call.read() == PART
    assert (await failing(call.read())).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: service.cancelled == ["Unary", "Down"], 30)
