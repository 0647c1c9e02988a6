"""A report inside the plugin's page: a real gateway and Chromium, and the other end of powerbi-client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Frame, expect

from plugin_services.power_bi.tests import content
from plugin_services.power_bi.tests.conftest import CloudServer
from tests.e2e.browser import Visitor, chromium, visitor
from tests.fakes.authority import Authority
from tests.parts import need_chromium, need_npm_packages
from tests.running import RunningGateway, gateway
from tests.shipped.managed import Managed
from tests.shipped.servers import eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
ID = "power-bi"
# What powerbi-client brings to both ends of a frame.
PACKAGES = {
    "private": True,
    "dependencies": {"http-post-message": "0.3.0", "window-post-message-proxy": "0.3.0"},
}


@dataclass
class Ground:
    running: RunningGateway
    browser: Browser
    cloud: CloudServer
    modules: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    place = tmp_path_factory.mktemp("embedding")
    modules = await asyncio.to_thread(need_npm_packages, "power-bi-embed", PACKAGES)
    authority = Authority(place, "ca")
    cloud = CloudServer(place / "cloud", *authority.issue("localhost"))
    await asyncio.to_thread(cloud.start)
    # Its own page is Microsoft's host to the browser, and any other host would be reached, too.
    names = f"MAP app.powerbi.com:443 127.0.0.1:{cloud.port}, MAP *.example:443 127.0.0.1:{cloud.port}"
    try:
        async with (
            gateway(place / "home", "process", {"PLUGWAY_INSTALL": ID}) as running,
            chromium(need_chromium(), f"--host-resolver-rules={names}") as browser,
        ):
            await running.healthy(ID, 120)
            pem = await asyncio.to_thread(Path(authority.path).read_text)
            values = {"connections": {"contoso": {**cloud.connection, "caCertificate": pem}}}
            answer = await running.client.put(f"/api/v1/plugins/{ID}/settings", json={"values": values})
            answer.raise_for_status()
            yield Ground(running, browser, cloud, modules)
    finally:
        await asyncio.to_thread(cloud.kill)


@pytest_asyncio.fixture(loop_scope="module")
async def ground(started: Ground) -> Ground:
    """The same, whatever the tests before did to it: a service that was killed has forgotten all this."""
    await started.cloud.told(modules=str(started.modules), embedLife=3600, forget=True)
    return started


async def open_report(visit: Visitor, report: str, workspace: str = content.SALES) -> Frame:
    return await visit.frame(ID, f"#/reports?workspace={workspace}&report={report}")


async def shown(page: Frame) -> Frame:
    """The report's own page within the plugin's."""

    async def there() -> Any:
        return next((one for one in page.child_frames if "app.powerbi.com" in one.url), None)

    found: Frame = await eventually(there)
    return found


async def test_the_report_is_shown_with_a_token_of_its_own_that_is_renewed(ground: Ground) -> None:
    await ground.cloud.told(embedLife=10)
    async with visitor(ground.browser, ground.running, ignore_https_errors=True) as visit:
        page = await open_report(visit, content.REVENUE)
        report = await shown(page)
        token = report.locator("#token")
        await expect(token).to_contain_text("H4sI-embed-")
        first = await token.inner_text()
        assert (await ground.cloud.told())["embedding"][first] == content.REVENUE
        # The answer to its event has come, and nothing is said over the report any more.
        await expect(report.locator("body[data-heard='202']")).to_have_count(1)
        await expect(page.locator(".frame-state")).to_be_empty()
        # It has nothing of its own where it stands, whatever host it is of.
        body = report.locator("body")
        assert await body.get_attribute("data-origin") == "null"
        assert await body.get_attribute("data-storage") == "none"
        await expect(token).not_to_have_text(first)
        second = await token.inner_text()
        assert (await ground.cloud.told())["embedding"][second] == content.REVENUE
        # The libraries there cannot answer a page without an origin; nothing waits for that.
        assert [one for one in visit.errors if "target origin 'null'" not in one] == []


async def test_no_other_host_is_shown_and_refusals_are_told(ground: Ground) -> None:
    async with visitor(ground.browser, ground.running, ignore_https_errors=True) as visit:
        for name, words in (
            ("National", "Reports of https://app.powerbigov.example"),
            ("Moved", "may not be shown here"),
            ("Refused", "This token is for another report."),
        ):
            await ground.cloud.told(forget=True)
            page = await open_report(visit, content.guid("report", name), content.ODD)
            alert = page.get_by_role("alert")
            await expect(alert).to_contain_text(words)
            await expect(alert).to_contain_text("pen the report in Power BI")
            asked = {one["query"] for one in (await ground.cloud.told())["log"] if one["path"] == "page"}
            assert asked <= {"app.powerbi.com"}, "no other host was even asked"
            await visit.page.goto("about:blank")


async def test_kill_9_of_the_service_and_its_return_need_no_restart_of_the_plugin(ground: Ground) -> None:
    plugin = Managed(ground.running, ID, "/workspaces", lambda found: len(found["workspaces"]), held=100)
    await plugin.works("1.0.0")
    await plugin.kill_and_return(ground.cloud, "1.0.0")
