"""A plugin for the browser tests: echoes, streams, takes uploads, dies when told to."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import MutableMapping
from typing import Annotated, Any, Literal

from plugway_sdk import Plugin, SettingsRefused, serve
from pydantic import BaseModel, Field, SecretStr, StringConstraints


class Tls(BaseModel):
    enabled: bool = False
    names: list[str] = Field(default_factory=list, description="Names that the certificate may have.")


class Neighbour(BaseModel):
    url: str = Field("", description="Where it is.")
    token: SecretStr | None = None


Name = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]*$")]


class Settings(BaseModel):
    address: str = Field("localhost:1234", min_length=3, description="Where it connects to.")
    password: SecretStr | None = None
    mode: Literal["fast", "careful"] = "fast"
    retries: int = Field(3, ge=0, le=9)
    read_only: bool = Field(False, title="Read only")
    tls: Tls = Tls()
    neighbours: dict[Name, Neighbour] = Field(default_factory=dict, description="Others to talk to, by name.")


async def check(settings: Settings) -> None:
    if settings.address.startswith("refused"):
        raise SettingsRefused({"/address": "Nothing answers at this address."})


Scope = MutableMapping[str, Any]


async def app(scope: Scope, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    await _ANSWERS.get(path, _missing)(scope, receive, send)


async def _answer(
    send: Any, body: bytes, kind: str = "application/json", status: int = 200, **headers: str
) -> None:
    pairs = [(b"content-type", kind.encode()), *((k.encode(), v.encode()) for k, v in headers.items())]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def _echo(scope: Scope, receive: Any, send: Any) -> None:
    headers = {key.decode(): value.decode() for key, value in scope["headers"]}
    answer = {
        "method": scope["method"],
        "query": scope["query_string"].decode(),
        "headers": headers,
        "secret": plugin.settings.password.get_secret_value() if plugin.settings.password else None,
        "neighbours": {
            name: [one.url, one.token.get_secret_value() if one.token else None]
            for name, one in plugin.settings.neighbours.items()
        },
        "settings": plugin.settings.model_dump(mode="json", exclude={"password", "neighbours"}),
    }
    await _answer(send, json.dumps(answer).encode())


async def _upload(scope: Scope, receive: Any, send: Any) -> None:
    digest, size = hashlib.sha256(), 0
    while True:
        message = await receive()
        digest.update(message.get("body", b""))
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    kind = dict(scope["headers"]).get(b"content-type", b"").decode()
    await _answer(send, json.dumps({"size": size, "sha256": digest.hexdigest(), "type": kind}).encode())


async def _ticks(scope: Scope, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    number = 0
    leaving = asyncio.ensure_future(_left(receive))
    while not leaving.done():
        number += 1
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
        await asyncio.wait({leaving}, timeout=0.1)


async def _left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _big(scope: Scope, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"application/octet-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(64):
        await send({"type": "http.response.body", "body": b"x" * 131072, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _redirect(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, b"", status=302, location="/api/v1/plugins")


async def _page(scope: Scope, receive: Any, send: Any) -> None:
    page = b"<!doctype html><p id=page>a page</p><script>document.title = 'it ran'</script>"
    await _answer(send, page, "text/html")


async def _die(scope: Scope, receive: Any, send: Any) -> None:
    os._exit(3)


async def _missing(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, b'{"detail": "no such path"}', status=404)


_ANSWERS = {
    "/echo": _echo,
    "/upload": _upload,
    "/ticks": _ticks,
    "/big": _big,
    "/redirect": _redirect,
    "/page": _page,
    "/die": _die,
}

plugin = Plugin(
    id="probe",
    version="1.0.0",
    name="Probe",
    description="Does in its frame what the browser tests ask for.",
    app=app,
    settings=Settings,
    on_check=check,
    ui="ui",
    ui_styles=("probe.css",),
)

if __name__ == "__main__":
    serve(plugin)
