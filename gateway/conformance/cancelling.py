"""Checks of calls whose client has left."""

from __future__ import annotations

import asyncio
import contextlib

from grpc import aio

from gateway.conformance.calls import head_start, slow_work
from gateway.conformance.check import Group, Scene, require
from gateway.conformance.drain import drain
from gateway.conformance.streaming import opened_stream, read_body
from gateway.conformance.subject import Subject

group = Group()


@group.check(
    "cancel.call",
    "Cancelling means that the client has left: stop the work.",
    scene=Scene.CANCEL,
    route="slow",
)
async def cancelled(subject: Subject) -> str:
    seconds = await slow_work(subject)
    call = asyncio.ensure_future(subject.handle(subject.route("slow"), timeout=subject.patience.check))
    await asyncio.wait((call,), timeout=head_start(seconds))
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError, aio.AioRpcError):
        await call
    return await _idle(subject, (seconds - head_start(seconds)) / 2, "a call that was cancelled")


@group.check(
    "cancel.deadline",
    "A passed deadline means that the client has left: stop the work.",
    scene=Scene.DEADLINE,
    route="slow",
)
async def passed(subject: Subject) -> str:
    seconds = await slow_work(subject)
    deadline = head_start(seconds)
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


async def _idle(subject: Subject, within: float, what: str) -> str:
    """Nothing may be left to drain."""
    answer = await drain(subject, within, within)
    require(
        answer.cut == 0,
        f"While it drained, {answer.cut} calls were still at work: {what} goes on.",
        "Stop the work when the call's context is cancelled.",
    )
    return "nothing was left at work"
