"""Checks of endings: of calls whose client has left, of a plugin that drains, of one that is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc import aio
from plugway.plugin.v1 import plugin_pb2

from gateway.conformance.calls import slowness
from gateway.conformance.check import Broken, Group, NotApplicable, NotTried, Scene, require
from gateway.conformance.health import NOT_SERVING, words
from gateway.conformance.streaming import opened_socket, opened_stream, read_body
from gateway.conformance.subject import Subject
from gateway.sources.check_table import NONE

group = Group(Scene.DRAIN)
_RETRY = re.compile(rb"(?:^|\n)retry: ?(\d+)\r?\n")
_KEPT = 64 * 2**10
_SERVICE_RESTART = 1012
_STOPS_WITHIN = 10.0


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


# Clients that have left


@group.check(
    "cancel.call",
    "Cancelling means that the client has left: stop the work.",
    scene=Scene.CANCEL,
    route="slow",
)
async def cancelled(subject: Subject) -> str:
    seconds = await _slow(subject)
    call = asyncio.ensure_future(subject.handle(subject.route("slow"), timeout=subject.patience.check))
    await asyncio.wait((call,), timeout=_head_start(seconds))
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError, aio.AioRpcError):
        await call
    return await _idle(subject, (seconds - _head_start(seconds)) / 2, "a call that was cancelled")


@group.check(
    "cancel.deadline",
    "A passed deadline means that the client has left: stop the work.",
    scene=Scene.DEADLINE,
    route="slow",
)
async def passed(subject: Subject) -> str:
    seconds = await _slow(subject)
    deadline = _head_start(seconds)
    code = await subject.refused(subject.handle(subject.route("slow"), timeout=deadline))
    require(code is not None, "It answered within the deadline.")
    return await _idle(subject, (seconds - deadline) / 2, "a call whose deadline had passed")


@group.check(
    "cancel.stream",
    "To cancel ReadBody is to cancel the call; with discard the answer is given up.",
    scene=Scene.LEAVE,
    route="stream",
)
async def left(subject: Subject) -> str:
    for begin in (False, True):
        answer = await opened_stream(subject)
        if begin:
            call = read_body(subject, answer.continuation)
            reading = asyncio.ensure_future(call.read())
            await asyncio.wait((reading,), timeout=subject.patience.moment)
            reading.cancel()
            call.cancel()
        await subject.give_up(answer.continuation)
    return await _idle(subject, subject.patience.answer / 2, "a stream that was left")


async def _slow(subject: Subject) -> float:
    seconds, _ = await slowness(subject)
    if seconds < subject.patience.slow:
        raise NotTried(f"the slow route answers within {seconds:.2f} s")
    return seconds


def _head_start(seconds: float) -> float:
    """For how long a slow call is let run, so that the plugin is certainly at work on it."""
    return min(1.0, seconds / 4)


async def _idle(subject: Subject, within: float, what: str) -> str:
    """Nothing may be left to drain."""
    answer = await drain(subject, within, within)
    require(
        answer.cut == 0,
        f"While it drained, {answer.cut} calls were still at work: {what} goes on.",
        "Stop the work when the call's context is cancelled.",
    )
    return "nothing was left at work"


# Draining


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


async def _observe(subject: Subject) -> Drained:
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
        running.append(_answered(subject, seen))
    tasks = [asyncio.ensure_future(act) for act in running]
    try:
        await asyncio.sleep(
            max(patience.moment, _head_start(subject.shared.slow[0] if subject.shared.slow else 0))
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


async def _answered(subject: Subject, seen: Drained) -> None:
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


async def _scene(subject: Subject) -> Drained:
    return await subject.once("drain", _observe)


@group.check("drain.answered", "Drain: answer when nothing is left, with the counts.")
async def drain_answered(subject: Subject) -> str:
    seen = await _scene(subject)
    require(seen.answer is not None, f"Drain fails: {seen.trouble:.200}", "See the plugin's log.")
    assert seen.answer is not None
    return f"{seen.answer.finished} finished, {seen.answer.cut} cut"


@group.check("drain.health", "From the notice on health is NOT_SERVING for all names.")
async def drain_health(subject: Subject) -> str:
    seen = await _scene(subject)
    for name, status in seen.health.items():
        require(status == "NOT_SERVING", f"While it drains, {name!r} is {status}.", "Tell the truth.")
    return "NOT_SERVING"


@group.check(
    "drain.refuses",
    "New calls are refused with UNAVAILABLE and the trailing metadata plugway-refused: draining.",
)
async def drain_refuses(subject: Subject) -> str:
    seen = await _scene(subject)
    require(not seen.handled, f"While it drains, a new Handle {seen.handled}.")
    require(not seen.exchanged, f"While it drains, a new Exchange {seen.exchanged}.")
    return "Handle and Exchange"


@group.check("drain.running", "Other calls go on until the deadline.", route="slow")
async def drain_running(subject: Subject) -> str:
    seen = await _scene(subject)
    require(
        seen.slow.isdigit() and int(seen.slow) < 400,
        f"A call that was running when it began to drain ended with {seen.slow or 'no answer'}.",
        "Refuse new calls only; let those that run finish.",
    )
    return f"{seen.slow}, while it drained"


@group.check(
    "drain.events",
    "Event streams end in good order: a line retry: with 500 to 1500 ms, then the end of the stream.",
    route="stream",
)
async def drain_events(subject: Subject) -> str:
    seen = await _scene(subject)
    if "stream" in seen.unopened:
        raise NotTried(seen.unopened["stream"])
    if not seen.is_events:
        raise NotApplicable("its stream is no text/event-stream")
    require(
        seen.events_end == "OK",
        f"The stream ended with {seen.events_end or 'nothing'}.",
        "End it in good order.",
    )
    found = _RETRY.findall(seen.events)
    require(bool(found), "The stream ended without a line 'retry:'.", "Send retry: 500 to 1500, at random.")
    require(500 <= int(found[-1]) <= 1500, f"It sent retry: {int(found[-1])}.", "500 to 1500, at random.")
    return f"retry: {int(found[-1])}, then its end"


@group.check("drain.sockets", "WebSockets are closed with 1012.", route="websocket")
async def drain_sockets(subject: Subject) -> str:
    seen = await _scene(subject)
    if "websocket" in seen.unopened:
        raise NotTried(seen.unopened["websocket"])
    require(
        seen.close_code == _SERVICE_RESTART,
        f"The WebSocket was closed with {seen.close_code or 'nothing'}.",
        "Send websocket_close with 1012.",
    )
    return "1012"


@group.check("drain.twice", "The gateway may ask twice.")
async def drain_twice(subject: Subject) -> str:
    seen = await _scene(subject)
    if seen.answer is None:
        raise NotTried("the first Drain failed")
    require(seen.again is not None, f"The second Drain fails: {seen.trouble:.200}")
    return "answered again"


@group.check("drain.deadline", "What is left at the deadline is cut.", scene=Scene.CUT, route="slow")
async def drain_deadline(subject: Subject) -> str:
    seconds = await _slow(subject)
    seen = Drained()
    running = asyncio.ensure_future(_answered(subject, seen))
    try:
        await asyncio.sleep(begun := _head_start(seconds))
        answer = await drain(subject, (seconds - begun) / 4, 0.1)
        require(
            answer.cut >= 1,
            f"It says that {answer.cut} calls were cut and {answer.finished} finished; one had "
            f"{(seconds - begun) * 3 / 4:.1f} s to go.",
            "Cut what runs at the deadline, and count it.",
        )
        return f"{answer.cut} cut"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# Signals


@group.check("stop.interrupt", "Ignore SIGINT where PLUGWAY_INSTANCE is set.", scene=Scene.INTERRUPT)
async def interrupt(subject: Subject) -> str:
    if not await subject.place.send(signal.SIGINT):
        raise NotApplicable("its process is not seen here")
    end = time.monotonic() + subject.patience.answer / 5
    while True:
        ended = await subject.place.ended()
        if ended or time.monotonic() > end:
            break
        await asyncio.sleep(subject.patience.moment)
    require(not ended, f"Ctrl-C in the gateway's terminal ends it: {ended}", "Ignore SIGINT.")
    await subject.health("")
    return "it serves on"


@group.check(
    "stop.terminate",
    "SIGTERM alone: drain for at most 5 seconds, then exit with status 0.",
    scene=Scene.STOP,
)
async def terminate(subject: Subject) -> str:
    if not await subject.place.send(signal.SIGTERM):
        raise NotApplicable("its process is not seen here")
    info = await subject.within(subject.place.exit(), "Its end after SIGTERM", _STOPS_WITHIN)
    require(info.code == 0, f"After SIGTERM: {info.reason}", "Drain, then exit with status 0.")
    return "exit status 0"
