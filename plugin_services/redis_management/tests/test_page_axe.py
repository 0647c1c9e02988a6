"""Axe finds no serious fault on any of the plugin's pages, light and dark, wide and on a phone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page

from tests.shipped.browser import Place, Site, faults

pytestmark = [pytest.mark.redis, pytest.mark.browser, pytest.mark.timeout(240)]
PAGES = (
    Place("/overview"),
    Place("/keys"),
    Place("/keys?key=h"),
    Place("/keys?key=text", "Rename"),
    Place("/keys", "Export…"),
    Place("/keys", "Import…"),
    Place("/memory", "Analyse", ".bars"),
    Place("/live", "Publish"),
    Place("/live?part=monitor"),
    Place("/slow-log"),
    Place("/clients"),
    Place("/console"),
    Place("/configuration?search=maxmemory"),
    Place("/users", "New user"),
    Place("/users"),
)


def arrange(redis: Any) -> None:
    redis.raw.hset("h", mapping={"field": "value", "other": "value"})
    redis.raw.set("text", "x")
    redis.raw.config_set("slowlog-log-slower-than", 0)
    redis.raw.acl_setuser("ann", enabled=False)


async def test_axe_finds_no_serious_fault(redis: Any, site: Site, page: Page) -> None:
    await asyncio.to_thread(arrange, redis)
    assert page.context.browser is not None
    ready = ".panel, .empty, .two, .log, .feed, .bar"
    assert await faults(page.context.browser, site, PAGES, ready=ready) == []
