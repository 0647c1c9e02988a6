"""A plugin to record: JSON, bytes, streams and secrets. ``version.txt`` says in which way it answers."""

import asyncio
import base64
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from plugway_sdk import Plugin, current_call, serve
from pydantic import BaseModel, SecretStr

VERSION = Path("version.txt").read_text()
NEW = VERSION != "1.0.0"
numbers = itertools.count(1)
app = FastAPI()


class Settings(BaseModel):
    """As a plugin that talks to a server has them."""

    url: str = "http://orders.example"
    password: SecretStr = SecretStr("")


class Order(BaseModel):
    """What a page sends."""

    item: str
    password: str = ""


@app.get("/items")
async def items(request: Request) -> dict[str, Any]:
    found = [{"id": n, "price": "9.50" if NEW and n == 2 else 9.5} for n in (1, 2)]
    return {"items": found, "at": time.time(), "of": dict(request.query_params), "by": current_call().user}


@app.post("/items", status_code=201)
async def order(wanted: Order) -> dict[str, Any]:
    return {"id": next(numbers), "item": wanted.item}


@app.get("/leak")
async def leak() -> dict[str, str]:
    value = plugin.settings.password.get_secret_value()
    encoded = base64.b64encode(value.encode()).decode()
    return {"words": f"connected with {value}", "basic": encoded, "clientSecret": "of another server"}


@app.get("/picture")
async def picture() -> Response:
    return Response(bytes(range(256)) * (2000 if not NEW else 2001), media_type="image/png")


@app.get("/cached")
async def cached(request: Request) -> Response:
    if "if-none-match" in request.headers:
        return Response(status_code=304)
    return Response("fresh", media_type="text/plain", headers={"etag": '"1"'})


@app.get("/events")
async def events() -> StreamingResponse:
    return StreamingResponse(_ticks(), media_type="text/event-stream")


async def _ticks() -> AsyncIterator[str]:
    while True:
        yield "data: tick\n\n"
        await asyncio.sleep(0.05)


plugin = Plugin(id="orders", version=VERSION, name="Orders", app=app, settings=Settings)

if __name__ == "__main__":
    serve(plugin)
