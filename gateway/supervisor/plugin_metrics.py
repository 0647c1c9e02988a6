"""The plugins' own metrics: asked of every instance at once, within a deadline, and kept for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.contract.client import PluginClient
from gateway.contract.errors import ContractError
from gateway.model import InstanceId, PluginId, ReleaseId

WITHIN = 2.0
"""Seconds that one instance has for its answer; Prometheus itself gives up after ten."""

KEPT = 5.0
"""Seconds for which an answer serves everybody who asks: many scrapers are one to a plugin."""

_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom to ask."""

    plugin: PluginId
    release: ReleaseId
    instance: InstanceId
    client: PluginClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """What one instance said, or the ``problem`` that kept it from it. Nothing of it was checked."""

    plugin: PluginId
    release: ReleaseId
    instance: InstanceId
    content_type: str = ""
    text: bytes = b""
    problem: str = ""


class PluginMetrics:
    """``whom`` names the instances that answer now."""

    def __init__(self, whom: Callable[[], Sequence[Asked]]) -> None:
        self._whom = whom
        self._kept: tuple[Scrape, ...] = ()
        self._kept_until = 0.0
        self._asking: asyncio.Task[tuple[Scrape, ...]] | None = None

    async def collect(self) -> tuple[Scrape, ...]:
        """Never raises, and takes little more than :data:`WITHIN`."""
        if time.monotonic() < self._kept_until:
            return self._kept
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        # Shielded, as a scraper that leaves must not end it for the others.
        return await asyncio.shield(self._asking)

    async def _ask_all(self) -> tuple[Scrape, ...]:
        room = asyncio.Semaphore(_AT_ONCE)
        self._kept = tuple(await asyncio.gather(*(_ask(asked, room) for asked in self._whom())))
        self._kept_until = time.monotonic() + KEPT
        return self._kept


async def _ask(asked: Asked, room: asyncio.Semaphore) -> Scrape:
    who = Scrape(plugin=asked.plugin, release=asked.release, instance=asked.instance)
    try:
        async with room, asyncio.timeout(WITHIN):
            content_type, text = await asked.client.collect_metrics()
    except TimeoutError:
        return _with(who, problem="timeout")
    except ContractError:
        return _with(who, problem="error")
    return _with(who, content_type=content_type, text=text)


def _with(who: Scrape, *, content_type: str = "", text: bytes = b"", problem: str = "") -> Scrape:
    return Scrape(
        plugin=who.plugin,
        release=who.release,
        instance=who.instance,
        content_type=content_type,
        text=text,
        problem=problem,
    )
