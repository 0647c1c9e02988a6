"""The same requests to Envoy's transcoder and to the gateway, before the same plugin.

Where the two differ on purpose, the request is listed here with the reason.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.model import Endpoint
from tests.fakes.data_plane import AUTH, Plane, endpoint, running_plane
from tests.fakes.envoy_transcoder import envoy
from tests.fakes.typed_library import LIBRARY, PROTOS, Library, serve
from tests.fakes.typed_plane import typed_route

PREFIX = "/plugins/notes/api"

# What the path says stands: the gateway has judged access by it, so nothing may replace it.
PATH_STANDS = "the path goes before query and body"
# Envoy passes on what it cannot bind; to the gateway a misspelt parameter is a mistake.
STRICT_QUERY = "an unknown query parameter is refused"
LENIENT_JSON = "JSON is read by the book (RFC 8259)"
EXCEPTIONS = {
    "GET /v1/volumes/7?id=8": PATH_STANDS,
    'POST /v1/books/7:archive {"id":"8","title":"x"}': PATH_STANDS,
    "GET /v1/volumes/7?unknown=1": STRICT_QUERY,
    "GET /v1/volumes/7?counts[a]=1": STRICT_QUERY,
    "GET /v1/volumes/7?counts.a=1": STRICT_QUERY,
    "GET /v1/volumes/7?nested..text=x": STRICT_QUERY,
    "GET /v1/volumes/7?nested.=x": STRICT_QUERY,
    "GET /v1/volumes/7?NESTED.text=x": STRICT_QUERY,
    "GET /v1/volumes/7?value.stringValue=x": STRICT_QUERY,
    "GET /v1/volumes/7?title=%ff": "text that is no UTF-8 is the client's mistake, and 400",
    "GET /v1/books/%ff": "text that is no UTF-8 is the client's mistake, and 400",
    "HEAD /v1/books/7": "HEAD is GET without its body",
    "POST /v1/books {'title':'x'}": LENIENT_JSON,
    'POST /v1/books {title:"x"}': LENIENT_JSON,
    'POST /v1/books {"title":"x",}': LENIENT_JSON,
    'POST /v1/books {"numbers":[[1]]}': LENIENT_JSON,
    'POST /v1/books {"list":{}}': "an object is no list",
}


@dataclass(frozen=True)
class Asked:
    """One line of the list."""

    line: str
    method: str
    path: str
    kind: str
    body: bytes | None

    @classmethod
    def of(cls, line: str) -> Asked:
        method, path, *rest = line.split(" ", 2)
        kind, body = "application/json", rest[0] if rest else None
        if body and body.startswith("@"):
            kind, body = body[1:].split(" ", 1)
        return cls(line, method, path, kind, body.encode() if body is not None else None)


REQUESTS = [
    Asked.of(line)
    for line in (PROTOS / "requests.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Endpoint]:
    server = await serve(f"unix:{tmp_path}/p.sock", Library())
    yield endpoint(f"unix:{tmp_path}/p.sock")
    await server.stop(None)


@pytest.fixture
async def plane(tmp_path: Path, library: Endpoint) -> AsyncIterator[Plane]:
    async with running_plane(tmp_path / "home") as running:
        running.publish(await typed_route(running, library, services=(LIBRARY,)))
        yield running


async def ask(client: httpx.AsyncClient, prefix: str, asked: Asked) -> httpx.Response:
    url = client.base_url.copy_with(raw_path=f"{prefix}{asked.path}".encode())
    headers = {"accept": "application/json", **AUTH}
    if asked.body is not None:
        headers["content-type"] = asked.kind
    return await client.send(httpx.Request(asked.method, url, content=asked.body, headers=headers))


def outcome(answer: httpx.Response) -> Any:
    """What has to be the same: the status, and of good answers the kind and the content."""
    unbound = answer.status_code == 503 or answer.headers.get("content-type") == "application/grpc"
    if unbound or answer.headers.get("x-unbound"):
        return "not bound"
    if answer.status_code != 200:
        return answer.status_code
    kind = answer.headers["content-type"]
    is_json = kind == "application/json" and answer.request.method != "HEAD"
    return kind, json.loads(answer.content) if is_json else answer.content


async def test_the_gateway_answers_as_envoy_does(tmp_path: Path, library: Endpoint, plane: Plane) -> None:
    upstream = library.address.removeprefix("unix:")
    different: list[str] = []
    alike: list[str] = []
    async with (
        envoy(upstream, tmp_path) as socket,
        httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=socket), base_url="http://envoy") as theirs,
        httpx.AsyncClient(base_url=plane.url, timeout=20) as ours,
    ):
        for asked in REQUESTS:
            expected = outcome(await ask(theirs, "", asked))
            found = outcome(await ask(ours, PREFIX, asked))
            if expected == found:
                alike.append(asked.line)
            elif asked.line not in EXCEPTIONS:
                different.append(f"{asked.line}\n  Envoy: {expected}\n  gateway: {found}")
    assert not different, "\n".join(different)
    assert sorted(set(EXCEPTIONS) & set(alike)) == []
    assert len(alike) > 200


@pytest.mark.parametrize(
    ("option", "accept", "kind"),
    [
        ("stream_newline_delimited", "application/x-ndjson", "application/x-ndjson"),
        ("stream_sse_style_delimited", "text/event-stream", "text/event-stream"),
    ],
    ids=["lines", "events"],
)
async def test_streams_are_set_apart_as_by_envoy(
    tmp_path: Path, library: Endpoint, plane: Plane, option: str, accept: str, kind: str
) -> None:
    """Envoy does by configuration what the gateway does by ``Accept``, and names another media type."""
    upstream = library.address.removeprefix("unix:")
    async with (
        envoy(upstream, tmp_path, print_options={option: True}) as socket,
        httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=socket), base_url="http://envoy") as theirs,
        httpx.AsyncClient(base_url=plane.url, timeout=20, headers={"accept": accept}) as ours,
    ):
        for count in (3, 1):
            expected = await theirs.get(f"/v1/lists/{count}")
            found = await ours.get(f"{PREFIX}/v1/lists/{count}", headers=AUTH)
            assert found.content == expected.content
            assert found.headers["content-type"] == kind


async def test_each_status_becomes_the_same_http_status(
    tmp_path: Path, library: Endpoint, plane: Plane
) -> None:
    """Envoy answers a google.rpc.Status where the gateway answers a problem with the same in it."""
    upstream = library.address.removeprefix("unix:")
    async with (
        envoy(upstream, tmp_path, convert_grpc_status=True) as socket,
        httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=socket), base_url="http://envoy") as theirs,
        httpx.AsyncClient(base_url=plane.url, timeout=20, headers=AUTH) as ours,
    ):
        for code in range(1, 17):
            asked = {"code": code, "message": "n\u00f6, 100%\\"}
            expected = await theirs.post("/v1/fail", json=asked)
            found = await ours.post(f"{PREFIX}/v1/fail", json=asked)
            assert found.status_code == expected.status_code, code
            assert found.headers["content-type"] == "application/problem+json"
            assert expected.json()["code"] == code
            # The words of UNKNOWN stay in the plugin.
            if code != 2:
                assert found.json()["detail"] == expected.json()["message"]
