"""Checks of a plugin that is told to stop."""

from __future__ import annotations

import asyncio
import signal
import time

from gateway.conformance.check import Group, NotApplicable, Scene, require
from gateway.conformance.subject import Subject

group = Group()
_STOPS_WITHIN = 10.0


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
