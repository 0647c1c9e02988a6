"""Native gRPC to described services, and what the gateway itself serves: reflection and health."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from gateway.call_limits import Limits
from gateway.model import Access, Endpoint, PluginState, RouteRule
from tests.fakes.contract_plugin import keep_poller
from tests.fakes.data_plane import AUTH, Plane, route, until
from tests.fakes.proxy_fixtures import one, plane
from tests.fakes.typed_library import BEYOND, LIBRARY, Library, message, serve
from tests.fakes.typed_plane import typed_route
from tests.parts import need_grpcurl

__all__ = ["one", "plane"]  # fixtures

TOKEN = (("authorization", AUTH["authorization"]),)
HEALTH = "grpc.health.v1.Health"
REFLECTION = "grpc.reflection.v1.ServerReflection"


@pytest.fixture
async def library(one: Endpoint, plane: Plane) -> AsyncIterator[Library]:
    library = Library()
    server = await serve(one.address, library)
    plane.publish(await typed_route(plane, one), route(one, plugin="other"))
    yield library
    library.go_on.set()
    await server.stop(None)


@pytest.fixture
async def channel(plane: Plane) -> AsyncIterator[Any]:
    keep_poller()
    async with aio.insecure_channel(f"127.0.0.1:{plane.port}") as channel:
        yield channel


def get_book(channel: Any) -> Any:
    book = message("Book")
    return channel.unary_unary(
        f"/{LIBRARY}/GetBook",
        request_serializer=book.SerializeToString,
        response_deserializer=book.FromString,
    )


async def test_rules_for_json_paths_hold_for_native_calls(
    library: Library, channel: Any, plane: Plane, one: Endpoint
) -> None:
    rules = (RouteRule(path_prefix="/v1/books", access=Access.ADMIN),)
    plane.publish(await typed_route(plane, one, rules=rules))
    book = message("Book")(id="7")
    for role, code in (
        ("admin", grpc.StatusCode.OK),
        ("operator", grpc.StatusCode.PERMISSION_DENIED),
        ("viewer", grpc.StatusCode.PERMISSION_DENIED),
    ):
        session = plane.gatekeeper.start_session("ann", role)
        # A page of the gateway's own, as far as that shows.
        origin = ("origin", f"http://127.0.0.1:{plane.port}")
        call = get_book(channel)(book, metadata=(("cookie", f"plugway_session={session}"), origin))
        assert await call.code() is code
    assert await get_book(channel)(book).code() is grpc.StatusCode.UNAUTHENTICATED
    public = (RouteRule(path_prefix=f"/{LIBRARY}/GetBook", access=Access.PUBLIC), *rules)
    plane.publish(await typed_route(plane, one, rules=public))
    assert await get_book(channel)(book) == book
    assert library.calls == ["GetBook", "GetBook"]


async def test_streams_are_no_calls_at_once(
    library: Library, channel: Any, plane: Plane, one: Endpoint
) -> None:
    plane.publish(await typed_route(plane, one, limits=Limits(max_concurrent=1)))
    book = message("Book")
    stream = channel.unary_stream(
        f"/{LIBRARY}/ListBooks",
        request_serializer=book.SerializeToString,
        response_deserializer=book.FromString,
    )(book(number=1, title="hang"), metadata=TOKEN)
    assert (await stream.read()).id == "0"
    assert (await get_book(channel)(book(id="7"), metadata=TOKEN)).id == "7"
    hanging = get_book(channel)(book(title="hang"), metadata=TOKEN)
    await until(lambda: library.calls == ["ListBooks", "GetBook", "GetBook"])
    with pytest.raises(aio.AioRpcError) as caught:
        await get_book(channel)(book(id="7"), metadata=TOKEN)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    stream.cancel()
    hanging.cancel()
    (prepared,) = [one for one in plane.data_plane._table.routes.values() if one.key == b"notes"]
    await until(lambda: (prepared.active, prepared.streams) == ([0], [0]))


async def test_one_service_answers_json_and_grpc(library: Library, channel: Any, plane: Plane) -> None:
    assert (await get_book(channel)(message("Book")(id="7"), metadata=TOKEN)).id == "7"
    async with httpx.AsyncClient(base_url=plane.url, headers=AUTH) as client:
        assert (await client.get("/plugins/notes/api/v1/books/7")).json() == {"id": "7"}


def reflected(port: int) -> tuple[list[str], str]:
    """What the library's own client of reflection makes of it."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as plain:
        channel = grpc.intercept_channel(plain, _WithToken())
        database = ProtoReflectionDescriptorDatabase(channel)
        names = sorted(database.get_services())
        pool = DescriptorPool(database)
        method = pool.FindServiceByName(LIBRARY).methods_by_name["ListBooks"]
        return names, f"{method.server_streaming} {method.output_type.full_name}"


class _WithToken(grpc.StreamStreamClientInterceptor):
    def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        class Details(grpc.ClientCallDetails):
            method, timeout, metadata, credentials = details.method, 20, TOKEN, None
            wait_for_ready = compression = None

        return continuation(Details(), requests)


async def test_reflection_describes_the_services_of_all_plugins(library: Library, plane: Plane) -> None:
    names, method = await asyncio.to_thread(reflected, plane.port)
    own = [HEALTH, REFLECTION, REFLECTION.replace("v1", "v1alpha")]
    assert names == sorted([LIBRARY, BEYOND, *own])
    assert method == "True library.v1.Book"


