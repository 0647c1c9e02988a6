"""What a second visit to the page of an external plugin asks the gateway for, in a real Chromium."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import expect

from tests.e2e.browser import chromium, visitor
from tests.e2e.wire import Wire, wire
from tests.fakes.page_package import install_page
from tests.fakes.unsigned import allow_unsigned
from tests.parts import need_chromium
from tests.running import gateway

_PARTS = 8
_FILES = {
    "page.js": "".join(f'import {{ part{n} }} from "./part{n}.js";\n' for n in range(_PARTS))
    + "export function mount(root) {\n"
    + '  const title = document.createElement("h1");\n'
    + f"  title.textContent = [{', '.join(f'part{n}' for n in range(_PARTS))}].join('');\n"
    + "  root.append(title);\n}\n",
    "page.css": "h1 { color: rgb(1, 2, 3); }\n",
    **{f"part{n}.js": f'export const part{n} = "{n}";\n' for n in range(_PARTS)},
}


async def measure(rounds: int) -> dict[str, Any]:
    """Requests that passed at the first and the second visit, and what a conditional one answers."""
    del rounds  # It is a count: each round gives the same.
    program = need_chromium()
    with tempfile.TemporaryDirectory(prefix="pw-bench-") as name:
        home = Path(name) / "home"
        allow_unsigned(home, "panel")
        async with gateway(home, settings={"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as running:
            await install_page(running, "panel", _FILES)
            async with (
                chromium(program) as browser,
                wire(running.base) as passed,
                visitor(browser, running, base=passed.base) as visit,
            ):
                seen = []
                for _ in range(2):
                    passed.asked.clear()
                    frame = await visit.frame("panel")
                    await expect(frame.get_by_role("heading")).to_have_text("01234567")
                    seen.append(_counted(passed))
                    last = passed.of_pages()
                    await visit.go("/")
            asked = [line.removeprefix("GET ") for line in last]
            return {
                "files": len(_FILES),
                "first": seen[0][0],
                "second": seen[1][0],
                "second_console": seen[1][1],
                **await _conditional(running.client, asked),
            }


def words(found: dict[str, Any]) -> list[str]:
    return [
        f"- visits to a page of {found['files']} files: {found['first']} requests for it at the first, "
        f"{found['second']} at the second ({found['second_console']} more for the console)",
        f"- of those {found['second']}: {found['immutable']} marked immutable, "
        f"{found['not_modified']} answer a conditional request with 304",
    ]


def _counted(passed: Wire) -> tuple[int, int]:
    """Requests for the plugin's page, and the others."""
    return len(passed.of_pages()), len(passed.asked) - len(passed.of_pages())


async def _conditional(client: httpx.AsyncClient, paths: list[str]) -> dict[str, int]:
    immutable = not_modified = 0
    for path in paths:
        answer = (await client.get(path)).raise_for_status()
        immutable += "immutable" in answer.headers.get("cache-control", "")
        if tag := answer.headers.get("etag"):
            again = await client.get(path, headers={"if-none-match": tag})
            not_modified += again.status_code == 304
    return {"immutable": immutable, "not_modified": not_modified}
