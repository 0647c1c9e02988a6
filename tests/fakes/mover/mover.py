"""A plugin whose every release behaves as its behaviour.json says; written on the SDK alone."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from plugway_sdk import DataPolicy, Permissions, Plugin, manifest, serve
from pydantic import BaseModel, SecretStr

SAID: dict[str, Any] = json.loads((Path(__file__).parent / "behaviour.json").read_text())
VERSION = str(SAID["version"])


class Settings(BaseModel):
    greeting: str = "hello"
    secret: SecretStr = SecretStr("")


class StrictSettings(BaseModel):
    greeting: str = "hello"
    must: str


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if scope["type"] == "websocket":
        await echo(receive, send)
    elif path == "/events":
        await events(send, receive)
    elif path == "/upload":
        await upload(receive, send)
    elif path == "/say":
        logging.getLogger("mover").warning("said in a call")
        await answer(send, "said")
    elif path == "/sleep":
        await asyncio.sleep(60)
    elif path == "/traced":
        await say_trace(scope, send)
    elif path == "/greeting":
        await answer(send, plugin.settings.greeting)
    elif path == "/secret":
        secret = plugin.settings.secret.get_secret_value()
        await answer(send, hashlib.sha256(secret.encode()).hexdigest())
    else:
        await work(send)


async def say_trace(scope: dict[str, Any], send: Any) -> None:
    """The trace as it came, and a span of the plugin's own where it sends any."""
    if "traces" in SAID:
        from opentelemetry import trace

        with trace.get_tracer("mover").start_as_current_span("work of the plugin"):
            await asyncio.sleep(0)
    came = {n.decode(): v.decode() for n, v in scope["headers"] if n in (b"traceparent", b"tracestate")}
    await answer(send, json.dumps(came))


async def answer(send: Any, body: str, status: int = 200) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


async def work(send: Any) -> None:
    await asyncio.sleep(float(SAID.get("slow", 0.0)))
    fails = SAID.get("fails") or plugin.settings.greeting == "fail"
    await answer(send, VERSION, 500 if fails else 200)


async def events(send: Any, receive: Any) -> None:
    left = asyncio.ensure_future(_left(receive))
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
    )
    while not left.done():
        await send({"type": "http.response.body", "body": f"data: {VERSION}\n\n".encode(), "more_body": True})
        await asyncio.wait([left], timeout=0.1)
    await send({"type": "http.response.body", "body": b""})


async def _left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def upload(receive: Any, send: Any) -> None:
    digest = hashlib.sha256()
    while True:
        message = await receive()
        digest.update(message.get("body", b""))
        if not message.get("more_body"):
            break
    await answer(send, digest.hexdigest())


async def echo(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        text = message.get("text") or (message.get("bytes") or b"").decode()
        await send({"type": "websocket.send", "text": f"{VERSION}:{text}"})


async def misbehave() -> None:
    """What befalls it some seconds after it began to serve."""
    if "dies_after" in SAID:
        await asyncio.sleep(float(SAID["dies_after"]))
        sys.stderr.write("mover: out of luck\n")
        sys.stderr.flush()
        os._exit(3)
    if "hangs_after" in SAID:
        await asyncio.sleep(float(SAID["hangs_after"]))
        os.kill(os.getpid(), signal.SIGSTOP)
    if "eats_after" in SAID:
        await asyncio.sleep(float(SAID["eats_after"]))
        hoard = []
        while True:
            hoard.append(os.urandom(16 * 2**20))


async def take(settings: Any) -> None:
    """Some settings look good until they are in force."""
    if settings.greeting == "die":
        sys.stderr.write("mover: cannot live with that\n")
        sys.stderr.flush()
        os._exit(4)


def openapi() -> dict[str, Any]:
    routes = SAID.get("routes", ["/work", "/greeting"])
    answers = {
        "200": {"description": "the version", "content": {"application/json": {"schema": {"type": "string"}}}}
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "mover", "version": VERSION},
        "paths": {route: {"get": {"responses": answers}} for route in routes},
    }


def _traced() -> Any:
    if "traces" not in SAID:
        return app
    from plugway_sdk.traces import export_traces, traced

    export_traces("mover", SAID["traces"])
    wrap: Any = traced
    return wrap(app)


within_traces = _traced()


class Clumsy:
    """Starts the misbehaviour with the lifespan, as the event loop is there only then."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            self.task = asyncio.create_task(misbehave())
        await within_traces(scope, receive, send)


plugin: Plugin[Any] = Plugin(
    id=str(SAID.get("claims", "mover")),
    version=str(SAID.get("claims_version", VERSION)),
    name="Mover",
    app=Clumsy(),
    openapi=openapi(),
    settings=StrictSettings if SAID.get("strict") else Settings,
    on_configure=take,
    restart_on_settings_change=bool(SAID.get("restarts_on_settings")),
    permissions=Permissions(egress=SAID.get("egress", []), volumes=SAID.get("volumes", [])),
    data_policy=DataPolicy(one_way_migration=bool(SAID.get("one_way")), explanation="columns were merged"),
)

if __name__ == "__main__":
    if "contract" in SAID:
        # As the SDK of another time would be.
        manifest.CONTRACT_VERSIONS = (SAID["contract"],)
    if SAID.get("never_starts"):
        time.sleep(3600)
    if SAID.get("exits_at_once"):
        sys.exit("mover: nothing to do")
    serve(plugin)
