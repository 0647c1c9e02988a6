"""Answers of the adapter itself, as problem documents (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

from plugway_sdk.plugin import Receive, Send


class Problem(Exception):
    """Becomes the answer. ``reason`` is stable, ``detail`` a sentence."""

    def __init__(self, status: int, reason: str, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.document = {
            "type": f"urn:plugway:problem:{reason}",
            "title": title,
            "status": status,
            "detail": detail,
            "reason": reason,
        }

    async def send(self, send: Send) -> None:
        body = json.dumps(self.document).encode()
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
        if self.status == 503:
            headers.append((b"retry-after", b"5"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def no_api(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """The app of a plugin that is a page only."""
    if scope["type"] == "http":
        await Problem(404, "no-api", "No API", "This plugin is a page without an API of its own.").send(send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000})