async def ask(channel: Any, *requests: Any, metadata: Any = TOKEN, version: str = "v1") -> list[Any]:
    open_ = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )

    async def sending() -> AsyncIterator[Any]:
        for request in requests:
            yield request

    return [answer async for answer in open_(sending(), metadata=metadata)]


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_answers_every_question(library: Library, channel: Any, version: str) -> None:
    ask_for = reflection_pb2.ServerReflectionRequest
    extension = reflection_pb2.ExtensionRequest(
        containing_type="google.protobuf.MethodOptions", extension_number=72295728
    )
    method, field, none, file, numbers, extended, missing, nothing, own = await ask(
        channel,
        ask_for(file_containing_symbol=f"{LIBRARY}.GetBook"),
        ask_for(file_containing_symbol="library.v1.Book.title"),
        ask_for(file_containing_symbol="library.v1.Book.none"),
        ask_for(file_by_filename="google/api/http.proto"),
        ask_for(all_extension_numbers_of_type="google.protobuf.MethodOptions"),
        ask_for(file_containing_extension=extension),
        ask_for(file_containing_symbol="no.such.Thing"),
        ask_for(),
        ask_for(file_containing_symbol=f"grpc.reflection.{version}.ServerReflection"),
        version=version,
    )
    assert len(method.file_descriptor_response.file_descriptor_proto) > 3
    assert b"HttpRule" in file.file_descriptor_response.file_descriptor_proto[0]
    assert 72295728 in numbers.all_extension_numbers_response.extension_number
    assert b"annotations.proto" in extended.file_descriptor_response.file_descriptor_proto[0]
    assert field.file_descriptor_response == method.file_descriptor_response
    assert none.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert missing.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert nothing.error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert own.file_descriptor_response.file_descriptor_proto


async def test_nobody_is_told_of_what_he_cannot_call(
    library: Library, channel: Any, plane: Plane, one: Endpoint
) -> None:
    listing = reflection_pb2.ServerReflectionRequest(list_services="*")
    stranger = channel.stream_stream(f"/{REFLECTION}/ServerReflectionInfo")()
    with pytest.raises(aio.AioRpcError) as caught:
        await stranger.read()
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    (other,) = await ask(channel, listing, metadata=(*TOKEN, ("plugway-plugin", "other")))
    assert LIBRARY not in [service.name for service in other.list_services_response.service]


async def test_health_of_the_gateway_and_of_each_service(
    library: Library, channel: Any, plane: Plane, one: Endpoint
) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    ask_for, status = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
    # As /healthz, for load balancers that have no token.
    assert (await stub.Check(ask_for())).status == status.SERVING
    assert (await stub.Check(ask_for(service=LIBRARY), metadata=TOKEN)).status == status.SERVING
    for asked, metadata, code in (
        (LIBRARY, (), grpc.StatusCode.UNAUTHENTICATED),
        ("no.Such", TOKEN, grpc.StatusCode.NOT_FOUND),
    ):
        with pytest.raises(aio.AioRpcError) as caught:
            await stub.Check(ask_for(service=asked), metadata=metadata)
        assert caught.value.code() is code
    listed = await stub.List(health_pb2.HealthListRequest(), metadata=TOKEN)
    assert set(listed.statuses) == {"", LIBRARY, BEYOND}
    watch = stub.Watch(ask_for(service=LIBRARY), metadata=TOKEN)
    assert (await watch.read()).status == status.SERVING
    plane.publish(await typed_route(plane, one, state=PluginState.UNHEALTHY))
    assert (await watch.read()).status == status.NOT_SERVING
    plane.remove("notes")
    assert (await watch.read()).status == status.SERVICE_UNKNOWN
    watch.cancel()
    # Nothing short is compressed.
    compressed = stub.Check(ask_for(service="x" * 999), metadata=TOKEN, compression=grpc.Compression.Gzip)
    with pytest.raises(aio.AioRpcError) as caught:
        await compressed
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def grpcurl(*words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        need_grpcurl(), *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode()


async def test_grpcurl_finds_and_calls_what_it_never_saw(library: Library, plane: Plane) -> None:
    common = ("-plaintext", "-H", f"authorization: {AUTH['authorization']}")
    at = f"127.0.0.1:{plane.port}"
    _, listed = await grpcurl(*common, at, "list")
    assert LIBRARY in listed.split()
    _, described = await grpcurl(*common, at, "describe", f"{LIBRARY}.ListBooks")
    assert "returns ( stream .library.v1.Book )" in described
    _, answer = await grpcurl(*common, "-d", '{"id": "7", "big": "12"}', at, f"{LIBRARY}/GetBook")
    assert json.loads(answer) == {"id": "7", "big": "12"}
    _, streamed = await grpcurl(*common, "-d", '{"number": 2}', at, f"{LIBRARY}/ListBooks")
    assert streamed.count('"title"') == 2
    chat = '{"title": "a"} {"title": "b"}'
    _, streamed = await grpcurl(*common, "-d", chat, at, f"{LIBRARY}/Chat")
    assert streamed.count('"title"') == 2
    _, summed = await grpcurl(*common, "-d", '{"number": 2} {"number": 3}', at, f"{LIBRARY}/Sum")
    assert json.loads(summed)["number"] == 5
    asked = json.dumps({"code": 3, "message": "too long", "detailed": True})
    code, failed = await grpcurl(*common, "-d", asked, at, f"{LIBRARY}/Fail")
    assert code == 64 + 3
    assert "too long" in failed
    assert "of the plugin's own types" in failed
    code, failed = await grpcurl("-plaintext", at, "list")
    assert code
    assert "token" in failed
