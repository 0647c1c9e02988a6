"""Following a plugin until it is healthy, or until it is clear that it will not be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.exits import Exit, Failure, failure
from gateway.cli.output import Progress, progress

# Events only say "look now"; without one it is looked at this often, in seconds.
_LOOK_EVERY = 1.0

Started = Callable[[Mapping[str, Any]], bool]


async def until_healthy(
    client: GatewayClient,
    id_: str,
    act: Callable[[], Awaitable[Object]],
    *,
    patience: float,
    quiet: bool,
    started: Started = lambda _: True,
) -> Object:
    """Do ``act`` and return the plugin once it is healthy, or waits for its settings.

    ``started`` says whether a healthy plugin is already the one that ``act`` led to. Raises a
    failure where the plugin ends in quarantine, is taken away, or ``patience`` seconds pass.
    """
    seen: Object = {}
    with progress(f"{id_}: waiting for the gateway", quiet) as shown:
        try:
            async with asyncio.timeout(patience):
                async with News(client, id_, shown) as news:
                    first = await act()
                    # Where the act's own answer still shows an old quarantine, that one is not the outcome.
                    stale = first.get("since") if first.get("state") == "quarantined" else None
                    while True:
                        seen = await client.get(plugin_path(id_))
                        shown.tell(_progress_line(seen))
                        if seen["state"] == "healthy" and started(seen):
                            return seen
                        if seen["state"] == "unhealthy" and seen["settingsRequired"]:
                            return seen
                        if ended := _ended(seen, stale):
                            raise ended
                        await news()
        except TimeoutError:
            raise _timed_out(id_, seen, patience) from None


def told(plugin: Mapping[str, Any]) -> tuple[str, Exit]:
    """A line for people about what :func:`until_healthy` returned, and the exit code."""
    id_ = plugin["id"]
    if plugin["state"] == "healthy" and not plugin["settingsRequired"]:
        return f"{id_} {plugin['version']}".strip() + " is healthy.", Exit.OK
    return f"{id_} needs settings before it works. See them: plugway configure {id_}", Exit.FAILED


class News:
    """Wakes up on an event of the plugin, or after a while; listens anew where the stream ends.

    What is being done to install it goes to ``shown`` at once.
    """

    def __init__(self, client: GatewayClient, id_: str, shown: Progress | None = None) -> None:
        self._client, self._id, self._shown = client, id_, shown
        self._woken = asyncio.Event()

    async def __aenter__(self) -> Callable[[], Awaitable[None]]:
        self._listening = asyncio.create_task(self._listen())
        return self._wait

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            stream = self._client.lines(
                "/api/v1/events", accept="text/event-stream", endless=True, query={"plugin": self._id}
            )
            # Whoever waits looks for itself too, and says what is wrong.
            with suppress(Failure):
                async with stream as lines:
                    async for line in lines:
                        if line.startswith("data:"):
                            self._take(line.removeprefix("data:"))
                            self._woken.set()
            await asyncio.sleep(_LOOK_EVERY)

    def _take(self, text: str) -> None:
        if self._shown is None:
            return
        with suppress(ValueError, KeyError, TypeError):
            event = json.loads(text)
            if event["type"] == "plugin.install":
                self._shown.tell(f"{self._id}: {event['data']['text']}")

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_EVERY):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()


def _progress_line(plugin: Mapping[str, Any]) -> str:
    said = plugin.get("progress") or plugin.get("reason") or ""
    return f"{plugin['id']}: {plugin['state']}" + (f", {said}" if said else "")


def _ended(plugin: Mapping[str, Any], stale: str | None) -> Failure | None:
    if plugin["state"] == "quarantined" and plugin["since"] != stale:
        detail = f"{plugin['id']} does not start: {plugin['reason']}"
        return failure(Exit.FAILED, detail, _what_next(str(plugin["id"])))
    if not plugin["enabled"]:
        return failure(Exit.FAILED, f"{plugin['id']} was disabled meanwhile.")
    return None


def _timed_out(id_: str, plugin: Mapping[str, Any], patience: float) -> Failure:
    if not plugin:
        return failure(Exit.TIMED_OUT, f"The gateway did not answer within {patience:g} s.")
    reason = f": {plugin['reason']}" if plugin.get("reason") else ""
    detail = f"{id_} is not healthy after {patience:g} s; it is {plugin['state']}{reason}"
    return failure(Exit.TIMED_OUT, detail, f"The gateway goes on trying. {_what_next(id_)}")


def _what_next(id_: str) -> str:
    return f"See: plugway status {id_}, plugway logs {id_}"
