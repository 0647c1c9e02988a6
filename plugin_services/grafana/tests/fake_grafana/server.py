"""The application: who asks, for which organisation, and what goes wrong on demand.

``python -m fake_grafana.server PORT FILE [PATH]`` serves it. Calls of ``/-/`` are the tests' own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from fake_grafana import alerts, boards, people, sources
from fake_grafana.state import EXPIRED, TOKEN, VIEWER, State, Wrong

Handler = Callable[["Call"], Any]


@dataclass
class Call:
    """One call that is allowed."""

    state: State
    org: dict[str, Any]
    login: str
    admin: bool
    writer: bool
    path: dict[str, str]
    query: Any
    body: Any
    plain: bool
    """Whether what is made is to be nobody's: ``X-Disable-Provenance``."""
    newer: bool
    """Whether answers have version 11's form where that is another."""

    def need(self, permission: str, *, server: bool = False) -> None:
        allowed = self.admin if server else self.writer
        if not allowed:
            words = "You'll need additional permissions to perform this action. "
            words += f"Permissions needed: {permission}"
            raise Wrong(403, words, title="Access denied", accessErrorId="ACE0123456789")


@dataclass
class Trouble:
    """What the tests have asked for."""

    throttled: int = 0
    retry_after: str = "1"
    status: int = 0
    hang: bool = False
    newer: bool = False
    seen: list[str] = field(default_factory=list)


Routes = tuple[tuple[str, str, Handler], ...]
ROUTES: Routes = (*boards.ROUTES, *sources.ROUTES, *alerts.ROUTES, *people.ROUTES)


class Grafana:
    """The server behind one state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.trouble = Trouble()
        self.tokens = {TOKEN: True, VIEWER: False}

    def app(self, prefix: str) -> Any:
        routes = [Route(path, self._answering(handler), methods=[method]) for method, path, handler in ROUTES]
        health = Route("/api/health", self._health)
        control = Route("/-/trouble", self._control, methods=["GET", "PUT"])
        known = Route("/-/known", self._known, methods=["GET", "PUT"])
        login = Route("/{path:path}", self._page)
        inner = [health, *routes, login]
        return Starlette(routes=[control, known, *([Mount(prefix, routes=inner)] if prefix else inner)])

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"commit": "0000000", "database": "ok", "version": "10.4.0"})

    async def _page(self, request: Request) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"message": "Not found"}, 404)
        return Response("<!doctype html><title>Grafana</title>", media_type="text/html")

    async def _control(self, request: Request) -> Response:
        if request.method == "PUT":
            self.trouble = Trouble(**(await request.json()))
        return JSONResponse(self.trouble.__dict__)

    async def _known(self, request: Request) -> Response:
        """All that it knows; or what it knows from now on, when nothing goes wrong."""
        if request.method == "PUT":
            self.trouble = Trouble()
            self.state.learn(await request.json())
        return JSONResponse(self.state.data)

    def _answering(self, handler: Handler) -> Any:
        async def answer(request: Request) -> Response:
            self.trouble.seen.append(f"{request.method} {request.url.path}")
            if self.trouble.hang:
                await asyncio.sleep(3600)
            if self.trouble.throttled > 0:
                self.trouble.throttled -= 1
                return JSONResponse(
                    {"message": "Too many requests"}, 429, {"retry-after": self.trouble.retry_after}
                )
            if self.trouble.status:
                return JSONResponse({"message": "An error occurred"}, self.trouble.status)
            try:
                body = await request.body()
                call = self._call(request, json.loads(body) if body else None)
                found = handler(call)
            except Wrong as wrong:
                return JSONResponse(wrong.document, wrong.code)
            if request.method != "GET":
                self.state.save()
            return JSONResponse(found)

        return answer

    def _call(self, request: Request, body: Any) -> Call:
        login, admin, writer, org = self._who(request.headers.get("authorization", ""))
        if wanted := request.headers.get("x-grafana-org-id"):
            if org and wanted != str(org):
                raise Wrong(401, "Unauthorized")
            org = int(wanted)
        return Call(
            state=self.state,
            org=self.state.org(org or 1),
            login=login,
            admin=admin,
            writer=writer,
            path=request.path_params,
            query=request.query_params,
            body=body,
            plain="x-disable-provenance" in request.headers,
            newer=self.trouble.newer,
        )

    def _who(self, header: str) -> tuple[str, bool, bool, int]:
        """Login, whether it administers the server, whether it may change, and its only organisation."""
        scheme, _, rest = header.partition(" ")
        if scheme == "Bearer":
            if rest == EXPIRED:
                raise Wrong(401, "Expired API key")
            if rest not in self.tokens:
                raise Wrong(401, "Invalid API key")
            return "sa-test", False, self.tokens[rest], 1
        if scheme == "Basic":
            login, _, password = base64.b64decode(rest).decode().partition(":")
            for user in self.state.data["users"].values():
                if (user["login"], user["password"]) == (login, password) and not user["isDisabled"]:
                    roles = self.state.data["orgs"]["1"]["members"]
                    return login, user["isAdmin"], roles.get(str(user["id"])) in ("Admin", "Editor"), 0
            raise Wrong(401, "Invalid username or password")
        raise Wrong(401, "Unauthorized")


def main(port: str, place: str, prefix: str = "") -> None:
    app = Grafana(State(Path(place))).app(prefix)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", ws="none")


if __name__ == "__main__":
    main(*sys.argv[1:])
