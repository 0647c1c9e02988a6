"""A data plane of its own around one instance, so that what is tried is called as a gateway calls it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from gateway.call_limits import Limits
from gateway.contract.client import PluginClient
from gateway.contract.templates import route_templates
from gateway.model import Caller, Endpoint, Manifest, PluginState, ReleaseId
from gateway.proxy.app import DataPlane
from gateway.registry.boards import OutcomeBoard, SnapshotBoard
from gateway.replay.answering import LATE, WITHIN, Body
from gateway.replay.recording import Answer, Call
from gateway.replay.run import Ask, Unanswered, sent
from gateway.routing import Route, Target
from gateway.settings import Settings
from gateway.sources.store import ContentStore

_RELEASE = ReleaseId("replayed")


@asynccontextmanager
async def plane(endpoint: Endpoint) -> AsyncIterator[tuple[Ask, Manifest]]:
    """How to call it, and what it says of itself; raises ``ContractError``."""
    with tempfile.TemporaryDirectory(prefix="plugway-replay-") as place:
        content = ContentStore(Path(place))
        manifest = await _met(endpoint, content)
        snapshots = SnapshotBoard()
        target = Target(
            release_id=_RELEASE, version=manifest.version, endpoints=(endpoint,), rules=manifest.routes,
            typed=manifest.typed, templates=route_templates(manifest),
        )  # fmt: skip
        route = Route(
            plugin_id=manifest.plugin_id, state=PluginState.HEALTHY, targets=(target,),
            limits=Limits(timeout=WITHIN),
        )  # fmt: skip
        snapshots.publish({manifest.plugin_id: route})
        settings = Settings.model_construct(compression="off", host="127.0.0.1")
        data_plane = DataPlane(
            snapshots=snapshots, outcomes=OutcomeBoard(), gatekeeper=_Everybody(), content=content,
            settings=settings, asset_key=b"",
        )  # fmt: skip
        try:
            yield _Asks(data_plane, manifest.plugin_id), manifest
        finally:
            await data_plane.close()


async def _met(endpoint: Endpoint, content: ContentStore) -> Manifest:
    client = PluginClient(endpoint)
    try:
        manifest = (await client.describe()).manifest
    finally:
        await client.close()
    if manifest.descriptor_set:
        await content.put(_once(manifest.descriptor_set))
    return manifest


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


class _Everybody:
    """Each call is made by who made it when it was recorded; nothing here is theirs to lose."""

    def identify(self, authorization: bytes | None, cookie: bytes | None) -> Caller | None:
        role, _, user = (authorization or b"").decode().partition(" ")
        return Caller(user=user, role=role) if role else None

    def call_token(self, user: str, role: str, plugin: str, release: str) -> str:
        return ""


class _Asks:
    def __init__(self, data_plane: DataPlane, plugin: str) -> None:
        self._data_plane = data_plane
        self._plugin = plugin

    async def __call__(self, call: Call, /) -> Answer:
        exchange = _Exchange(call.body or b"")
        try:
            async with asyncio.timeout(WITHIN):
                await self._data_plane(self._scope(call), exchange.receive, exchange.send)
        except TimeoutError:
            raise Unanswered(LATE) from None
        return exchange.answer()

    def _scope(self, call: Call) -> dict[str, Any]:
        path = f"/plugins/{self._plugin}/api{call.path}".encode("latin-1")
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent(call)]
        if call.role:
            headers.append((b"authorization", f"{call.role} {call.user}".encode()))
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": call.method,
            "scheme": "http", "path": unquote_to_bytes(path).decode(errors="replace"), "raw_path": path,
            "query_string": call.query.encode("latin-1"), "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "extensions": {},
        }  # fmt: skip


class _Exchange:
    """A client's two ends of one call, as ASGI has them."""

    def __init__(self, body: bytes) -> None:
        self._sent = [body]
        self._gone = asyncio.Event()
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = Body()
        self._whole = False

    async def receive(self) -> dict[str, Any]:
        if self._sent:
            return {"type": "http.request", "body": self._sent.pop(), "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in message["headers"]}
        elif message["type"] == "http.response.body":
            self._body.add(message.get("body", b""))
            self._whole = not message.get("more_body", False)

    def answer(self) -> Answer:
        if not self._whole:
            raise Unanswered("it broke off")
        return self._body.answer(self._status, self._headers)
