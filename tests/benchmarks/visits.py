"""What visits to pages of external plugins ask the gateway for, in a real Chromium."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.async_api import Browser, expect

from tests.e2e.browser import chromium, visitor
from tests.e2e.react_panel import build_panel
from tests.e2e.wire import wire
from tests.fakes.page_package import install_page
from tests.fakes.unsigned import allow_unsigned
from tests.parts import need_chromium
from tests.running import RunningGateway, gateway

_PARTS = 8
_FAR = 0.05
"""Seconds that a request takes to get to the gateway: on one machine no request costs any time."""
_STYLE = {"page.css": "h1 { color: rgb(1, 2, 3); }\n"}
_MANY = {
    "page.js": "".join(f'import {{ part{n} }} from "./part{n}.js";\n' for n in range(_PARTS))
    + "export function mount(root) {\n"
    + '  const title = document.createElement("h1");\n'
    + f"  title.textContent = [{', '.join(f'part{n}' for n in range(_PARTS))}].join('');\n"
    + "  root.append(title);\n}\n",
    **{f"part{n}.js": f'export const part{n} = "{n}";\n' for n in range(_PARTS)},
    **_STYLE,
}


async def measure(rounds: int) -> dict[str, Any]:
    """By page: requests, bytes (on the wire, both ways of compression) and ms at both visits."""
    program = need_chromium()
    with tempfile.TemporaryDirectory(prefix="pw-bench-") as name:
        home = Path(name) / "home"
        module = (await asyncio.to_thread(build_panel, "functions", Path(name))).decode()
        pages = {
            "react": {"page.js": module, **_STYLE},
            # The same, which is sent as files for its mention of import.meta.
            "react-files": {"page.js": f"import.meta;{module}", **_STYLE},
            "many": _MANY,
        }
        allow_unsigned(home, *pages)
        async with gateway(home, settings={"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as running:
            for plugin, files in pages.items():
                await install_page(running, plugin, files)
            async with chromium(program) as browser:
                found = {plugin: await _visits(browser, running, plugin, rounds) for plugin in pages}
    second = max(found[plugin]["requests"][1] for plugin in ("react", "many"))
    return {"files": len(_MANY), "second": second, **found}


def words(found: dict[str, Any]) -> list[str]:
    names = {
        "react": "a React component in one module, with a style sheet",
        "react-files": "the same as two files",
        "many": f"a page of {found['files']} files, {_PARTS + 1} of them modules",
    }
    return [
        f"- {name}: {of['requests'][0]} and {of['requests'][1]} requests, {of['bytes'][0]:,} and "
        f"{of['bytes'][1]:,} bytes, rendered after {of['ms'][0]:.0f} and {of['ms'][1]:.0f} ms "
        f"at the first and the second visit, {_FAR * 1000:.0f} ms from the gateway"
        for name, of in ((words_, found[plugin]) for plugin, words_ in names.items())
    ]


async def _visits(browser: Browser, running: RunningGateway, plugin: str, rounds: int) -> dict[str, Any]:
    """Medians, each round in a browser profile of its own; the console's part is in time and bytes."""
    times: list[tuple[float, ...]] = []
    requests, bytes_ = [0, 0], [0, 0]
    for _ in range(rounds):
        async with (
            wire(running.base) as passed,
            visitor(browser, running, base=passed.base) as visit,
        ):
            took = []
            for number in range(2):
                # The console itself is there already: what follows is the page alone.
                await visit.go(f"/plugins/{plugin}")
                link = visit.page.locator(f'a[href="/plugins/{plugin}/open"]').first
                await expect(link).to_be_visible()
                passed.asked.clear()
                passed.delay = _FAR
                before, began = passed.answered, time.perf_counter()
                await link.click()
                await expect(visit.page.frame_locator("iframe").locator("h1")).to_be_visible()
                took.append((time.perf_counter() - began) * 1000)
                requests[number] = len(passed.of_pages())
                bytes_[number] = passed.answered - before
                passed.delay = 0.0
            times.append(tuple(took))
    return {
        "requests": requests,
        "bytes": bytes_,
        "ms": [median(took[number] for took in times) for number in range(2)],
    }
