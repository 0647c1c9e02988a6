"""Answers that the SDK makes in the app's stead: RFC 9457 problem documents."""

from __future__ import annotations

import json

_HEADERS = ((b"content-type", b"application/problem+json"),)

Answer = tuple[int, tuple[tuple[bytes, bytes], ...], bytes]


def internal_error(request_id: str) -> Answer:
    """The app raised. The reason is in the log only: it may hold anything."""
    return _problem(
        500, "plugin-failed", "The plugin failed", f"See the plugin's log for request {request_id or '-'}."
    )


def not_configured() -> Answer:
    return _problem(
        503,
        "plugin-not-configured",
        "Settings are missing",
        "This plugin works once its required settings are saved.",
        reason="not-configured",
    )


def _problem(status: int, key: str, title: str, detail: str, **more: str) -> Answer:
    document = {
        "type": f"urn:plugway:problem:{key}",
        "title": title,
        "status": status,
        "detail": detail,
        **more,
    }
    return status, _HEADERS, json.dumps(document).encode()
