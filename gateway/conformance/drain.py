"""One Drain with everything under way that the author names, and what is seen of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc import aio
from plugway.plugin.v1 import plugin_pb2

from gateway.conformance.calls import head_start
from gateway.conformance.check import Broken, NotTried
from gateway.conformance.health import NOT_SERVING, words
from gateway.conformance.streaming import opened_socket, opened_stream, read_body
from gateway.conformance.subject import Subject
from gateway.sources.check_table import NONE

_KEPT = 64 * 2**10


async def drain(subject: Subject, deadline: float, stream_deadline: float) -> plugin_pb2.DrainResponse:
    request = plugin_pb2.DrainRequest(
        deadline=_duration(deadline), stream_deadline=_duration(stream_deadline), reason="plugway check"
    )
    timeout = max(deadline, stream_deadline) + subject.patience.answer
    answer: plugin_pb2.DrainResponse = await subject.answer(
        subject.plugin.Drain(request, timeout=timeout), "Drain"
    )
    return answer


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(int(seconds * 1000))
    return duration


@dataclass
class Drained:
    """What was seen of one Drain with everything under way that the author names."""

    answer: plugin_pb2.DrainResponse | None = None
    again: plugin_pb2.DrainResponse | None = None
    trouble: str = ""
    health: dict[str, str] = field(default_factory=dict)
    handled: str = ""
    exchanged: str = ""
    slow: str = ""
    events: bytes = b""
    events_end: str = ""
    is_events: bool = False
    close_code: int = 0
    unopened: dict[str, str] = field(default_factory=dict)


async def observe(subject: Subject) -> Drained:
    seen, running = Drained(), []
    patience = subject.patience
    if _named(subject, "stream"):
        with _noting(seen, "stream"):
            answer = await opened_stream(subject)
            types = [h.value for h in answer.response.headers if h.name.lower() == b"content-type"]
            seen.is_events = any(value.startswith(b"text/event-stream") for value in types)
            seen.events = answer.body
            running.append(_follow(read_body(subject, answer.continuation), seen))
    if _named(subject, "websocket"):
        with _noting(seen, "websocket"):
            running.append(_until_closed(await opened_socket(subject), seen))
    if _named(subject, "slow"):
        running.append(answered(subject, seen))
    tasks = [asyncio.ensure_future(act) for act in running]
    try:
        await asyncio.sleep(
            max(patience.moment, head_start(subject.shared.slow[0] if subject.shared.slow else 0))
        )
        deadline = patience.answer
        draining = asyncio.ensure_future(drain(subject, deadline, deadline))
        try:
            await _notice(subject, seen)
            seen.answer = await draining
            seen.again = await drain(subject, deadline, deadline)
        except (aio.AioRpcError, Broken) as error:
            seen.trouble = error.details() or "" if isinstance(error, aio.AioRpcError) else error.seen
            await asyncio.gather(draining, return_exceptions=True)
        if tasks:
            await asyncio.wait(tasks, timeout=patience.answer)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return seen


def _named(subject: Subject, route: str) -> bool:
    named = getattr(subject.plan.routes, route)
    return named not in ("", NONE) and subject.configured and not subject.plan.preflight


@contextlib.contextmanager
def _noting(seen: Drained, what: str) -> Any:
    try:
        yield
    except (NotTried, aio.AioRpcError) as error:
        seen.unopened[what] = str(error.details()) if isinstance(error, aio.AioRpcError) else str(error)


async def _follow(call: Any, seen: Drained) -> None:
    try:
        while (part := await call.read()) is not aio.EOF:
            seen.events = (seen.events + part.chunk)[-_KEPT:]
        seen.events_end = "OK"
    except aio.AioRpcError as error:
        seen.events_end = error.code().name
    finally:
        call.cancel()


async def _until_closed(call: Any, seen: Drained) -> None:
    try:
        while (frame := await call.read()) is not aio.EOF:
            seen.close_code = frame.websocket_close.code or seen.close_code
    finally:
        call.cancel()


async def answered(subject: Subject, seen: Drained) -> None:
    try:
        answer = await subject.handle(subject.route("slow"), timeout=subject.patience.check)
        seen.slow = str(answer.response.status)
        await subject.give_up(answer.continuation)
    except (aio.AioRpcError, Broken) as error:
        seen.slow = error.code().name if isinstance(error, aio.AioRpcError) else error.seen


async def _notice(subject: Subject, seen: Drained) -> None:
    """What callers meet from the notice on. It is on its way, so it may take a moment."""
    for name in subject.names:
        end = time.monotonic() + subject.patience.answer / 2
        while True:
            status = await subject.health(name)
            seen.health[name] = words(status)
            if status == NOT_SERVING or time.monotonic() > end:
                break
            await asyncio.sleep(0.02)
    seen.handled = await _refusal(subject.handle(subject.usual()))
    seen.exchanged = await _refusal(_start(subject))


async def _start(subject: Subject) -> None:
    """A new Exchange; raises what it ends with."""
    call = subject.exchange()
    ended = asyncio.ensure_future(call.code())
    try:
        # Most refuse without a frame. A write that a refusal overtakes makes grpc.aio report INTERNAL
        # in its place, so one is sent only to those that wait for it.
        await asyncio.wait((ended,), timeout=subject.patience.answer / 5)
        if not ended.done():
            await call.write(plugin_pb2.ExchangeRequest(http_start=subject.usual()))
            await call.read()
            return
    except asyncio.InvalidStateError:
        await ended
    finally:
        if not ended.done():
            ended.cancel()
            call.cancel()
    raise aio.AioRpcError(
        ended.result(), await call.initial_metadata(), await call.trailing_metadata()
    ) from None


async def _refusal(act: Any) -> str:
    """ "" where it was refused as agreed, else what came in place of it."""
    try:
        await act
    except aio.AioRpcError as error:
        trailing = dict(error.trailing_metadata() or ())
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            return f"ended with {error.code().name}"
        return "" if trailing.get("plugway-refused") == "draining" else "lacks plugway-refused: draining"
    return "was answered"
