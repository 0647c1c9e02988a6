"""The client against servers that keep the contract, break it, or are none."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2
from plugway.plugin.v1 import manifest_pb2, plugin_pb2

from gateway.contract.client import Health, PluginClient
from gateway.contract.errors import (
    ContractError,
    ContractMismatch,
    GarbageAnswer,
    NameUnknown,
    NotAnswering,
    PluginFailed,
)
from gateway.model import Access, Endpoint, InstanceId, Manifest, PluginId, RouteRule, UiType
from gateway.registry.records import PluginSettings

UI = b"export function mount() {}\n"
Answer = Callable[[Any, Any], Any]


class Server:
    """Answers calls by name with what the test says, over a Unix socket."""

    def __init__(self, path: Path) -> None:
        self.endpoint = Endpoint(instance_id=InstanceId("one-0"), address=f"unix:{path}")
        self.server = aio.server()
        self.unary: dict[str, Answer] = {}
        self.streams: dict[str, Answer] = {}

    async def start(self) -> None:
        requests = {
            "Describe": plugin_pb2.DescribeRequest,
            "Configure": plugin_pb2.ConfigureRequest,
            "GetUi": plugin_pb2.GetUiRequest,
            "Drain": plugin_pb2.DrainRequest,
            "CollectMetrics": plugin_pb2.CollectMetricsRequest,
            "Check": health_pb2.HealthCheckRequest,
            "Watch": health_pb2.HealthCheckRequest,
        }

        def handler(name: str) -> Any:
            make = grpc.unary_stream_rpc_method_handler if name in self.streams else None
            act = self.streams.get(name) or self.unary.get(name)
            return act and (make or grpc.unary_unary_rpc_method_handler)(
                act,
                request_deserializer=requests[name].FromString,
                response_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString(),
            )

        for service in ("plugway.plugin.v1.PluginService", "grpc.health.v1.Health"):
            handlers = {name: made for name in requests if (made := handler(name))}
            generic = grpc.method_handlers_generic_handler(service, handlers)
            self.server.add_generic_rpc_handlers((generic,))
        self.server.add_insecure_port(self.endpoint.address)
        await self.server.start()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    with TemporaryDirectory(prefix="pw") as directory:
        made = Server(Path(directory) / "s.sock")
        yield made
        await made.server.stop(0)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[PluginClient]:
    made = PluginClient(server.endpoint)
    yield made
    await made.close()


def described(**changes: Any) -> plugin_pb2.DescribeResponse:
    manifest = manifest_pb2.Manifest(id="notes", version="1.2.3", name="Notes")
    response = plugin_pb2.DescribeResponse(contract_version=1, manifest=manifest, instance_id="one-0")
    for name, value in changes.items():
        setattr(response, name, value)
    return response


def always(answer: Any) -> Answer:
    async def act(request: Any, context: Any) -> Any:
        return answer

    return act


async def test_describe_in_gateway_terms(server: Server, client: PluginClient) -> None:
    answer = described(openapi_json=b'{"openapi": "3.1.0"}', descriptor_set=b"\x00")
    answer.manifest.permissions.egress.append("example.org:443")
    answer.manifest.routes.add(path_prefix="/open", methods=["get"], access=manifest_pb2.ACCESS_LEVEL_PUBLIC)
    answer.manifest.routes.add(path_prefix="/", access=manifest_pb2.ACCESS_LEVEL_UNSPECIFIED)
    answer.manifest.ui.type = manifest_pb2.UI_TYPE_STATIC
    answer.manifest.ui.entry = "index.js"
    answer.manifest.settings.json_schema = '{"type": "object"}'
    server.unary["Describe"] = always(answer)
    await server.start()
    description = await client.describe()
    manifest = description.manifest
    assert description.instance_id == "one-0"
    assert (manifest.plugin_id, manifest.version) == ("notes", "1.2.3")
    assert manifest.permissions.egress == ("example.org:443",)
    assert manifest.routes == (
        RouteRule(path_prefix="/open", access=Access.PUBLIC, methods=frozenset({"GET"})),
        RouteRule(path_prefix="/", access=Access.USER),
    )
    assert (manifest.ui_type, manifest.ui_entry) == (UiType.STATIC, "index.js")
    assert manifest.settings_schema == {"type": "object"}
    assert manifest.settings_version == 1
    assert manifest.openapi == {"openapi": "3.1.0"}


def broken(**changes: str) -> plugin_pb2.DescribeResponse:
    answer = described()
    for name, value in changes.items():
        match name:
            case "id" | "version":
                setattr(answer.manifest, name, value)
            case "schema":
                answer.manifest.settings.json_schema = value
            case "openapi":
                answer.openapi_json = value.encode()
            case "route":
                answer.manifest.routes.add(path_prefix=value)
            case "ui":
                answer.manifest.ui.type = manifest_pb2.UI_TYPE_STATIC
    return answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (broken(id="../etc"), "no valid plugin id"),
        (broken(version=""), "no version"),
        (broken(schema="{"), "settings schema is not JSON"),
        (broken(openapi='{"x": NaN}'), "OpenAPI document is not JSON"),
        (broken(openapi='{"x": ' + "[" * 50_000), "OpenAPI document is not JSON"),
        (broken(schema="[]"), "settings schema is not a JSON object"),
        (broken(schema='{"type": 7}'), "settings schema is not a JSON Schema"),
        (broken(openapi="nope"), "OpenAPI document is not JSON"),
        (broken(route="no-slash"), "which is no path"),
        (broken(ui="x"), "a UI without an entry"),
        (b"\xff\xff\xff\x01", "not a message of the contract"),
    ],
)
async def test_a_describe_that_makes_no_sense(
    server: Server, client: PluginClient, answer: Any, words: str
) -> None:
    server.unary["Describe"] = always(answer)
    await server.start()
    with pytest.raises(GarbageAnswer, match=words):
        await client.describe()


async def test_another_contract_is_told_with_both_versions(server: Server, client: PluginClient) -> None:
    server.unary["Describe"] = always(
        plugin_pb2.DescribeResponse(contract_version=0, supported_contract_versions=[2])
    )
    await server.start()
    with pytest.raises(ContractMismatch) as caught:
        await client.describe()
    assert caught.value.detail == "It speaks contract 2, this gateway speaks 1."
    assert caught.value.hint == "Update the plugin or the gateway."
    assert caught.value.permanent


async def test_nobody_there(client: PluginClient) -> None:
    with pytest.raises(NotAnswering, match="its socket is not there"):
        await client.describe()


async def test_no_answer_in_time(server: Server, client: PluginClient) -> None:
    async def hang(request: Any, context: Any) -> Any:
        await asyncio.Event().wait()

    server.unary["Check"] = hang
    await server.start()
    with pytest.raises(NotAnswering, match="No answer to the health check in time"):
        await client.check("notes", timeout=0.1)


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
async def test_its_own_error_is_named_without_its_text(
    server: Server, client: PluginClient, code: grpc.StatusCode
) -> None:
    async def fail(request: Any, context: Any) -> Any:
        await context.abort(code, "password=hunter2")

    server.unary["CollectMetrics"] = fail
    await server.start()
    with pytest.raises(PluginFailed) as caught:
        await client.collect_metrics()
    assert "hunter2" not in str(caught.value.problem())


async def test_a_missing_call(server: Server, client: PluginClient) -> None:
    await server.start()
    with pytest.raises(GarbageAnswer, match="does not offer Drain"):
        await client.drain(0.1, 0.1, "test")


async def test_something_that_is_not_grpc(server: Server, client: PluginClient) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" + os.urandom(32))
        await writer.drain()
        # Hanging up first could hide what was said.
        while await reader.read(65536):
            pass
        writer.close()

    listener = await asyncio.start_unix_server(speak, server.endpoint.address.removeprefix("unix:"))
    try:
        with pytest.raises(GarbageAnswer, match="does not speak gRPC"):
            await client.describe()
    finally:
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize(
    ("status", "health"),
    [
        (health_pb2.HealthCheckResponse.SERVING, Health.SERVING),
        (health_pb2.HealthCheckResponse.NOT_SERVING, Health.NOT_SERVING),
        (health_pb2.HealthCheckResponse.UNKNOWN, Health.NOT_SERVING),
    ],
)
async def test_health(server: Server, client: PluginClient, status: Any, health: Health) -> None:
    server.unary["Check"] = always(health_pb2.HealthCheckResponse(status=status))
    await server.start()
    assert await client.check("notes", timeout=5) is health


async def test_a_server_that_does_not_know_the_name(server: Server, client: PluginClient) -> None:
    async def unknown(request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")

    async def watch(request: Any, context: Any) -> AsyncIterator[Any]:
        yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)

    server.unary["Check"] = unknown
    server.streams["Watch"] = watch
    await server.start()
    with pytest.raises(NameUnknown, match="does not know 'notes'"):
        await client.check("notes", timeout=5)
    with pytest.raises(NameUnknown):
        await anext(client.watch("notes"))


async def test_watch_tells_every_change(server: Server, client: PluginClient) -> None:
    async def watch(request: Any, context: Any) -> AsyncIterator[Any]:
        for status in (1, 2, 1):
            yield health_pb2.HealthCheckResponse(status=status)

    server.streams["Watch"] = watch
    await server.start()
    said = [health async for health in client.watch("notes")]
    assert said == [Health.SERVING, Health.NOT_SERVING, Health.SERVING]


async def test_settings_go_whole_and_errors_come_by_field(server: Server, client: PluginClient) -> None:
    got: list[plugin_pb2.ConfigureRequest] = []

    async def configure(request: Any, context: Any) -> Any:
        got.append(request)
        error = plugin_pb2.FieldError(field="/url", message="no such host")
        return plugin_pb2.ConfigureResponse(accepted=False, errors=[error])

    server.unary["Configure"] = configure
    await server.start()
    settings = PluginSettings(values={"url": "x"}, secrets={"/key": "k"}, schema_version=2, revision=7)
    result = await client.configure(settings, dry_run=True)
    assert (result.accepted, dict(result.errors)) == (False, {"/url": "no such host"})
    (request,) = got
    assert json.loads(request.settings_json) == {"url": "x"}
    assert dict(request.secrets) == {"/key": "k"}
    assert (request.schema_version, request.revision, request.dry_run) == (2, 7, True)


class MemoryContent:
    """A content store in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, chunks: AsyncIterator[bytes]) -> str:
        content = b"".join([chunk async for chunk in chunks])
        digest = hashlib.sha256(content).hexdigest()
        self.kept[digest] = content
        return digest

    async def all_intact(self, digests: Collection[str]) -> bool:
        return all(digest in self.kept for digest in digests)


