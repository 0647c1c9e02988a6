"""A small client of the contract, with the manners of an HTTP client."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc
from plugway.plugin.v1 import http_pb2, plugin_pb2, plugin_pb2_grpc

from plugway_sdk.testing.answers import Answer, Headers
from plugway_sdk.testing.proofs import RELEASE, ProofMaker
from plugway_sdk.testing.secrets import split_secrets
from plugway_sdk.testing.streams import StreamedAnswer
from plugway_sdk.testing.websocket import WebSocketSession

Content = bytes | str | AsyncIterable[bytes]
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


class PluginClient:
    """Calls one plugin as ``user``. Errors of the contract itself come as grpc.aio.AioRpcError."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        user: str,
        role: str,
        base_path: str,
        proofs: ProofMaker | None = None,
    ) -> None:
        self.channel = channel
        self.stub = plugin_pb2_grpc.PluginServiceStub(channel)
        self.user, self.role, self.base_path = user, role, base_path
        self.proofs = proofs
        self._revisions = itertools.count(1)
        self._requests = itertools.count(1)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: Content = b"",
    ) -> Answer:
        """One call, whole. An iterable ``content`` is uploaded in parts, by Exchange."""
        async with self.stream(
            method, path, params=params, headers=headers, json=json, content=content
        ) as head:
            body = await head.aread()
        return Answer(
            status_code=head.status_code,
            headers=head.headers,
            content=body,
            trailers=head.trailers,
            streamed=head.streamed,
        )

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def head(self, path: str, **options: Any) -> Answer:
        return await self.request("HEAD", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> Answer:
        return await self.request("PUT", path, **options)

    async def patch(self, path: str, **options: Any) -> Answer:
        return await self.request("PATCH", path, **options)

    async def delete(self, path: str, **options: Any) -> Answer:
        return await self.request("DELETE", path, **options)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: Content = b"",
    ) -> AsyncIterator[StreamedAnswer]:
        """One call, read while it is answered. Leaving the block early is leaving as a client."""
        body, extra = _body(json, content)
        head = self.head_of(method, path, params=params, headers={**extra, **(headers or {})})
        if isinstance(body, bytes):
            async with self._handled(head, body) as answer:
                yield answer
        else:
            async with self._exchanged(head, body) as answer:
                yield answer

    @asynccontextmanager
    async def _handled(self, head: http_pb2.HttpRequest, body: bytes) -> AsyncIterator[StreamedAnswer]:
        first = await self.stub.Handle(plugin_pb2.HandleRequest(request=head, body=body))
        # The stubs give a reader's messages no type, as it may also give EOF.
        reading: Any = None
        request = plugin_pb2.ReadBodyRequest(continuation=first.continuation)
        if first.continuation:
            reading = self.stub.ReadBody(request)

        async def parts() -> AsyncIterator[bytes]:
            if first.body:
                yield first.body
            while reading is not None and (part := await reading.read()) is not grpc.aio.EOF:
                answer.trailers = Headers(part.trailers)
                if part.chunk:
                    yield part.chunk

        answer = StreamedAnswer(first.response.status, Headers(first.response.headers), parts)
        answer.trailers = Headers(first.trailers)
        answer.streamed = reading is not None
        try:
            yield answer
        finally:
            if reading is not None:
                reading.cancel()
                # As the gateway does: what was cancelled too early never reached the plugin.
                request.discard = True
                await self.stub.ReadBody(request).read()

    @asynccontextmanager
    async def _exchanged(
        self, head: http_pb2.HttpRequest, body: AsyncIterable[bytes]
    ) -> AsyncIterator[StreamedAnswer]:
        call: Any = self.stub.Exchange()

        async def upload() -> None:
            await call.write(plugin_pb2.ExchangeRequest(http_start=head))
            async for part in body:
                await call.write(plugin_pb2.ExchangeRequest(body=http_pb2.BodyChunk(data=part)))
            await call.write(plugin_pb2.ExchangeRequest(body=http_pb2.BodyChunk(end=True)))
            await call.done_writing()

        async def parts() -> AsyncIterator[bytes]:
            while (frame := await call.read()) is not grpc.aio.EOF:
                answer.trailers = Headers(frame.body.trailers)
                if frame.body.data:
                    yield frame.body.data
                if frame.body.end:
                    return

        uploading = asyncio.ensure_future(upload())
        try:
            first = await call.read()
            if first is grpc.aio.EOF:
                # Raises what the call ended with.
                await uploading
                raise AssertionError("the stream ended before an answer began")
            answer = StreamedAnswer(first.http_start.status, Headers(first.http_start.headers), parts)
            answer.streamed = True
            yield answer
        finally:
            uploading.cancel()
            call.cancel()
            await asyncio.gather(uploading, return_exceptions=True)

    @asynccontextmanager
    async def websocket(
        self,
        path: str,
        *,
        subprotocols: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[WebSocketSession]:
        """An accepted WebSocket; raises WebSocketRefused."""
        call = self.stub.Exchange()
        session = WebSocketSession(call)
        head = self.head_of("GET", path, params=params, headers=headers)
        try:
            await session.open(http_pb2.WebSocketOpen(request=head, subprotocols=subprotocols))
            yield session
        finally:
            call.cancel()

    def head_of(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> http_pb2.HttpRequest:
        """The head that a gateway would send."""
        path, _, query = path.partition("?")
        more = urlencode(params or {}, doseq=True)
        fields = {"host": "plugway.test", **{name.lower(): value for name, value in (headers or {}).items()}}
        return http_pb2.HttpRequest(
            method=method.upper(),
            path=quote(path, safe=_PATH_SAFE).encode(),
            query="&".join(filter(None, (query, more))).encode(),
            headers=[http_pb2.HttpHeader(name=n.encode(), value=v.encode()) for n, v in fields.items()],
            context=http_pb2.CallContext(
                request_id=f"test-{next(self._requests)}",
                user=self.user,
                role=self.role,
                token=self.proofs.token(self.user, self.role) if self.proofs else "",
                base_path=self.base_path,
                client_address="127.0.0.1",
                scheme="http",
                host="plugway.test",
            ),
        )

    async def describe(self, *versions: int) -> plugin_pb2.DescribeResponse:
        request = plugin_pb2.DescribeRequest(contract_versions=versions or (1,), gateway_version="test")
        return await self.stub.Describe(request)

    async def configure(
        self, values: Mapping[str, Any], *, dry_run: bool = False, schema_version: int = 0
    ) -> plugin_pb2.ConfigureResponse:
        """Hand over settings as a gateway does: secrets apart, found by the schema's writeOnly."""
        schema = (await self.describe()).manifest.settings.json_schema
        plain, secrets = split_secrets(json.loads(schema or "{}"), values)
        return await self.stub.Configure(
            plugin_pb2.ConfigureRequest(
                settings_json=json.dumps(plain),
                secrets=secrets,
                revision=next(self._revisions),
                schema_version=schema_version,
                dry_run=dry_run,
                call_keys=[self.proofs.key] if self.proofs else [],
                release_id=RELEASE,
            )
        )

    async def health(self, service: str = "") -> str:
        """``SERVING`` or ``NOT_SERVING``."""
        stub = health_pb2_grpc.HealthStub(self.channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    async def drain(
        self, deadline: float = 5.0, stream_deadline: float = 5.0, reason: str = "test"
    ) -> plugin_pb2.DrainResponse:
        request = plugin_pb2.DrainRequest(
            deadline=_duration(deadline), stream_deadline=_duration(stream_deadline), reason=reason
        )
        return await self.stub.Drain(request)

    async def metrics(self) -> str:
        """OpenMetrics text."""
        return (await self.stub.CollectMetrics(plugin_pb2.CollectMetricsRequest())).text.decode()

    async def ui(self) -> dict[str, bytes]:
        """The bundle: content by path."""
        files: dict[str, bytes] = {}
        path = ""
        async for part in self.stub.GetUi(plugin_pb2.GetUiRequest()):
            if part.HasField("file"):
                path = part.file.path
                files[path] = b""
            else:
                files[path] += part.chunk
        return files


def _body(value: Any, content: Content) -> tuple[bytes | AsyncIterable[bytes], dict[str, str]]:
    if value is not None:
        return json.dumps(value).encode(), {"content-type": "application/json"}
    if isinstance(content, str):
        return content.encode(), {"content-type": "text/plain; charset=utf-8"}
    return content, {}


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration
