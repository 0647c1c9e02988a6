"""A whole plugin on gRPC alone, without the SDK, and with one fault where it is told so.

What it does without a fault is the contract, as an author in any other language would write it. As a
program: ``python -m broken [FAULT]``. No fault is taken for granted: each is the smallest lie of its kind.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from plugway.plugin.v1 import http_pb2, manifest_pb2, plugin_pb2, plugin_pb2_grpc

SERVICE = "plugway.plugin.v1.PluginService"
ID, VERSION = "broken", "1.2.3"
REFUSED = (("plugway-refused", "draining"),)
NO_SUCH_PATH = "/plugway-check-no-such-name"
OPTIONS = [("grpc.max_receive_message_length", 8 * 2**20), ("grpc.so_reuseport", 0)]
Frame = plugin_pb2.ExchangeResponse
Code = grpc.StatusCode
SCHEMA = {
    "type": "object",
    "properties": {"greeting": {"type": "string"}, "password": {"type": "string", "writeOnly": True}},
    "required": ["greeting"],
    "additionalProperties": False,
}


def reply(status: int, body: bytes = b"", type_: str = "text/plain") -> plugin_pb2.HandleResponse:
    return plugin_pb2.HandleResponse(response=head(status, type_), body=body)


def head(status: int, type_: str = "text/plain") -> http_pb2.HttpResponse:
    field = http_pb2.HttpHeader(name=b"content-type", value=type_.encode())
    return http_pb2.HttpResponse(status=status, headers=[field])


class Plugin(plugin_pb2_grpc.PluginServiceServicer):
    """``slow`` is how long its slow route takes, in seconds; ``die`` ends it at once."""

    def __init__(self, instance: str, fault: str = "", slow: float = 2.0) -> None:
        self.instance = instance
        self.fault = fault
        self.slow = slow
        self.die: Callable[[], Any] = lambda: os._exit(3)
        self.settings: dict[str, Any] | None = None
        self.revision = 0
        self.draining = asyncio.Event()
        self.drains = 0
        self.hurried = False
        self.described = 0
        self.pages = 0
        self.at_once = 0
        self.at_work: set[object] = set()
        self.streams: dict[str, asyncio.Event] = {}
        self.lines: list[str] = []
        self.log("it is up")

    def log(self, message: str) -> None:
        line = {"at": "2026-01-01T00:00:00+00:00", "level": "info", "logger": ID, "message": message}
        self.lines.append(message if self.fault == "logs.json" else json.dumps(line))
        sys.stdout.write(f"{self.lines[-1]}\n")
        sys.stdout.flush()

    async def Describe(  # noqa: N802
        self, request: plugin_pb2.DescribeRequest, context: Any
    ) -> plugin_pb2.DescribeResponse:
        self.described += 1
        common = 1 if 1 in request.contract_versions else 0
        if self.fault == "negotiation.version" and len(request.contract_versions) > 1:
            common = 0
        if self.fault == "negotiation.none-common" and not common:
            common = request.contract_versions[0]
        if self.fault == "negotiation.hangs" and not common:
            await asyncio.sleep(600)
        openapi = {"openapi": "3.1.0", "info": {"title": "Broken", "version": VERSION}, "paths": {"/ok": {}}}
        if self.fault == "manifest.openapi":
            openapi["openapi"] = "3.0.0"
        return plugin_pb2.DescribeResponse(
            contract_version=common,
            supported_contract_versions=[1],
            manifest=self._manifest(),
            openapi_json=json.dumps(openapi).encode(),
            instance_id="another.1" if self.fault == "manifest.identity" else self.instance,
        )

    def _manifest(self) -> manifest_pb2.Manifest:
        said = manifest_pb2.Manifest(id=ID, version=VERSION, name="Broken")
        said.settings.json_schema = json.dumps(SCHEMA)
        said.settings.version, said.settings.reads_from = 2, 1
        said.ui.type, said.ui.entry = manifest_pb2.UI_TYPE_STATIC, "index.js"
        said.permissions.volumes.append("data")
        if self.fault == "negotiation.unchanging":
            said.description = str(self.described)
        if self.fault == "manifest.valid":
            said.version = "one"
        if self.fault == "manifest.identity.version":
            said.version = "9.9.9"
        if self.fault == "manifest.services":
            said.services.append("broken.v1.Nobody")
        if self.fault == "permissions.granted":
            said.permissions.volumes.append("more")
        if self.fault == "permissions.readable":
            said.permissions.egress.append("settings:/nowhere")
        return said

    async def Configure(  # noqa: N802
        self, request: plugin_pb2.ConfigureRequest, context: Any
    ) -> plugin_pb2.ConfigureResponse:
        answer = plugin_pb2.ConfigureResponse()
        reasons = self._reasons(request)
        if not request.dry_run:
            if self.fault == "settings.taken":
                reasons = {"/greeting": "no"}
            if self.fault == "settings.repeated" and request.revision == self.revision and not reasons:
                reasons = {"": "known already"}
            if reasons and self.fault == "settings.refused.lost":
                self.settings = None
            if reasons and self.fault == "settings.refused.taken":
                reasons = {}
        if reasons and self.fault == "settings.secrets":
            reasons["/greeting"] = f"not with {dict(request.secrets)}"
        if request.secrets and self.fault == "logs.secrets":
            self.log(f"settings: {dict(request.secrets)}")
        for field, message in reasons.items():
            named = "" if self.fault == "settings.refused.field" else field
            answer.errors.append(plugin_pb2.FieldError(field=named, message=message))
        answer.accepted = not reasons
        if answer.accepted and (not request.dry_run or self.fault == "settings.dry-run"):
            self.settings, self.revision = {"greeting": "hi"}, request.revision
        return answer

    def _reasons(self, request: plugin_pb2.ConfigureRequest) -> dict[str, str]:
        if request.schema_version not in (1, 2) and self.fault != "settings.schema-version":
            return {"": "of another version"}
        try:
            given = json.loads(request.settings_json)
        except ValueError:
            return {} if self.fault == "garbage.settings" else {"": "no JSON"}
        if not isinstance(given, dict):
            return {"": "no object"}
        reasons = {f"/{name}": "unknown" for name in given.keys() - SCHEMA["properties"].keys()}  # type: ignore[attr-defined]
        if not isinstance(given.get("greeting"), str):
            reasons["/greeting"] = "must be text"
        return reasons

    async def Handle(  # noqa: N802
        self, request: plugin_pb2.HandleRequest, context: Any
    ) -> plugin_pb2.HandleResponse:
        await self._refuse_while_draining(context)
        await self._judge_head(request.request, context)
        if self.settings is None:
            if self.fault == "settings.awaited":
                return reply(200)
            return reply(503, b'{"reason": "not-configured"}', "application/problem+json")
        if self.fault == "garbage.text" and any(h.value == b"\xff\xfe\x00" for h in request.request.headers):
            return reply(500)
        self.at_once += 1
        try:
            await asyncio.sleep(0.1 if self.fault == "call.many" else 0)
            if self.fault == "call.many" and self.at_once > 8:
                return reply(503)
            return await self._answer(request.request.path.decode(), context)
        finally:
            self.at_once -= 1

    async def _judge_head(self, said: http_pb2.HttpRequest, context: Any) -> None:
        good = bool(said.method) and said.path.startswith(b"/")
        if not good and self.fault != "garbage.head":
            await context.abort(Code.INVALID_ARGUMENT, "no head of a call")

    async def _refuse_while_draining(self, context: Any) -> None:
        if self.draining.is_set():
            await context.abort(
                Code.UNAVAILABLE, "draining", () if self.fault == "drain.refuses" else REFUSED
            )

    async def _answer(self, path: str, context: Any) -> plugin_pb2.HandleResponse:
        if path == "/ok":
            return reply(500 if self.fault == "call.answered" else 200, b"ok")
        if path == "/slow":
            return await self._slowly(context)
        if path == "/events":
            if self.fault == "stream.open":
                return reply(200, b"data: whole\n\n", "text/event-stream")
            token = os.urandom(8).hex()
            self.streams[token] = asyncio.Event()
            answer = reply(200, b"data: first\n\n", "text/event-stream")
            answer.continuation = token
            return answer
        if path == NO_SUCH_PATH and self.fault == "call.crashes":
            self.die()
            await asyncio.sleep(600)
        return reply(500 if path == NO_SUCH_PATH and self.fault == "call.unknown-path" else 404)

    async def _slowly(self, context: Any) -> plugin_pb2.HandleResponse:
        work = object()
        self.at_work.add(work)
        kept = False
        try:
            cut = asyncio.ensure_future(self._cut())
            try:
                seconds = 0.0 if self.fault == "call.slow" else self.slow
                await asyncio.wait((cut,), timeout=seconds)
                if cut.done():
                    await context.abort(Code.UNAVAILABLE, "cut")
            finally:
                cut.cancel()
            return reply(200, b"done")
        except asyncio.CancelledError:
            passed = (context.time_remaining() or 0.0) < 0.05
            kept = self.fault == ("cancel.deadline" if passed else "cancel.call")
            raise
        finally:
            if not kept:
                self.at_work.discard(work)

    async def _cut(self) -> None:
        await self.draining.wait()
        if self.fault != "drain.running" or self.hurried:
            await asyncio.sleep(600)

    async def ReadBody(  # noqa: N802
        self, request: plugin_pb2.ReadBodyRequest, context: Any
    ) -> AsyncIterator[plugin_pb2.ReadBodyResponse]:
        token = request.continuation
        again = self.fault == "stream.used-once"
        known = self.streams.get(token) if again else self.streams.pop(token, None)
        if request.discard:
            self.streams.pop(token, None)
            if self.fault == "stream.discard":
                yield plugin_pb2.ReadBodyResponse(chunk=b"so much")
            if known is not None and self.fault == "cancel.stream":
                self.at_work.add(token)
            return
        made_up = token.startswith("plugway-check")
        if known is None and not (made_up and self.fault == "stream.unknown"):
            await context.abort(Code.NOT_FOUND, "no such continuation")
        self.at_work.add(token)
        try:
            yield plugin_pb2.ReadBodyResponse(chunk=b"data: second\n\n")
            await self.draining.wait()
            if self.fault != "drain.events":
                yield plugin_pb2.ReadBodyResponse(chunk=b"retry: 700\n\n")
        finally:
            self.at_work.discard(token)

    async def Exchange(  # noqa: N802
        self, requests: AsyncIterator[plugin_pb2.ExchangeRequest], context: Any
    ) -> AsyncIterator[Frame]:
        await self._refuse_while_draining(context)
        if self.fault != "upload.headers":
            await context.send_initial_metadata(())
        first = await anext(requests, plugin_pb2.ExchangeRequest())
        if first.HasField("websocket_start"):
            async for frame in self._socket(first.websocket_start, requests):
                yield frame
            return
        if not first.HasField("http_start"):
            if self.fault == "garbage.frames":
                yield Frame(http_start=head(200))
                return
            await context.abort(Code.INVALID_ARGUMENT, "no start")
        await self._judge_head(first.http_start, context)
        whole = False
        async for part in requests:
            if whole := part.body.end:
                break
        if not whole and self.fault != "upload.broken-off":
            await context.abort(Code.CANCELLED, "broken off")
        yield Frame(http_start=head(201))
        while self.fault == "upload.floods":
            yield Frame(body=http_pb2.BodyChunk(data=b"x"))
        yield Frame(body=http_pb2.BodyChunk(data=b"stored", end=self.fault != "upload.answered"))

    async def _socket(
        self, start: http_pb2.WebSocketOpen, requests: AsyncIterator[plugin_pb2.ExchangeRequest]
    ) -> AsyncIterator[Frame]:
        if start.request.path != b"/socket":
            yield Frame(http_start=head(404))
            yield Frame(body=http_pb2.BodyChunk(end=self.fault != "websocket.refused"))
            return
        chosen = "nobody.offered" if self.fault == "websocket.opened" else ""
        yield Frame(websocket_accept=http_pb2.WebSocketAccept(subprotocol=chosen))
        drained = asyncio.ensure_future(self.draining.wait())
        try:
            while True:
                coming = asyncio.ensure_future(anext(requests, None))
                await asyncio.wait((coming, drained), return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    code = 1001 if self.fault == "drain.sockets" else 1012
                    yield Frame(websocket_close=http_pb2.WebSocketClose(code=code))
                    return
                frame = coming.result()
                if frame is None or frame.HasField("websocket_close"):
                    if self.fault == "websocket.closed":
                        await asyncio.sleep(600)
                    return
                yield Frame(websocket_message=frame.websocket_message)
        finally:
            drained.cancel()

    async def GetUi(  # noqa: N802
        self, request: plugin_pb2.GetUiRequest, context: Any
    ) -> AsyncIterator[plugin_pb2.GetUiResponse]:
        self.pages += 1
        content = f"export const n = {self.pages if self.fault == 'ui.same' else 0};".encode()
        digest = hashlib.sha256(content).digest()
        if self.fault == "ui.bundle":
            digest = bytes(32)
        file = plugin_pb2.UiFile(path="index.js", size=len(content), sha256=digest)
        yield plugin_pb2.GetUiResponse(file=file)
        yield plugin_pb2.GetUiResponse(chunk=content)

    async def Drain(  # noqa: N802
        self, request: plugin_pb2.DrainRequest, context: Any
    ) -> plugin_pb2.DrainResponse:
        self.drains += 1
        within = request.deadline.seconds + request.deadline.nanos / 1e9
        self.hurried = within < 5
        self.draining.set()
        if self.fault == "drain.twice" and self.drains > 1:
            await context.abort(Code.FAILED_PRECONDITION, "draining already")
        if self.fault == "drain.answered" and not self.hurried:
            await context.abort(Code.INTERNAL, "cannot")
        before, end = len(self.at_work), asyncio.get_running_loop().time() + within
        while self.at_work and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - six lines less
            await asyncio.sleep(0.01)
        cut = 0 if self.fault == "drain.deadline" else len(self.at_work)
        return plugin_pb2.DrainResponse(finished=before - cut, cut=cut)

    async def CollectMetrics(  # noqa: N802
        self, request: plugin_pb2.CollectMetricsRequest, context: Any
    ) -> plugin_pb2.CollectMetricsResponse:
        if self.fault == "metrics.hangs":
            await asyncio.sleep(600)
        text = b"# TYPE broken_calls counter\nbroken_calls_total 1\n"
        return plugin_pb2.CollectMetricsResponse(
            content_type="application/openmetrics-text; version=1.0.0; charset=utf-8",
            text=text if self.fault == "metrics.text" else text + b"# EOF\n",
        )


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # its stubs have no types
    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def _status(self, name: str) -> int | None:
        plugin = self._plugin
        states = health_pb2.HealthCheckResponse
        if name not in ("", ID, plugin.instance) and plugin.fault != "health.unknown-name":
            return None
        if plugin.fault == "start.serves":
            return int(states.NOT_SERVING)
        if plugin.draining.is_set():
            return int(states.SERVING if plugin.fault == "drain.health" else states.NOT_SERVING)
        if plugin.fault == "health.serving" and name == plugin.instance:
            return int(states.NOT_SERVING)
        return int(states.SERVING)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        status = self._status(request.service)
        if status is None:
            await context.abort(Code.NOT_FOUND, "unknown")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(self, request: Any, context: Any) -> Any:  # noqa: N802
        status = self._status(request.service) or health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        if self._plugin.fault == "health.watch":
            status = health_pb2.HealthCheckResponse.UNKNOWN
        yield health_pb2.HealthCheckResponse(status=status)
        await self._plugin.draining.wait()


async def _whatever(request: bytes, context: Any) -> bytes:
    """CollectMetrics, whatever the bytes are."""
    known = plugin_pb2.CollectMetricsResponse(
        content_type="application/openmetrics-text; version=1.0.0", text=b"# EOF\n"
    )
    return known.SerializeToString()


async def serve(plugin: Plugin, address: str) -> grpc.aio.Server:
    """A started server; the caller stops it."""
    options = [("grpc.so_reuseport", 0)] if plugin.fault == "call.large" else OPTIONS
    server = grpc.aio.server(options=options)
    plugin_pb2_grpc.add_PluginServiceServicer_to_server(plugin, server)
    if plugin.fault == "garbage.bytes":
        unread: Any = grpc.unary_unary_rpc_method_handler(_whatever)
        server.add_registered_method_handlers(SERVICE, {"CollectMetrics": unread})
    health_pb2_grpc.add_HealthServicer_to_server(Health(plugin), server)
    server.add_insecure_port(address)
    await server.start()
    return server


async def main(fault: str) -> int:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if fault != "stop.interrupt":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    plugin = Plugin(os.environ["PLUGWAY_INSTANCE"], fault)
    server = await serve(plugin, os.environ["PLUGWAY_LISTEN"])
    await stop.wait()
    plugin.draining.set()
    await server.stop(0.5)
    return 7 if fault == "stop.terminate" else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "")))
