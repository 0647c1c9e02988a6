"""The peer that most would write: a FastAPI route that passes calls on with httpx.

It checks the token and drops hop-by-hop headers, and nothing else of what the gateway
does. ``... fastapi_process PORT HTTP_SOCKET``
"""

from __future__ import annotations

import hmac
import sys

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response

from tests.fakes.data_plane import TOKEN

_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "authorization"}
_EXPECTED = f"Bearer {TOKEN}"


def create(socket: str) -> FastAPI:
    app = FastAPI()
    client = httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=socket), base_url="http://plugin")

    @app.api_route("/plugins/{plugin}/api/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def pass_on(plugin: str, path: str, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", ""), _EXPECTED):
            return Response(status_code=401)
        headers = {name: value for name, value in request.headers.items() if name not in _HOP}
        answer = await client.request(
            request.method,
            f"/{path}",
            params=request.query_params,
            headers=headers,
            content=await request.body(),
        )
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP}
        return Response(content=answer.content, status_code=answer.status_code, headers=kept)

    return app


if __name__ == "__main__":
    uvicorn.run(
        create(sys.argv[2]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
    )
