"""Typed calls through the real server: who calls, what is passed on, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from plugway.plugin.v1.http_pb2 import CallContext

from gateway.call_limits import Limits
from gateway.model import Access, Endpoint, InstanceId, PluginState, ReleaseId, RouteRule, TypedServices
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.contract_plugin import serve as serve_plain
from tests.fakes.data_plane import AUTH, Plane, endpoint, route, until
from tests.fakes.proxy_fixtures import client, plane
from tests.fakes.typed_library import Library, serve
from tests.fakes.typed_plane import typed_route

__all__ = ["client", "plane"]  # fixtures

API = "/plugins/notes/api"


@pytest.fixture
def one(tmp_path: Path) -> Endpoint:
    return endpoint(f"unix:{tmp_path}/p.sock")


@pytest.fixture
async def library(one: Endpoint, plane: Plane) -> AsyncIterator[Library]:
    library = Library()
    server = await serve(one.address, library)
    plane.publish(await typed_route(plane, one))
    yield library
    library.go_on.set()
    await server.stop(None)


async def test_the_plugin_learns_who_calls_from_the_gateway_alone(
    library: Library, client: httpx.AsyncClient
) -> None:
    forged = {
        "plugway-context-bin": "AAAA",
        "plugway-plugin": "other",
        "x-plugway-user": "root",
        "grpc-timeout": "1n",
        "x-some-bin": "AAAA",
        "x-own": "kept",
        "accept-language": "de",
    }
    answer = await client.get(f"{API}/v1/books/7", headers=forged)
    assert answer.json() == {"id": "7"}
    context = CallContext.FromString(library.metadata["plugway-context-bin"])  # type: ignore[arg-type]
    assert (context.user, context.role) == ("admin", "admin")
    assert context.base_path == API
    assert context.request_id == answer.headers["x-request-id"]
    assert library.metadata["x-own"] == "kept"
    assert library.metadata["accept-language"] == "de"
    for name in ("plugway-plugin", "x-plugway-user", "x-some-bin", "authorization", "cookie", "host"):
        assert name not in library.metadata
    assert library.deadline is not None
    assert library.deadline > 1


async def test_first_metadata_become_headers_that_are_fit_for_the_host(
    library: Library, client: httpx.AsyncClient
) -> None:
    for path in ("/v1/books/7", "/v1/lists/1"):
        answer = await client.get(API + path)
        assert answer.headers["x-made-by"] == "library"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
        assert not any(name.startswith("grpc-") for name in answer.headers)


async def test_a_call_is_counted_by_its_method_goes_on_with_a_trace_and_shrinks(
    library: Library, client: httpx.AsyncClient, plane: Plane
) -> None:
    trace = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": "c=d"}
    tags = "&".join(f"tags=tag{number}" for number in range(500))
    answer = await client.get(f"{API}/v1/books/7/tags?{tags}", headers={**trace, "accept-encoding": "br"})
    assert answer.json()[-1] == "tag499"
    assert answer.headers["content-encoding"] == "br"
    assert {name: library.metadata[name] for name in trace} == trace
    (name,) = plane.data_plane.metrics.of("notes", "1.0.0", "r1").routes
    assert name.startswith("/")
    assert name.rpartition("/")[2] in library.calls


async def test_paths_that_no_service_has_are_the_apps(library: Library, client: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", "/v1/nothing"),
        ("PUT", "/v1/books/7"),
        ("POST", "/library.v1.Library/Plain"),
    ):
        answer = await client.request(method, API + path)
        assert answer.headers["x-unbound"] == "yes"
    assert library.calls == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/books/7/title?title=hey", "hey"),
        ("/v1/books/7/title", ""),
        ("/v1/books/7/tags?tags=a&tags=b", ["a", "b"]),
        ("/v1/books/7/tags", []),
        ("/v1/books/7/nested?nested.text=x", {"text": "x"}),
        ("/v1/books/7/nested", None),
    ],
    ids=str,
)
async def test_response_body_picks_a_field(
    library: Library, client: httpx.AsyncClient, path: str, shown: Any
) -> None:
    assert (await client.get(API + path)).json() == shown


async def test_a_stream_of_picked_fields(library: Library, client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{API}/v1/titles/2")).text == '"t0"\n"t1"\n'


async def test_details_of_a_status_become_parts_of_the_problem(
    library: Library, client: httpx.AsyncClient
) -> None:
    asked = {"code": 3, "message": "The title is too long.", "detailed": True, "after": 7}
    answer = await client.post(f"{API}/v1/fail", json=asked)
    assert (answer.status_code, answer.headers["retry-after"]) == (400, "7")
    problem = answer.json()
    assert problem["type"] == "urn:plugway:problem:rpc-invalid-argument"
    assert (problem["code"], problem["reason"]) == ("INVALID_ARGUMENT", "TITLE_TOO_LONG")
    assert (problem["plugin"], problem["detail"]) == ("notes", "The title is too long.")
    assert problem["errors"] == [{"field": "/book/title", "message": "long"}]
    assert problem["details"][3] == {
        "@type": "type.googleapis.com/library.v1.Nested",
        "text": "of the plugin's own types",
    }


async def test_the_words_of_a_stray_exception_stay_in_the_plugin(
    library: Library, client: httpx.AsyncClient
) -> None:
    answer = await client.post(f"{API}/v1/fail", json={"code": 2, "message": "secret words"})
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_what_does_not_fit_is_said_field_by_field(library: Library, client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{API}/v1/books", json={"nested": {"parts": 1, "number": "x"}})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"field": "/nested/number", "message": "is not an integer"}]
    unknown = await client.get(f"{API}/v1/books/7?titel=x")
    assert unknown.json()["errors"] == [{"field": "/titel", "message": "is no parameter of this call"}]
    broken = await client.post(f"{API}/v1/books", content=b"{")
    assert broken.json()["detail"].startswith("The body is not JSON")
    deep = await client.post(f"{API}/v1/books", content=b'{"nested":' * 3000 + b"1" + b"}" * 3000)
    assert deep.status_code == 400
    assert library.calls == []


async def test_a_message_beyond_one_frame_passes(library: Library, client: httpx.AsyncClient) -> None:
    asked = {"title": "x" * 300_000}
    assert (await client.post(f"{API}/v1/books", json=asked)).json() == asked


async def test_a_failure_beyond_one_frame_is_told_as_well(
    library: Library, client: httpx.AsyncClient
) -> None:
    asked = {"code": 5, "message": "x" * 20_000, "detailed": True}
    answer = await client.post(f"{API}/v1/fail", json={**asked, "message": "n" * 1000})
    assert (answer.status_code, answer.json()["reason"]) == (404, "TITLE_TOO_LONG")


async def test_a_body_that_is_too_long_is_413(library: Library, plane: Plane) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    head = f"POST {API}/v1/books HTTP/1.1\r\nhost: localhost\r\nauthorization: {AUTH['authorization']}\r\n"
    writer.write(f"{head}content-length: {5 * 2**20}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()
    await writer.wait_closed()
    assert library.calls == []


async def test_access_is_judged_by_the_manifests_rules(library: Library, plane: Plane, one: Endpoint) -> None:
    rules = (
        RouteRule(path_prefix="/v1/volumes", access=Access.PUBLIC),
        RouteRule(path_prefix="/v1/shelves", access=Access.ADMIN),
    )
    plane.publish(await typed_route(plane, one, rules=rules))
    session = {"cookie": f"plugway_session={plane.gatekeeper.start_session('ann', 'viewer')}"}
    async with httpx.AsyncClient(base_url=plane.url) as client:
        assert (await client.get(f"{API}/v1/volumes/7")).json() == {"id": "7"}
        assert (await client.get(f"{API}/v1/books/7")).status_code == 401
        assert (await client.get(f"{API}/v1/books/7", headers=session)).status_code == 200
        for path in ("/v1/shelves/1/books/2", "/v1/%73helves/1/books/2", "//v1/shelves/1/books/2"):
            refused = await client.get(API + path, headers=session)
            assert refused.status_code == 403
    assert library.calls == ["GetBook", "GetBook"]


async def test_nothing_replaces_what_the_path_says(library: Library, client: httpx.AsyncClient) -> None:
    """Access is judged by the path, so a query or a body must not lead the plugin elsewhere."""
    assert (await client.get(f"{API}/v1/volumes/7?id=8")).json() == {"id": "7"}
    answer = await client.patch(f"{API}/v1/whole/7", json={"id": "8", "title": "t"})
    assert answer.json() == {"id": "7", "title": "t"}


async def test_a_client_that_leaves_cancels_the_call(library: Library, client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await client.get(f"{API}/v1/volumes/7?title=hang", timeout=0.5)
    await until(lambda: library.cancelled == ["GetBook"])


async def test_a_client_that_leaves_a_stream_cancels_it(library: Library, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", f"{API}/v1/lists/2?title=hang") as answer:
        lines = answer.aiter_lines()
        assert [json.loads(await anext(lines))["id"] for _ in range(2)] == ["0", "1"]
    await until(lambda: library.cancelled == ["ListBooks"])


async def test_a_stream_that_fails_at_once_is_a_problem(library: Library, client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{API}/v1/lists/2?title=refuse")
    assert (answer.status_code, answer.json()["detail"]) == (404, "no such list")


async def test_a_stream_that_breaks_says_so_and_stays_unfinished(
    library: Library, client: httpx.AsyncClient
) -> None:
    for accept, mark in (
        ("application/x-ndjson", '{"error":'),
        ("text/event-stream", "event: error\ndata: "),
    ):
        seen = bytearray()
        with pytest.raises(httpx.RemoteProtocolError):
            await _read_broken(client, accept, seen)
        assert "the shelf fell" in seen.decode().split(mark)[1]


async def _read_broken(client: httpx.AsyncClient, accept: str, seen: bytearray) -> None:
    path, headers = f"{API}/v1/lists/1?title=break", {"accept": accept}
    async with client.stream("GET", path, headers=headers) as answer:
        async for part in answer.aiter_bytes():
            seen += part


async def test_a_late_plugin_is_504(library: Library, plane: Plane, one: Endpoint) -> None:
    plane.publish(await typed_route(plane, one, limits=Limits(timeout=0.3)))
    async with httpx.AsyncClient(base_url=plane.url, headers=AUTH) as client:
        answer = await client.get(f"{API}/v1/volumes/7?title=hang")
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:plugway:problem:timed-out")


async def test_a_draining_instance_is_replaced_without_notice(
    tmp_path: Path, library: Library, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    other = Library()
    two = replace(one, instance_id=InstanceId("two"), address=f"unix:{tmp_path}/q.sock")
    server = await serve(two.address, other)
    plane.publish(await typed_route(plane, one, two))
    library.draining = True
    answers = await asyncio.gather(*(client.post(f"{API}/v1/books", json={"id": "7"}) for _ in range(8)))
    assert [answer.json() for answer in answers] == [{"id": "7"}] * 8
    assert len(other.calls) == 8
    await server.stop(None)


async def test_a_plugin_that_is_away_says_why(plane: Plane, client: httpx.AsyncClient, one: Endpoint) -> None:
    plane.publish(await typed_route(plane, one, state=PluginState.STARTING, reason="first answer"))
    answer = await client.get(f"{API}/v1/books/7")
    assert (answer.status_code, answer.json()["reason"]) == (503, "starting")
    plane.publish(await typed_route(plane, one))
    gone = await client.get(f"{API}/v1/books/7")
    assert (gone.status_code, gone.json()["reason"]) == (503, "unhealthy")
    gone = await client.get(f"{API}/v1/lists/2")
    assert (gone.status_code, gone.json()["type"]) == (503, "urn:plugway:problem:plugin-unavailable")


async def test_descriptors_that_are_lost_are_503(library: Library, plane: Plane, one: Endpoint) -> None:
    plain = await typed_route(plane, one)
    lost = TypedServices(names=("library.v1.Library",), descriptors="0" * 64)
    plane.publish(replace(plain, targets=tuple(replace(target, typed=lost) for target in plain.targets)))
    async with httpx.AsyncClient(base_url=plane.url, headers=AUTH) as client:
        answer = await client.get(f"{API}/v1/books/7")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:plugway:problem:services-unknown")


async def test_a_service_that_is_not_there_is_501(
    plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    server = await serve_plain(one.address, ContractPlugin())
    plane.publish(await typed_route(plane, one))
    # It does not have the service at all.
    answer = await client.get(f"{API}/v1/books/7")
    assert (answer.status_code, answer.json()["code"]) == (501, "UNIMPLEMENTED")
    await server.stop(None)


async def test_a_release_with_other_services_is_read_anew(
    library: Library, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    assert (await client.get(f"{API}/v1/books/7/title")).json() == ""
    with_less = await typed_route(plane, one, services=("library.v1.Library",))
    target = replace(with_less.targets[0], release_id=ReleaseId("r2"))
    plane.publish(replace(with_less, targets=(target,)))
    assert (await client.get(f"{API}/v1/books/7/title")).headers["x-unbound"] == "yes"
    plane.publish(route(one))
    assert (await client.get(f"{API}/v1/books/7")).headers["x-unbound"] == "yes"
