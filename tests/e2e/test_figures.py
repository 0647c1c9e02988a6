"""The plots of the console, drawn from calls that really went through the gateway."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browser import PLUGINS, visitor
from tests.running import gateway, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(150)]

SETTINGS = {"PLUGWAY_INSTALL": "probe", "PLUGWAY_PLUGIN_PATH": str(PLUGINS), "PLUGWAY_FIGURES_STEP": "0.5"}


async def test_calls_and_errors_are_plotted_and_read_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    async with gateway(tmp_path / "home", settings=SETTINGS) as running:
        await running.healthy("probe")
        for _ in range(20):
            await running.client.get("/plugins/probe/api/echo")

        async def ill() -> bool:
            """It is up again in less time than the figures' step, until its starts are put off."""
            assert (await running.client.post("/plugins/probe/api/die")).status_code >= 500
            points = (await running.client.get("/api/v1/plugins/probe/figures")).json()["points"]
            return any(point["state"] != "healthy" for point in points)

        await until(ill, "an illness in the figures")

        async def counted() -> bool:
            found = (await running.client.get("/api/v1/plugins/probe/figures")).json()
            points = found["points"]
            assert found["stepSeconds"] == 0.5
            return sum(point["calls"] for point in points) >= 21 and any(
                point["errors"] and point["p99Ms"] > 0 for point in points
            )

        await until(counted, "the calls and the failure are in the figures")
        async with visitor(browser, running) as visit:
            await visit.go("/plugins/probe/figures")
            page = visit.page
            plots = page.locator("figure.plot")
            await expect(plots).to_have_count(4)
            for name in ("Calls", "Answers of 5xx", "Time to answer"):
                figure = plots.filter(has_text=name)
                assert "M" in (await figure.locator("path").first.get_attribute("d") or "")
            calls = page.get_by_role("group", name="Calls")
            await calls.focus()
            await page.keyboard.press("ArrowLeft")
            await expect(plots.filter(has_text="Calls").locator(".plot-said")).to_contain_text("/s")
            await expect(plots.filter(has_text="Health").locator(".plot-said")).to_contain_text("since")
            await page.get_by_role("button", name="Last day").click()
            await expect(page.get_by_role("button", name="Last day")).to_have_attribute(
                "aria-pressed", "true"
            )
            assert visit.errors == []
