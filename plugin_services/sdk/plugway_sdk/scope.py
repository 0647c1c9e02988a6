"""ASGI scopes from the contract's messages. On the path of every call, hence plain."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from plugway.plugin.v1 import http_pb2

# 2.3, not 2.4: below 2.4 Starlette listens for the disconnect of a streaming answer and so
# ends an idle event stream at once; from 2.4 on it waits until it next sends something.
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_HTTP_EXTENSIONS: dict[str, Any] = {"http.response.trailers": {}}
_WEBSOCKET_EXTENSIONS: dict[str, Any] = {"websocket.http.response": {}}


CONTEXT = "plugway.context"
"""Where a scope has the contract's CallContext."""


class BadHead(ValueError):
    """The head of the call breaks the contract; the message says how."""


def _common(request: http_pb2.HttpRequest, state: dict[str, Any]) -> dict[str, Any]:
    context = request.context
    raw_path = request.path
    if raw_path[:1] != b"/":
        raise BadHead("the path must start with '/'")
    root_path = context.base_path
    try:
        path = root_path + raw_path.decode("ascii")
    except UnicodeDecodeError:
        raise BadHead("the path must be percent-encoded ASCII") from None
    client = context.client_address
    host = context.host
    headers = [(header.name, header.value) for header in request.headers]
    if context.traceparent:
        headers.append((b"traceparent", context.traceparent.encode()))
    return {
        "asgi": _ASGI,
        "http_version": "1.1",
        "path": unquote(path) if "%" in path else path,
        "raw_path": path.encode("ascii"),
        "query_string": request.query,
        "root_path": root_path,
        "headers": headers,
        "client": (client, 0) if client else None,
        "server": _server(host, context.scheme) if host else None,
        "state": state.copy(),
        CONTEXT: context,
    }


def _server(host: str, scheme: str) -> tuple[str, int]:
    name, colon, port = host.rpartition(":")
    if colon and port.isdecimal():
        return name, int(port)
    return host, 443 if scheme == "https" else 80


def http_scope(request: http_pb2.HttpRequest, state: dict[str, Any]) -> dict[str, Any]:
    """Raises :class:`BadHead`."""
    scope = _common(request, state)
    if not request.method:
        raise BadHead("the method is missing")
    scope["type"] = "http"
    scope["method"] = request.method
    scope["scheme"] = request.context.scheme or "http"
    scope["extensions"] = _HTTP_EXTENSIONS
    return scope


def websocket_scope(opening: http_pb2.WebSocketOpen, state: dict[str, Any]) -> dict[str, Any]:
    """Raises :class:`BadHead`."""
    scope = _common(opening.request, state)
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if opening.request.context.scheme == "https" else "ws"
    scope["subprotocols"] = list(opening.subprotocols)
    scope["extensions"] = _WEBSOCKET_EXTENSIONS
    return scope
