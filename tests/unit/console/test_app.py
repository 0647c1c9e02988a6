"""The console's server side, and colours that can be read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.console.app import PAGES, create_console

STATIC = Path(__file__).parents[3] / "gateway" / "console" / "static"
FRAME = Path(__file__).parents[3] / "gateway" / "proxy" / "static" / "frame.css"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_console())
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as opened:
        yield opened


@pytest.mark.parametrize("page", [page.replace("{id}", "notes") for page in PAGES])
async def test_pages(client: httpx.AsyncClient, page: str) -> None:
    answer = await client.get(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_every_file_is_served_and_may_be_kept_while_unchanged(client: httpx.AsyncClient) -> None:
    for file in STATIC.rglob("*.*"):
        answer = await client.get(f"/static/{file.relative_to(STATIC)}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = await client.get(answer.request.url.path, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.parametrize("path", ["/nothing", "/plugins/notes/nothing", "/static/nothing.js"])
async def test_unknown_paths_are_404(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"])
async def test_nothing_outside_static_is_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "create_console" not in answer.text


async def test_pages_are_only_read(client: httpx.AsyncClient) -> None:
    for path in ("/", "/static/icon.svg"):
        written = await client.post(path)
        assert (written.status_code, written.headers["allow"]) == (405, "GET, HEAD")


def _themes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root[^{]*\{([^}]*)\}", (STATIC / "css" / "tokens.css").read_text())[:2]
    found = {name: dict(re.findall(r"--([\w-]+):\s*(#\w{6})", text)) for name, text in (("light", light),)}
    return {**found, "dark": {**found["light"], **dict(re.findall(r"--([\w-]+):\s*(#\w{6})", dark))}}


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# WCAG 2.2, 1.4.3 (text) and 1.4.11 (borders of fields).
PAIRS = [
    *((text, ground, 4.5) for text in ("text", "muted") for ground in ("bg", "panel", "sunken")),
    *((text, ground, 4.5) for text in ("accent-strong",) for ground in ("bg", "panel", "accent-soft")),
    *((text, f"{text}-soft", 4.5) for text in ("ok", "warn", "danger")),
    *((text, "panel", 4.5) for text in ("ok", "warn", "danger")),
    ("on-accent", "accent", 4.5),
    ("panel", "danger", 4.5),
    ("line-strong", "panel", 3.0),
    ("accent", "panel", 3.0),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_contrast(theme: str, text: str, ground: str, least: float) -> None:
    colours = _themes()[theme]
    high, low = sorted((_luminance(colours[text]), _luminance(colours[ground])), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= least


def test_the_frame_has_the_consoles_colours() -> None:
    """A plugin's page must not look pasted in."""
    frame = FRAME.read_text()
    for theme in _themes().values():
        for name in ("bg", "panel", "text", "muted", "line", "accent", "ok", "danger", "warn"):
            assert f"--pw-{name}: {theme[name]};" in frame
