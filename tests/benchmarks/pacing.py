"""Calls at a fixed rate, whatever the answers do: a call's time counts from when it was due.

A caller that waits for an answer before it sends the next call leaves out exactly the calls that would
have had to wait (coordinated omission). Here the clock alone says when a call is due, and one that finds
no free connection is late by its own time.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, Sequence

Caller = Callable[[], Awaitable[object]]
"""Makes one call; is not asked for another before that has ended."""


def percentile(times: Sequence[float], share: float) -> float:
    """The nearest rank: the smallest value that at least ``share`` (0 to 1) of all do not exceed."""
    if not times:
        raise ValueError("no times, so no percentile")
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)]


async def at_rate(callers: Sequence[Caller], rate: float, number: int) -> list[float]:
    """Seconds of each of ``number`` calls that are due ``rate`` times a second, over these callers.

    A call that fails fails the run.
    """
    loop = asyncio.get_running_loop()
    due: asyncio.Queue[float | None] = asyncio.Queue()
    times: list[float] = []

    async def work(call: Caller) -> None:
        while (moment := await due.get()) is not None:
            await call()
            times.append(time.perf_counter() - moment)

    def tick() -> None:
        # A thread, as the event loop's own timers are a millisecond coarse.
        begun = time.perf_counter()
        for index in range(number):
            moment = begun + index / rate
            if (wait := moment - time.perf_counter()) > 0:
                time.sleep(wait)
            if stopped.is_set():
                return
            loop.call_soon_threadsafe(due.put_nowait, moment)
        for _ in callers:
            loop.call_soon_threadsafe(due.put_nowait, None)

    stopped = threading.Event()
    clock = threading.Thread(target=tick, name="clock")
    clock.start()
    try:
        async with asyncio.TaskGroup() as group:
            for caller in callers:
                group.create_task(work(caller))
    finally:
        stopped.set()
        await asyncio.to_thread(clock.join)
    return times


async def for_seconds(callers: Sequence[Caller], seconds: float) -> tuple[int, float]:
    """Each calls again as soon as it is answered; how many calls that were, and the seconds they took."""
    begun = time.perf_counter()
    until = begun + seconds
    made = 0

    async def work(call: Caller) -> None:
        nonlocal made
        while True:
            await call()
            made += 1
            if time.perf_counter() >= until:
                return

    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(work(caller))
    return made, time.perf_counter() - begun


async def for_calls(callers: Sequence[Caller], each: int) -> float:
    """Every caller makes so many, each as soon as the one before is answered; the seconds that it took."""

    async def work(call: Caller) -> None:
        for _ in range(each):
            await call()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(work(caller))
    return time.perf_counter() - begun
