"""Paths that mean to lead elsewhere."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from gateway.model import Access, Endpoint, RouteRule
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.data_plane import TOKEN, Plane, route
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

DOTS = [
    "..",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "..%2f",
    "%252e%252e",
    "..%5c",
    "..;",
    "a/../..",
    "a%2f..%2f..",
    "%2e%2e%2f%2e%2e%2f",
    ".",
]


async def raw_get(plane: Plane, path: str, headers: str = "") -> bytes:
    """A client that sends the path as it stands; returns the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    head = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n"
    writer.write(head.encode("latin-1"))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("dots", DOTS)
async def test_dot_segments_reach_neither_files_nor_plugins(
    plugin: ContractPlugin, plane: Plane, one: Endpoint, tmp_path: Path, dots: str
) -> None:
    (tmp_path / "home" / "secret").write_text("never")
    bundle = await plane.bundle(index_js=b"x")
    plane.publish(route(one, ui=bundle))
    auth = f"authorization: Bearer {TOKEN}\r\n"
    for path in (f"/plugins/notes/ui/{dots}/secret", f"/plugins/notes/api/{dots}/secret"):
        answer = await raw_get(plane, path, auth)
        assert status(answer) == 400, path
        assert b"never" not in answer
    assert plugin.calls == []


@pytest.mark.parametrize(
    "path", ["index.js%00", "%2findex.js", "index%2ejs/", "\\index.js", "INDEX.JS", "~/x"]
)
async def test_only_listed_files_exist(plane: Plane, path: str) -> None:
    bundle = await plane.bundle(index_js=b"x")
    plane.publish(route(ui=bundle))
    answer = await raw_get(plane, f"/plugins/notes/ui/{path}", f"authorization: Bearer {TOKEN}\r\n")
    assert status(answer) in (400, 404)


@pytest.mark.parametrize(
    "path", ["admin", "%61dmin", "/admin", "//admin/x", "admin/", "admin/x", "admin%2fx"]
)
async def test_no_spelling_of_a_path_evades_its_rule(
    plugin: ContractPlugin, plane: Plane, one: Endpoint, path: str
) -> None:
    rules = (
        RouteRule(path_prefix="/admin", access=Access.ADMIN),
        RouteRule(path_prefix="/", access=Access.PUBLIC),
    )
    plane.publish(route(one, rules=rules))
    assert status(await raw_get(plane, f"/plugins/notes/api/{path}")) == 401
    assert status(await raw_get(plane, "/plugins/notes/api/administrators")) == 200
    assert plugin.calls == ["/administrators"]


@pytest.mark.parametrize(
    "path",
    [
        "/plugins/notes%2fapi/x",
        "/plugins/%6eotes/api/x",
        "/plugins//api/x",
        "/plugins/notes/",
        "/plugins/../x",
    ],
)
async def test_odd_plugin_names_are_unknown(
    plugin: ContractPlugin, client: httpx.AsyncClient, plane: Plane, path: str
) -> None:
    answer = await raw_get(plane, path, f"authorization: Bearer {TOKEN}\r\n")
    assert status(answer) == 404
    assert plugin.calls == []


async def test_absolute_targets_are_judged_by_their_path(plugin: ContractPlugin, plane: Plane) -> None:
    target = "http://evil.example/plugins/notes/api/x"
    assert status(await raw_get(plane, target)) == 401


@pytest.mark.parametrize("dots", DOTS)
async def test_no_dots_lead_out_of_a_bundle(plane: Plane, tmp_path: Path, dots: str) -> None:
    """Under the capability that a frame gives to its own bundle, where no caller is asked for."""
    (tmp_path / "home" / "secret").write_text("never")
    await plane.bundle(secret=b"never")
    plane.publish(route(ui=await plane.bundle(index_js=b"x")))
    frame = await raw_get(plane, "/plugins/notes/ui/", f"authorization: Bearer {TOKEN}\r\n")
    found = re.search(rb"/plugins/notes/ui/~[0-9a-f]{32}/", frame)
    assert found is not None
    base = found[0].decode()
    assert status(await raw_get(plane, f"{base}index.js")) == 200
    for path in (f"{dots}/secret", f"{dots}/index.js", f"x/{dots}/index.js", f"{dots}/{dots}/{dots}/secret"):
        answer = await raw_get(plane, base + path)
        assert status(answer) in (400, 404), path
        assert b"never" not in answer
