"""Work in threads that is over when its caller is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``asyncio.to_thread``, but a cancelled caller waits for the thread, which cannot be stopped.

    So nothing is written any more once the caller clears up.
    """
    working = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        # Its own failure, if it has one, is nobody's any more.
        await asyncio.gather(working, return_exceptions=True)
        raise
