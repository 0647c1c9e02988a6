"""What callers meet, as one application: the data plane and the management side."""

from __future__ import annotations

from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.proxy.prompt import Prompt
from gateway.proxy.rpc.request import is_rpc


class Plane(Protocol):
    """The data plane: HTTP and WebSockets by path, gRPC by the name of the service."""

    prompt: Prompt | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
    async def rpc(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Front:
    """Sends plugin calls to the data plane and everything else to the management API."""

    def __init__(self, data_plane: Plane, management: ASGIApp) -> None:
        self._data_plane = data_plane
        self._management = management
        self.prompt = data_plane.prompt
        """What the connection may answer by itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            parts = scope["path"].split("/", 4)
            if len(parts) > 3 and parts[1] == "plugins" and parts[3] in ("api", "ui"):
                await self._data_plane(scope, receive, send)
                return
            if is_rpc(scope):
                await self._data_plane.rpc(scope, receive, send)
                return
        await self._management(scope, receive, send)
