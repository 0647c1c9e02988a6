"""Checks of plain calls, and of what no gateway would send."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
from grpc import aio
from plugway.plugin.v1 import http_pb2, plugin_pb2

from gateway.conformance.check import Group, NotTried, require
from gateway.conformance.subject import UNKNOWN, Subject

group = Group()
_AT_ONCE = 32
_LARGEST = 8 * 2**20
_SERVICE = "/plugway.plugin.v1.PluginService"
_NO_MESSAGE = b"\xff\xff\xff\xff"


@group.check("call.answered", "Handle carries a call whose body fits into one message, and is answered.")
async def answered(subject: Subject) -> str:
    head = subject.usual()
    answer = await subject.handle(head)
    await subject.give_up(answer.continuation)
    status = answer.response.status
    require(status != 500, f"{head.path.decode()} answers 500.", "See the plugin's log.")
    return f"{head.method} {head.path.decode()}: {status}"


@group.check(
    "call.unknown-path",
    "What the plugin has no route for is an HTTP answer of its own, not a failure of the contract.",
)
async def unknown_path(subject: Subject) -> str:
    answer = await subject.handle(subject.head("GET", f"/{UNKNOWN}"))
    await subject.give_up(answer.continuation)
    require(
        answer.response.status != 500, "A path that it does not know is answered with 500.", "Answer 404."
    )
    return str(answer.response.status)


@group.check("call.many", "Handle, in any number at once.")
async def many(subject: Subject) -> str:
    async def one() -> int:
        answer = await subject.handle(subject.usual())
        await subject.give_up(answer.continuation)
        return int(answer.response.status)

    statuses = set(await asyncio.gather(*(one() for _ in range(_AT_ONCE))))
    require(len(statuses) == 1, f"{_AT_ONCE} equal calls at once were answered with {sorted(statuses)}.")
    return f"{_AT_ONCE} at once: {statuses.pop()}"


@group.check("call.large", "Accept messages of 8 MiB.")
async def large(subject: Subject) -> str:
    head = subject.usual()
    head.method = "POST"
    body = bytes(_LARGEST - head.ByteSize() - 64)
    answer = await subject.handle(head, body)
    await subject.give_up(answer.continuation)
    return f"{len(body) >> 10} KiB: {answer.response.status}"


@group.check(
    "call.slow",
    "The slow route that its author names takes its time, so that others can be tried with it.",
    route="slow",
)
async def slow(subject: Subject) -> str:
    seconds, status = await slowness(subject)
    require(status < 400, f"The slow route answers {status}.", "Correct slow under [check].")
    require(
        seconds >= subject.patience.slow,
        f"The slow route answered after {seconds:.2f} s.",
        f"Name one that takes longer than {subject.patience.slow:g} s; two or three are good.",
    )
    return f"{status} after {seconds:.1f} s"


async def slowness(subject: Subject) -> tuple[float, int]:
    """How long the slow route takes, in seconds, and its status; asked once."""
    if subject.shared.slow is None:
        began = time.monotonic()
        answer = await subject.handle(subject.route("slow"), timeout=subject.patience.check)
        await subject.give_up(answer.continuation)
        subject.shared.slow = time.monotonic() - began, int(answer.response.status)
    return subject.shared.slow


async def slow_work(subject: Subject) -> float:
    """Seconds that the slow route takes; raises :class:`NotTried` where it is too fast to try others with."""
    seconds, _ = await slowness(subject)
    if seconds < subject.patience.slow:
        raise NotTried(f"the slow route answers within {seconds:.2f} s")
    return seconds


def head_start(seconds: float) -> float:
    """For how long a slow call is let run, so that the plugin is certainly at work on it."""
    return min(1.0, seconds / 4)


@group.check(
    "garbage.head", "A head that breaks the contract (no method, a path without /): INVALID_ARGUMENT."
)
async def bad_head(subject: Subject) -> str:
    for head, what in (
        (subject.head("", "/"), "no method"),
        (subject.head("GET", "check"), "a path without '/'"),
    ):
        code = await subject.refused(subject.handle(head))
        require(
            code is grpc.StatusCode.INVALID_ARGUMENT,
            f"Handle with {what} ends with {code.name if code else 'an answer'}.",
            "End it with INVALID_ARGUMENT.",
        )
        code = await subject.refused(_exchange(subject, plugin_pb2.ExchangeRequest(http_start=head)))
        require(
            code is grpc.StatusCode.INVALID_ARGUMENT,
            f"Exchange with {what} ends with {code.name if code else 'an answer'}.",
            "End it with INVALID_ARGUMENT.",
        )
    return "INVALID_ARGUMENT"


@group.check("garbage.frames", "The first frame of Exchange is a start.")
async def bad_frames(subject: Subject) -> str:
    body = plugin_pb2.ExchangeRequest(body=http_pb2.BodyChunk(data=b"x"))
    code = await subject.refused(_exchange(subject, body))
    require(
        code is not None, "It answers an Exchange that begins with a part of a body.", "INVALID_ARGUMENT."
    )
    # Without any frame it only has to end, whatever its status.
    await subject.refused(_exchange(subject))
    return code.name if code else ""


async def _exchange(subject: Subject, *frames: plugin_pb2.ExchangeRequest) -> None:
    """Send these frames and no more, and read to the end; raises what it ends with."""
    call = subject.exchange()
    try:
        for frame in frames:
            await call.write(frame)
        await call.done_writing()
        async for _ in subject.frames(call, "The end of an Exchange that makes no sense"):
            pass
    except asyncio.InvalidStateError:
        # It had ended while the frames were written; its status tells how.
        if await call.code() is not grpc.StatusCode.OK:
            raise aio.AioRpcError(await call.code(), aio.Metadata(), aio.Metadata()) from None
    finally:
        call.cancel()


@group.check("garbage.bytes", "What is no message of the contract is refused, and harms nothing.")
async def no_messages(subject: Subject) -> str:
    channel: Any = subject.channel
    for method in ("Describe", "Configure", "Handle", "Drain", "CollectMetrics"):
        call = channel.unary_unary(f"{_SERVICE}/{method}")(_NO_MESSAGE, timeout=subject.patience.answer)
        code = await subject.refused(call)
        require(
            code is not None, f"{method} answers to bytes that are no message.", "Refuse what cannot be read."
        )
    call = channel.unary_stream(f"{_SERVICE}/ReadBody")(_NO_MESSAGE, timeout=subject.patience.answer)
    require(
        await subject.refused(_drained(call)) is not None, "ReadBody answers to bytes that are no message."
    )
    return "refused by six methods"


async def _drained(call: Any) -> None:
    while await call.read() is not aio.EOF:
        pass


@group.check("garbage.text", "Header values are raw bytes, paths percent-encoded as the client sent them.")
async def strange_text(subject: Subject) -> str:
    seen = []
    for path, query, value in (
        ("/%ff%00%2e%2e/..", "%ff=%zz&&==", b"\xff\xfe\x00"),
        ("/" + "a" * 4000, "q=" + "%f0" * 1000, b"x" * 16_000),
        ("//../;/%2f?", "\x7f", b""),
    ):
        head = subject.head("GET", path, query)
        head.headers.append(http_pb2.HttpHeader(name=b"x-check", value=value))
        code, status = None, 0
        try:
            answer = await subject.handle(head)
            await subject.give_up(answer.continuation)
            status = answer.response.status
        except aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
                raise
            code = error.code()
        require(status != 500, f"The path {path!r:.60} with strange bytes is answered with 500.")
        seen.append(code.name if code else str(status))
    return ", ".join(seen)
