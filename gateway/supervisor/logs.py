"""The logs of a plugin's instances as one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from gateway.model import InstanceId
from gateway.runtimes.base import LogLine, Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceLine:
    """One line of one instance; ``at`` is Unix time in seconds, 0 where unknown."""

    at: float
    text: str
    instance: InstanceId


async def merged_logs(
    runtime: Runtime, instances: Sequence[InstanceId], *, tail: int, follow: bool
) -> AsyncIterator[InstanceLine]:
    """The last ``tail`` lines of each in order of time, then, with ``follow``, what comes."""
    if len(instances) == 1:
        async for line in runtime.logs(instances[0], tail=tail, follow=follow):
            yield _of(instances[0], line)
        return
    past: list[InstanceLine] = []
    for id_ in instances:
        past += [_of(id_, line) async for line in runtime.logs(id_, tail=tail, follow=False)]
    for known in sorted(past, key=lambda line: line.at):
        yield known
    if follow:
        async with aclosing(_coming(runtime, instances)) as lines:
            async for line_ in lines:
                yield line_


async def _coming(runtime: Runtime, instances: Sequence[InstanceId]) -> AsyncGenerator[InstanceLine, None]:
    # Bounded, so that a plugin that floods its log waits for the reader.
    queue: asyncio.Queue[InstanceLine] = asyncio.Queue(maxsize=100)

    async def read(id_: InstanceId) -> None:
        async for line in runtime.logs(id_, tail=0, follow=True):
            await queue.put(_of(id_, line))

    readers = [asyncio.create_task(read(id_)) for id_ in instances]
    try:
        while True:
            yield await queue.get()
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


def _of(instance: InstanceId, line: LogLine) -> InstanceLine:
    return InstanceLine(at=line.at, text=line.text, instance=instance)
