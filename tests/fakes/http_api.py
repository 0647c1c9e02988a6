"""A plain HTTP server, as a plugin may be one: echoes, streams, redirects, WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


@dataclass
class Upstream:
    """The API's server; ``left`` is set when a stream's client went away."""

    base: str = ""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> Starlette:
        every = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        return Starlette(
            routes=[
                Route("/v1/count", self.count, methods=["POST"]),
                Route("/v1/events", self.events),
                Route("/v1/slow", self.slow),
                Route("/v1/moved", self.moved),
                Route("/v1/elsewhere", self.elsewhere),
                Route("/v1/broken", self.broken),
                WebSocketRoute("/v1/socket", self.socket),
                WebSocketRoute("/v1/closed", self.closed),
                Route("/{path:path}", self.echo, methods=every),
            ]
        )

    async def echo(self, request: Request) -> Response:
        document = {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "headers": dict(request.headers),
            "body": (await request.body()).decode(),
        }
        extra = {"x-own": "yes", "connection": "x-hop", "x-hop": "no"}
        return JSONResponse(document, status_code=201, headers=extra)

    async def count(self, request: Request) -> Response:
        size = 0
        async for part in request.stream():
            size += len(part)
            self.begun.set()
        return JSONResponse(size)

    async def events(self, request: Request) -> Response:
        async def parts() -> AsyncIterator[str]:
            try:
                for number in range(1000):
                    yield f"data: {number}\n\n"
                    await asyncio.sleep(0.02)
            finally:
                self.left.set()

        return StreamingResponse(parts(), media_type="text/event-stream")

    async def slow(self, request: Request) -> Response:
        self.begun.set()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.left.set()
        return Response()

    async def moved(self, request: Request) -> Response:
        return RedirectResponse(f"{self.base}/v1/new?x=1")

    async def elsewhere(self, request: Request) -> Response:
        return RedirectResponse("https://other.example/v1/new")

    async def broken(self, request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"x" * 100
            raise ConnectionAbortedError

        return StreamingResponse(parts(), headers={"content-length": "1000"})

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept(subprotocol="chat" if "chat" in socket.scope["subprotocols"] else None)
        try:
            while True:
                message = await socket.receive_text()
                if message == "end":
                    await socket.close(4001, "as asked")
                    return
                await socket.send_text(message.upper())
        except WebSocketDisconnect:
            self.left.set()

    async def closed(self, socket: WebSocket) -> None:
        await socket.close()
