"""The peer that most would write: FastAPI routes that pass calls on with httpx.

It checks the token and drops hop-by-hop headers, and nothing else of what the gateway does. Large bodies
and events are streamed; the typed call is a route that asks by gRPC; the page is served by Starlette.
``... fastapi_process PORT HTTP_SOCKET GRPC_SOCKET PAGE_DIRECTORY``
"""

from __future__ import annotations

import asyncio
import hmac
import sys
from typing import Any

import grpc
import httpx
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.responses import StreamingResponse
from google.protobuf.json_format import MessageToDict
from starlette.staticfiles import StaticFiles
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed

from tests.benchmarks.typed import SERVICE, messages
from tests.fakes.data_plane import TOKEN

_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "authorization"}
_EXPECTED = f"Bearer {TOKEN}"
_LARGE = ("stream/", "upload", "events")


def create(http_socket: str, grpc_socket: str, pages: str) -> FastAPI:
    app = FastAPI()
    limits = httpx.Limits(max_connections=None)
    transport = httpx.AsyncHTTPTransport(uds=http_socket, limits=limits)
    client = httpx.AsyncClient(transport=transport, base_url="http://plugin", timeout=60)
    notes: list[Any] = []

    @app.get("/typed/notes/{number}")
    async def typed(number: int, request: Request) -> dict[str, Any]:
        if not _known(request):
            raise HTTPException(401)
        if not notes:
            # A channel belongs to the event loop it is made in.
            notes[:] = _note_call(grpc_socket)
        call, kind = notes
        note: dict[str, Any] = MessageToDict(await call(kind(id=number), timeout=60))
        return note

    @app.api_route("/plugins/{plugin}/api/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def pass_on(plugin: str, path: str, request: Request) -> Response:
        if not _known(request):
            return Response(status_code=401)
        headers = {name: value for name, value in request.headers.items() if name not in _HOP}
        if path.startswith(_LARGE):
            return await _stream(client, path, request, headers)
        answer = await client.request(
            request.method,
            f"/{path}",
            params=request.query_params,
            headers=headers,
            content=await request.body(),
        )
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP}
        return Response(content=answer.content, status_code=answer.status_code, headers=kept)

    @app.websocket("/plugins/{plugin}/api/{path:path}")
    async def echo(plugin: str, path: str, socket: WebSocket) -> None:
        if not hmac.compare_digest(socket.headers.get("authorization", ""), _EXPECTED):
            await socket.close()
            return
        await socket.accept()
        async with unix_connect(http_socket, uri=f"ws://plugin/{path}", compression=None) as behind:
            await _both_ways(socket, behind)

    app.mount("/pages", StaticFiles(directory=pages))
    return app


def _known(request: Request) -> bool:
    return hmac.compare_digest(request.headers.get("authorization", ""), _EXPECTED)


def _note_call(socket: str) -> tuple[Any, Any]:
    classes = messages()
    channel = grpc.aio.insecure_channel(f"unix:{socket}")
    asked = classes["NoteRequest"]
    call = channel.unary_unary(f"/{SERVICE}/GetNote", asked.SerializeToString, classes["Note"].FromString)
    return call, asked


async def _stream(
    client: httpx.AsyncClient, path: str, request: Request, headers: dict[str, str]
) -> StreamingResponse:
    content = request.stream() if request.method == "POST" else None
    asked = client.build_request(request.method, f"/{path}", headers=headers, content=content)
    answer = await client.send(asked, stream=True)
    kept = {name: value for name, value in answer.headers.items() if name not in _HOP}

    async def body() -> Any:
        try:
            async for part in answer.aiter_raw():
                yield part
        finally:
            await answer.aclose()

    return StreamingResponse(body(), status_code=answer.status_code, headers=kept)


async def _both_ways(socket: WebSocket, behind: Any) -> None:
    async def back() -> None:
        async for message in behind:
            await socket.send_text(message)

    returning = asyncio.create_task(back())
    try:
        while (message := await socket.receive())["type"] == "websocket.receive":
            await behind.send(message["text"])
    except ConnectionClosed:
        pass
    finally:
        returning.cancel()


if __name__ == "__main__":
    uvicorn.run(
        create(*sys.argv[2:]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_config=None,
    )
