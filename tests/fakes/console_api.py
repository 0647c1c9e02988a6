"""The management API as the console sees it, with plugins in every state; for looking at pages.

Run it: ``python -m tests.fakes.console_api 8100``, then sign in with the token ``let-me-in``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from gateway.console.app import create_console
from gateway.model import UiType
from gateway.proxy.frame import frame_document
from gateway.ui_bundles import UiBundle

TOKEN = "let-me-in"
COOKIE = "plugway_session"

_UI = """
export function mount(root, host) {
  root.style.padding = "24px";
  const line = document.createElement("p");
  line.textContent = `Hello from the frame, in the ${host.theme} theme, at ${host.path}.`;
  host.onTheme((theme) => { line.textContent = `Now in the ${theme} theme.`; });
  root.append(line);
  return { unmount() {} };
}
"""

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["url", "mode"],
    "properties": {
        "url": {
            "type": "string",
            "format": "uri",
            "title": "Redis URL",
            "description": "Where Redis listens, as redis://host:port/db.",
            "minLength": 1,
        },
        "username": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "User name"},
        "password": {
            "anyOf": [{"type": "string", "format": "password", "writeOnly": True}, {"type": "null"}],
            "title": "Password",
        },
        "mode": {"enum": ["standalone", "sentinel", "cluster"], "default": "standalone"},
        "timeout_seconds": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 60,
            "default": 5,
            "description": "Time-out of one command, in seconds.",
        },
        "readOnly": {"type": "boolean", "default": False, "title": "Read only: refuse every change"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 4, "title": "Tags"},
        "tls": {"$ref": "#/$defs/Tls"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}, "default": {}},
    },
    "$defs": {
        "Tls": {
            "type": "object",
            "title": "TLS",
            "properties": {
                "enabled": {"type": "boolean", "default": False, "title": "Use TLS"},
                "ca": {"type": "string", "maxLength": 4000, "title": "CA certificate (PEM)"},
            },
        }
    },
}


def _at(**before: float) -> str:
    return (datetime.now(UTC) - timedelta(**before)).isoformat()


def _plugin(id_: str, name: str, state: str, **more: Any) -> dict[str, Any]:
    running = state not in ("disabled", "quarantined")
    instance = {
        "id": f"{id_}-0.4.1-a1b2",
        "releaseId": "sha256:1f0c",
        "state": "running",
        "healthy": state == "healthy",
        "reason": "" if state == "healthy" else "No answer to the health check for 5 s.",
        "runtime": "docker",
        "ownership": "managed",
        "startedAt": _at(hours=3),
        "address": "unix:/run/x/plugin.sock",
        "sandbox": {"level": "docker", "network": "none", "holds": ["init"], "lacks": []},
        "relay": None,
    }
    return {
        "id": id_,
        "name": name,
        "description": "",
        "version": "1.4.0",
        "source": "built-in",
        "tier": "built-in",
        "enabled": state != "disabled",
        "pinned": False,
        "versionFloor": "",
        "state": state,
        "reason": "",
        "voice": None,
        "since": _at(hours=3),
        "retryAt": None,
        "restarts": 0,
        "progress": "",
        "releaseId": "sha256:1f0c5a77d9",
        "ui": {"type": "static", "url": f"/plugins/{id_}/ui/"},
        "trust": {"verified": True, "rule": "built-in", "words": "Shipped.", "signer": "", "keys": []}
        | {"course": "run", "refusal": ""},
        "rating": {"grade": "A", "points": 96, "final": running, "reasons": []},
        "permissions": {"egress": [], "volumes": ["data"], "origins": []},
        "hasSettings": True,
        "settingsRequired": False,
        "installedAt": _at(days=12),
        "updatedAt": _at(days=2),
        "instances": [instance] if running else [],
        "definition": {"id": id_, "source": "built-in"},
        **more,
    }


def _plugins() -> dict[str, dict[str, Any]]:
    exited = "The process ended with exit code 1 five times within 40 s, last with: address already in use."
    views = [
        _plugin("notes", "Notes", "healthy", description="Short notes with attachments, kept in a volume."),
        _plugin("redis-management", "Redis", "healthy", description="Browse and edit a Redis server."),
        _plugin(
            "minio-management",
            "MinIO",
            "unhealthy",
            description="Buckets, objects and policies.",
            reason="No answer to the health check for 5 s.",
            voice="active",
            since=_at(seconds=40),
            restarts=2,
            retryAt=_at(seconds=-9),
        ),
        _plugin(
            "grafana",
            "Grafana",
            "starting",
            description="Dashboards of a Grafana.",
            progress="Building the image, step 3 of 5.",
            since=_at(seconds=4),
            ui=None,
        ),
        _plugin("power-bi", "Power BI", "disabled", description="Reports of a Power BI workspace."),
        _plugin(
            "weather",
            "Weather",
            "quarantined",
            reason=exited + " Free the address or change its settings, then try again.",
            voice="runtime",
            restarts=5,
            source="remote",
            tier="external",
        ),
    ]
    return {view["id"]: view for view in views}


class FakeGateway:
    """State and endpoints. ``POST /fake/{id}`` merges its JSON into a plugin and tells the page."""

    def __init__(self) -> None:
        self.plugins = _plugins()
        self.queues: set[asyncio.Queue[tuple[str, str, dict[str, Any]]]] = set()
        self.settings: dict[str, Any] = {"url": "redis://localhost:6379/0", "tags": ["cache"]}

    def routes(self) -> list[Route | Mount]:
        one = "/api/v1/plugins/{id}"
        return [
            Route("/api/v1/session", self.session, methods=["GET", "POST"]),
            Route("/api/v1/logout", self.logout, methods=["POST"]),
            Route("/api/v1/system", self.system),
            Route("/api/v1/plugins", self.list, methods=["GET"]),
            Route("/api/v1/plugins", self.install, methods=["POST"]),
            Route(one, self.remove, methods=["DELETE"]),
            Route(one + "/settings", self.configure, methods=["GET", "PUT"]),
            Route(one + "/releases", self.releases),
            Route(one + "/rollouts", self.rollouts),
            Route(one + "/rollout-defaults", self.no_defaults),
            Route("/api/v1/rollouts", self.rollouts),
            Route(one + "/logs", self.logs),
            Route(one + "/{act}", self.act, methods=["POST"]),
            Route("/api/v1/catalog", self.catalog),
            Route("/api/v1/catalogues", self.catalogues),
            Route("/api/v1/events", self.events),
            Route("/fake/{id}", self.change, methods=["POST"]),
            Route("/plugins/{id}/ui/", self.frame),
            Route("/plugins/{id}/ui/~fake/index.js", self.module),
            Mount("/", create_console()),
        ]

    def tell(self, type_: str, id_: str, **data: Any) -> None:
        for queue in self.queues:
            queue.put_nowait((type_, id_, data))

    def signed_in(self, request: Request) -> bool:
        return request.cookies.get(COOKIE) == "yes"

    async def session(self, request: Request) -> Response:
        if request.method == "POST" and (await request.json()).get("token") == TOKEN:
            response = JSONResponse({"user": "admin", "role": "admin"})
            response.set_cookie(COOKIE, "yes", httponly=True, samesite="strict")
            return response
        if request.method == "GET" and self.signed_in(request):
            return JSONResponse({"user": "admin", "role": "admin"})
        return _problem(401, "Sign in first.")

    async def logout(self, _: Request) -> Response:
        response = Response(status_code=204)
        response.delete_cookie(COOKIE)
        return response

    async def system(self, _: Request) -> Response:
        runtime = {"name": "docker", "reason": "engine 20.10 answers", "isolation": []}
        return JSONResponse({"version": "0.1.0", "runtime": runtime, "startedAt": _at(hours=3)})

    async def list(self, request: Request) -> Response:
        if not self.signed_in(request):
            return _problem(401, "Sign in first.")
        return JSONResponse({"plugins": list(self.plugins.values())})

    async def install(self, request: Request) -> Response:
        definition = await request.json()
        unknown = [key for key in definition if key not in ("id", "name", "source", "sourceUrl", "version")]
        if unknown:
            return _problem(422, "The plugin definition does not hold.", {f"/{unknown[0]}": "unknown field"})
        view = _plugin(definition["id"], definition["id"].title(), "starting")
        self.plugins[view["id"]] = view
        self.tell("plugin.installed", view["id"])
        return JSONResponse(view, 201)

    async def remove(self, request: Request) -> Response:
        self.plugins.pop(request.path_params["id"], None)
        self.tell("plugin.removed", request.path_params["id"])
        return Response(status_code=204)

    async def act(self, request: Request) -> Response:
        id_, act = request.path_params["id"], request.path_params["act"]
        state = "disabled" if act == "disable" else "healthy"
        self.plugins[id_] |= {"state": state, "enabled": act != "disable", "reason": "", "since": _at()}
        self.tell("plugin.state", id_, state=state, reason="", voice=None)
        return JSONResponse(self.plugins[id_])

    async def configure(self, request: Request) -> Response:
        if request.method == "GET":
            answer = {
                "schema": _SCHEMA, "values": self.settings, "secretsSet": ["/password"], "revision": 3,
                "earlierForm": False,
            }  # fmt: skip
            return JSONResponse(answer)
        change = await request.json()
        if "refused" in change["values"].get("url", ""):
            reason = {"/url": "Nothing answers at this address."}
            return _problem(422, "These settings were not accepted.", reason)
        if not change["dryRun"]:
            self.settings = {k: v for k, v in change["values"].items() if k != "password"}
        return JSONResponse(
            {"revision": 4, "dryRun": change["dryRun"], "restartRequired": False, "rollout": None}
        )

    async def rollouts(self, _: Request) -> Response:
        return JSONResponse({"rollouts": []})

    async def no_defaults(self, _: Request) -> Response:
        return JSONResponse({})

    async def releases(self, _: Request) -> Response:
        lock = {"plugin": "notes", "version": "1.4.0", "contract": 1, "permissions": {"volumes": ["data"]}}
        return JSONResponse({"releases": [{"id": "sha256:1f0c", "current": True, "lock": lock}]})

    async def catalog(self, _: Request) -> Response:
        entries = [
            _entry("notes", "Notes", "Short notes with attachments, kept in a volume.", [], ["data"]),
            _entry("clock", "Clock", "The time in several places.", [], []),
            _entry("postgres", "PostgreSQL", "Tables and queries.", ["settings:/url"], ["data"]),
        ]
        return JSONResponse({"plugins": entries, "total": len(entries), "categories": []})

    async def catalogues(self, _: Request) -> Response:
        return JSONResponse({"catalogues": [], "problem": ""})

    async def logs(self, request: Request) -> Response:
        async def lines() -> AsyncIterator[bytes]:
            for number in range(60):
                yield _log_line(number)
            while not await request.is_disconnected():
                await asyncio.sleep(1)
                yield _log_line(int(datetime.now(UTC).timestamp()))

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def events(self, request: Request) -> Response:
        if not self.signed_in(request):
            return _problem(401, "Sign in first.")
        queue: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()
        self.queues.add(queue)

        async def stream() -> AsyncIterator[bytes]:
            yield b"retry: 2000\n\n"
            number = 0
            while True:
                type_, id_, data = await queue.get()
                number += 1
                event = {"id": number, "at": _at(), "type": type_, "plugin": id_, "data": data}
                yield f"id: {number}\nevent: {type_}\ndata: {json.dumps(event)}\n\n".encode()

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def change(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        self.plugins[id_] |= await request.json()
        view = self.plugins[id_]
        self.tell("plugin.state", id_, state=view["state"], reason=view["reason"], voice=view["voice"])
        return Response(status_code=204)

    async def frame(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        ui = UiBundle(digest="fake", type=UiType.STATIC, entry="index.js")
        origin = f"{request.url.scheme}://{request.headers['host']}"
        base = f"/plugins/{id_}/ui/~fake/"
        body, headers = frame_document(
            plugin_id=id_, name=self.plugins[id_]["name"], ui=ui, asset_base=base, origin=origin
        )
        return Response(body, headers={key.decode(): value.decode() for key, value in headers})

    async def module(self, _: Request) -> Response:
        return Response(_UI, media_type="text/javascript", headers={"access-control-allow-origin": "*"})


def _entry(id_: str, name: str, description: str, egress: list[str], volumes: list[str]) -> dict[str, Any]:
    return {
        "id": id_,
        "name": name,
        "version": "1.0.0",
        "description": description,
        "publisher": "",
        "categories": [],
        "source": "built-in",
        "tier": "built-in",
        "catalogue": "",
        "catalogueTitle": "",
        "uiType": "static",
        "permissions": {"egress": egress, "volumes": volumes, "origins": []},
        "signature": "built-in",
        "versions": ["1.0.0"],
        "installed": False,
        "installedVersion": "",
        "update": "",
        "yanked": "",
        "problem": "",
        "definition": {"id": id_, "source": "built-in"},
    }


def _log_line(number: int) -> bytes:
    levels = ("info", "debug", "info", "warning", "info", "error")
    level = levels[number % len(levels)]
    text = {
        "level": level,
        "logger": "notes.app",
        "message": f"Call {number} answered",
        "request_id": f"r{number}",
    }
    line = {"at": _at(seconds=60), "instance": "notes-1", "text": json.dumps(text)}
    return json.dumps(line).encode() + b"\n"


def _problem(status: int, detail: str, fields: dict[str, str] | None = None) -> Response:
    errors = [{"field": field, "message": message} for field, message in (fields or {}).items()]
    document = {"type": "urn:plugway:problem:fake", "title": detail, "status": status, "detail": detail}
    return JSONResponse({**document, "errors": errors}, status, media_type="application/problem+json")


def create_fake() -> Starlette:
    return Starlette(routes=FakeGateway().routes())


if __name__ == "__main__":
    uvicorn.run(create_fake(), port=int(sys.argv[1]), log_level="warning")
