"""Waiting for a plugin that starts, for as long as its start takes and hardly longer."""

from __future__ import annotations

import asyncio
import os

_LEAST = 0.01
_PART = 0.1
"""Of the time waited so far, until the next look: late by a tenth of a start, and cheap where it is long."""


async def pause(address: str, seconds: float, waited: float = 0.0) -> bool:
    """Wait ``seconds``, or only until the Unix socket at ``address``, which was missing, is there.

    Says whether it came to be there. To look at a path costs next to nothing beside a question by gRPC.
    ``waited`` are the seconds that the plugin has been waited for already.
    """
    path = address.removeprefix("unix:")
    if path == address or await asyncio.to_thread(os.path.lexists, path):
        await asyncio.sleep(seconds)
        return False
    left = seconds
    while left > 0:
        step = min(left, max(_LEAST, waited * _PART))
        await asyncio.sleep(step)
        left, waited = left - step, waited + step
        if await asyncio.to_thread(os.path.lexists, path):
            return True
    return False