MANIFEST = Manifest(
    plugin_id=PluginId("notes"),
    version="1",
    name="Notes",
    ui_type=UiType.STATIC,
    ui_entry="index.js",
    ui_styles=("style.css",),
)


def file(path: str, content: bytes, **changes: Any) -> list[plugin_pb2.GetUiResponse]:
    head = plugin_pb2.UiFile(path=path, size=len(content), sha256=hashlib.sha256(content).digest())
    for name, value in changes.items():
        setattr(head, name, value)
    parts = [plugin_pb2.GetUiResponse(file=head)]
    return parts + [plugin_pb2.GetUiResponse(chunk=content[i : i + 7]) for i in range(0, len(content), 7)]


def streamed(*files: list[plugin_pb2.GetUiResponse]) -> Answer:
    async def get_ui(request: Any, context: Any) -> AsyncIterator[Any]:
        for parts in files:
            for part in parts:
                yield part

    return get_ui


async def test_a_bundle_arrives_whole(server: Server, client: PluginClient) -> None:
    server.streams["GetUi"] = streamed(file("style.css", b""), file("index.js", UI), file("a/b.js", b"1"))
    await server.start()
    content = MemoryContent()
    bundle = await client.fetch_ui(MANIFEST, content)
    assert {path: content.kept[digest] for path, digest in bundle.files.items()} == {
        "index.js": UI,
        "style.css": b"",
        "a/b.js": b"1",
    }
    assert bundle.digest.startswith("sha256:")
    assert (bundle.entry, bundle.styles) == ("index.js", ("style.css",))
    assert (await client.fetch_ui(MANIFEST, content)).digest == bundle.digest


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([file("index.js", UI)], "lacks 'style.css'"),
        ([file("index.js", UI, size=3)], "not as long as announced"),
        ([file("index.js", UI, size=3000)], "not as long as announced"),
        ([file("index.js", UI, sha256=bytes(32))], "is not what its digest says"),
        ([file("index.js", UI), file("index.js", UI)], "twice"),
        ([file("index.js", UI), file("INDEX.JS", UI)], "the same on some systems"),
        ([file("index.js", UI), file("index.js/x", UI)], "also the name of a file"),
        ([file("../index.js", UI)], "'.' or '..' part"),
        ([file("/etc/passwd", UI)], "absolute"),
        ([file("a\\b", UI)], "backslash"),
        ([file("c:x", UI)], "drive letter"),
        ([file("a\x00b", UI)], "control or invisible"),
        ([file("a", UI, size=2**40)], "exceeds"),
        ([file(f"{n}", b"") for n in range(2001)], "exceeds 2000 files"),
    ],
)
async def test_a_bundle_that_is_refused(
    server: Server, client: PluginClient, files: list[list[plugin_pb2.GetUiResponse]], words: str
) -> None:
    server.streams["GetUi"] = streamed(*files)
    await server.start()
    with pytest.raises(GarbageAnswer, match=words):
        await client.fetch_ui(MANIFEST, MemoryContent())


async def test_a_bundle_that_breaks_off(server: Server, client: PluginClient) -> None:
    async def get_ui(request: Any, context: Any) -> AsyncIterator[Any]:
        for part in file("index.js", UI)[:2]:
            yield part
        await context.abort(grpc.StatusCode.INTERNAL, "disk")

    server.streams["GetUi"] = get_ui
    await server.start()
    with pytest.raises(ContractError):
        await client.fetch_ui(MANIFEST, MemoryContent())
