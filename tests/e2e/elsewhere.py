"""What a plugin's page must not reach, and the ways it may try: the console, a neighbour, another host."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.proxy import frame

_BOOT = (Path(frame.__file__).parent / "static" / "frame.js").read_text(encoding="utf-8").strip()
_DIGEST = "sha256-" + base64.b64encode(hashlib.sha256(_BOOT.encode()).digest()).decode()
"""One that the frame's policy names."""
_TRUSTED = "trustedTypes.createPolicy(`${Math.random()}`, {createScriptURL: (x) => x}).createScriptURL(url)"

REACHES = (
    "document.cookie",
    "localStorage.length",
    "sessionStorage.length",
    "parent.document.title",
    "parent.localStorage.length",
    "top.location.href",
    "frameElement.id",
    "indexedDB.open('x')",
    "caches.open('x')",
)
"""Of the console."""

ATTEMPTS = (
    "(url) => fetch(url).then(() => 'reached', (e) => e.name)",
    "(url) => fetch(url, {mode: 'no-cors'}).then(() => 'reached', (e) => e.name)",
    "(url) => new Promise((done) => { const x = new XMLHttpRequest(); x.onload = () => done('reached');"
    " x.onerror = () => done('blocked'); x.open('GET', url); x.send(); })",
    "(url) => new Promise((done) => { const x = new EventSource(url); x.onopen = () => done('reached');"
    " x.onerror = () => done('blocked'); })",
    "(url) => new Promise((done) => { try { const x = new WebSocket(url); x.onopen = () => done('reached');"
    " x.onerror = () => done('blocked'); } catch (e) { done('blocked'); } })",
    # Asked for where the policy lets a digest stand for an address, whatever comes back.
    *(
        f"(url) => new Promise((done) => {{ const x = document.createElement('{tag}');"
        f" Object.assign(x, {{{how}, crossOrigin: 'anonymous', integrity: '{_DIGEST}'}});"
        " x.onload = () => done('reached'); x.onerror = () => done('blocked'); document.head.append(x); })"
        for tag, how in (
            ("script", f"src: {_TRUSTED}"),
            ("script", f"src: {_TRUSTED}, type: 'module'"),
            ("link", "href: url, rel: 'modulepreload'"),
        )
    ),
)
"""At a URL."""


@dataclass
class Elsewhere:
    """Keeps whatever is said to it.

    Chromium connects ahead of a navigation that its policy then refuses; nothing is sent on
    such a connection, so what counts is what was said.
    """

    url: str
    heard: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def another_host() -> AsyncIterator[Elsewhere]:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if said := await reader.read(1000):
            found.heard.append(said)
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    found = Elsewhere(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    async with server:
        yield found
