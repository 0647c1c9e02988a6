"""Checks of a plugin that drains."""

from __future__ import annotations

import asyncio
import re

from gateway.conformance.calls import head_start, slow_work
from gateway.conformance.check import Group, NotApplicable, NotTried, Scene, require
from gateway.conformance.drain import Drained, answered, drain, observe
from gateway.conformance.subject import Subject

group = Group(Scene.DRAIN)
_RETRY = re.compile(rb"(?:^|\n)retry: ?(\d+)\r?\n")
_SERVICE_RESTART = 1012


async def _scene(subject: Subject) -> Drained:
    return await subject.once("drain", observe)


@group.check("drain.answered", "Drain: answer when nothing is left, with the counts.")
async def drainanswered(subject: Subject) -> str:
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
    seconds = await slow_work(subject)
    seen = Drained()
    running = asyncio.ensure_future(answered(subject, seen))
    try:
        await asyncio.sleep(begun := head_start(seconds))
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
