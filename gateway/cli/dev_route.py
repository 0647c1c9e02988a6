"""``plugway dev --route-me``: the calls of one user to a copy, for as long as this holds on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.exits import Exit, Failure, failure

_AGAIN = 1.0


class OwnRoute:
    """Held by an open request: with it, also where this process is killed, the route is gone."""

    def __init__(self, client: GatewayClient, plugin: str, url: str, word: Callable[[str], None]) -> None:
        self._client = client
        self._plugin = plugin
        self._url = url
        self._word = word
        self._held: asyncio.Task[None] | None = None

    async def renew(self) -> None:
        """Meet the copy anew; what was held goes on until it serves. Raises a failure where it is refused."""
        serves = asyncio.Event()
        fresh, before = asyncio.create_task(self._hold(serves)), self._held
        waiting = asyncio.create_task(serves.wait())
        await asyncio.wait({fresh, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if fresh.done():
            fresh.result()
        self._held = fresh
        await _cancelled(before)

    async def close(self) -> None:
        await _cancelled(self._held)

    async def _hold(self, serves: asyncio.Event) -> None:
        while True:
            try:
                await self._follow(serves)
            except Failure as error:
                if not serves.is_set():
                    raise
                self._word(f"Your calls go where everybody's go: {error}")
            await asyncio.sleep(_AGAIN)

    async def _follow(self, serves: asyncio.Event) -> None:
        stream = self._client.lines(
            plugin_path(self._plugin, "copy"), accept="application/x-ndjson", endless=True, query={},
            method="POST", body={"sourceUrl": self._url},
        )  # fmt: skip
        async with stream as lines:
            async for line in lines:
                news = json.loads(line) if line else {}
                if news.get("healthy"):
                    self._word(f"Your calls to {self._plugin} come here; everybody else's do not.")
                    serves.set()
                elif news:
                    self._word(news["reason"])
        raise failure(Exit.NOT_REACHABLE, "The gateway ended the request.")


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
