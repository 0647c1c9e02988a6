"""Pages of other origins: their questions answered, and the management API's answers dressed for them."""

from __future__ import annotations

from typing import Any

from gateway.access.cors import Cors, OriginRefused, Pairs
from gateway.proxy.problems import Problem


async def answer_preflight(asked: Pairs | OriginRefused, send: Any) -> None:
    """Without asking who it is: browsers send no credentials with the question."""
    if isinstance(asked, OriginRefused):
        await Problem(asked).send(send)
        return
    await send({"type": "http.response.start", "status": 204, "headers": asked})
    await send({"type": "http.response.body", "body": b""})


class CorsGate:
    """Stands before an application whose paths under ``/api/`` pages of other origins may call."""

    def __init__(self, app: Any, cors: Cors) -> None:
        self._app = app
        self._cors = cors

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and _is_for_programs(scope["path"]):
            asked = self._cors.preflight(scope["method"], scope["headers"])
            if asked is not None:
                await answer_preflight(asked, send)
                return
            send = self._cors.dress(scope["headers"], send)
        await self._app(scope, receive, send)


def _is_for_programs(path: str) -> bool:
    return path.startswith("/api/") or path == "/openapi.json"
