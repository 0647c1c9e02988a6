"""Every page, light and wide, dark and on a phone: axe finds no serious fault, and nothing lies outside."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from plugin_services.grafana.tests.test_page import PAGES, crowd
from tests.shipped.browser import Place, Site, faults

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
DIALOGS = (
    Place("/dashboards", "Import"),
    Place("/dashboards?uid=board", "Delete…"),
    Place("/alerts?part=silences", "New silence"),
    Place("/people?part=users", "New user"),
)


async def test_axe_finds_no_serious_fault_and_a_phone_shows_all(shared: Any, site: Site, page: Page) -> None:
    await crowd(shared)
    assert page.context.browser is not None
    places = [*map(Place, PAGES), *DIALOGS]
    assert await faults(page.context.browser, site, places, ready=".panel, .empty, .card") == []
