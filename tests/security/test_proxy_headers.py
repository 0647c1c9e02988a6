"""Headers that mean to forge, strip, split or take over; in both directions."""

from __future__ import annotations

import httpx
import pytest
from plugway.plugin.v1 import plugin_pb2 as pb

from gateway.model import Access, Endpoint, RouteRule
from tests.fakes.contract_plugin import ContractPlugin, header, response
from tests.fakes.data_plane import Plane, route
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

API = "/plugins/notes/api"


@pytest.mark.parametrize(
    "name",
    [
        "x-plugway-user",
        "X-Plugway-Role",
        "x_plugway_user",
        "x-forwarded-for",
        "x-forwarded-user",
        "X_Forwarded_Host",
        "forwarded",
        "x-real-ip",
        "x-original-url",
        "cookie",
        "authorization",
        "proxy-authorization",
        "te",
        "upgrade",
        "keep-alive",
        "trailer",
        "http2-settings",
    ],
)
async def test_headers_of_the_gateway_and_of_the_hop_never_reach_a_plugin(
    plugin: ContractPlugin, client: httpx.AsyncClient, name: str
) -> None:
    value = client.headers["authorization"] if name == "authorization" else "forged=1"
    seen = (await client.get(f"{API}/x", headers={name: value})).json()
    names = {pair[0].replace("_", "-") for pair in seen["headers"]}
    assert name.lower().replace("_", "-") not in names
    assert seen["context"]["user"] == "admin"


async def test_connection_drops_what_it_names_and_cannot_strip_the_identity(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    headers = {
        "connection": "keep-alive, x-mine, X-Plugway-User, x-request-id, authorization",
        "x-mine": "1",
        "x-yours": "2",
    }
    seen = (await client.get(f"{API}/x", headers=headers)).json()
    names = {pair[0] for pair in seen["headers"]}
    assert "x-mine" not in names
    assert "x-yours" in names
    assert seen["context"]["user"] == "admin"
    assert seen["context"]["request_id"]


async def test_request_ids_and_traces_pass_where_well_formed(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    good = await client.get(f"{API}/x", headers={"x-request-id": "abc-12345", "traceparent": trace})
    assert good.headers["x-request-id"] == "abc-12345"
    assert good.json()["context"]["traceparent"] == trace
    none = ("00-" + "0" * 32, "ff-" + "a" * 32, "00-" + "a" * 32 + "-" + "0" * 16 + "-01", trace + "-more")
    for wrong in (*none, *(bad + trace[35:] for bad in none[:2])):
        answer = await client.get(f"{API}/x", headers={"traceparent": wrong})
        assert answer.json()["context"]["traceparent"] == "", wrong
    later = "01" + trace[2:] + "-more"
    answer = await client.get(f"{API}/x", headers={"traceparent": later, "tracestate": "a=b"})
    assert answer.json()["context"]["traceparent"] == later
    assert ["tracestate", "a=b"] in answer.json()["headers"]
    bad = await client.get(f"{API}/x", headers={"x-request-id": 'a"b <script>', "traceparent": "x" * 500})
    assert "script" not in bad.headers["x-request-id"]
    assert bad.json()["context"]["traceparent"] == ""


async def test_a_public_route_gets_a_foreign_token_but_never_ours(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    plane.publish(route(one, rules=(RouteRule(path_prefix="/", access=Access.PUBLIC),)))
    ours = (await client.get(f"{API}/x")).json()
    assert "authorization" not in dict(ours["headers"])
    hook = (await client.get(f"{API}/x", headers={"authorization": "Basic aG9vaw=="})).json()
    assert dict(hook["headers"])["authorization"] == "Basic aG9vaw=="
    assert hook["context"]["user"] == ""


@pytest.mark.parametrize(
    "name",
    [
        "Set-Cookie",
        "set-cookie2",
        "Strict-Transport-Security",
        "Clear-Site-Data",
        "Service-Worker-Allowed",
        "Connection",
        "Transfer-Encoding",
        "Keep-Alive",
        "Upgrade",
        "Trailer",
        "X-Plugway-Anything",
        "Access-Control-Allow-Origin",
        "Access-Control-Allow-Credentials",
        "Alt-Svc",
        "Refresh",
        "Content-Security-Policy-Report-Only",
    ],
)
async def test_a_plugin_cannot_speak_for_the_host(
    plugin: ContractPlugin, client: httpx.AsyncClient, name: str
) -> None:
    plugin.custom = pb.HandleResponse(response=response(200, (name, "value"), ("x-fine", "1")), body=b"{}")
    answer = await client.get(f"{API}/custom")
    assert answer.status_code == 200
    assert answer.headers.get(name) != "value"
    assert answer.headers["x-fine"] == "1"


async def test_a_page_of_a_plugin_is_no_page_of_the_host(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    head = response(200, ("content-type", "text/html"), ("content-security-policy", "script-src *"))
    plugin.custom = pb.HandleResponse(response=head, body=b"<script>alert(1)</script>")
    answer = await client.get(f"{API}/custom")
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert policies[0].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-a", "1\r\nset-cookie: a=b"),
        ("x-a", "1\nx: y"),
        ("x-a", "1\0"),
        ("x-a\r\nset-cookie", "a=b"),
        ("x a", "1"),
        ("", "1"),
        ("x-a:", "1"),
        ("content-length", "1, 2"),
        ("content-length", "-1"),
        ("content-length", "99"),
        ("content-length", "9" * 400),
    ],
)
async def test_split_and_lying_answers_are_502(
    plugin: ContractPlugin, client: httpx.AsyncClient, name: str, value: str
) -> None:
    plugin.custom = pb.HandleResponse(response=response(200, (name, value)), body=b"{}")
    answer = await client.get(f"{API}/custom")
    assert answer.status_code == 502
    assert "set-cookie" not in answer.headers
    assert (await client.get(f"{API}/x")).status_code == 200


@pytest.mark.parametrize("status", [0, 1, 100, 101, 103, 199, 600, 999, 4_000_000_000])
async def test_an_invalid_status_is_502(
    plugin: ContractPlugin, client: httpx.AsyncClient, status: int
) -> None:
    plugin.custom = pb.HandleResponse(response=response(status), body=b"")
    assert (await client.get(f"{API}/custom")).status_code == 502


async def test_headers_repeat_and_keep_their_order(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    head = response(200)
    head.headers.extend([header("Link", "<a>"), header("x-b", "\xe9"), header("Link", "<c>")])
    plugin.custom = pb.HandleResponse(response=head, body=b"{}")
    answer = await client.get(f"{API}/custom")
    assert answer.headers.get_list("link") == ["<a>", "<c>"]
    assert dict(answer.headers.raw)[b"x-b"] == b"\xe9"


async def test_trace_is_refused(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    answer = await client.request("TRACE", f"{API}/x")
    assert (answer.status_code, answer.headers["allow"]) == (
        405,
        "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    )
    assert plugin.calls == []
