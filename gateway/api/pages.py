"""The few pages the management API shows itself, to people who are not signed in yet."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

_STYLE = (
    "html{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:34rem;margin:18vh auto;padding:0 1.5rem}"
    "h1{font-size:1.4rem}code{font-family:ui-monospace,monospace}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} - Plugway</title><style>{style}</style></head>
<body><main><h1>{title}</h1><p>{text}</p>
<p>Run <code>plugway token</code> where the gateway runs: it prints a new link. Or
<a href="/login">sign in with the admin token</a>, or go to <a href="/">the console</a>
if you are signed in already.</p></main></body></html>
"""


def refusal_page(title: str, text: str, status: int) -> HTMLResponse:
    """A page that says why not, and how to sign in."""
    return HTMLResponse(
        _PAGE.format(title=escape(title), text=escape(text), style=_STYLE),
        status,
        {
            "www-authenticate": 'Bearer realm="plugway"',
            "content-security-policy": (
                f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
                "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            ),
        },
    )
