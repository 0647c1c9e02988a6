"""Pages of other origins: who may call is the operator's word alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from plugway.plugin.v1 import plugin_pb2 as pb
from pydantic import ValidationError

from gateway.access.cors import Cors
from gateway.model import Endpoint
from gateway.proxy.preflight import CorsGate
from gateway.settings import Settings
from tests.fakes.contract_plugin import ContractPlugin, response
from tests.fakes.data_plane import AUTH, Plane, route
from tests.fakes.management import management
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

API = "/plugins/notes/api"
APP = "https://app.example"
ASKS = {"access-control-request-method": "PUT", "access-control-request-headers": "authorization, x-own"}
HOSTILE = [
    "null", "", "*", "https://app.example.evil.example", "https://evil-app.example", "http://app.example",
    "https://app.example:8443", "https://app.example:443", "HTTPS://APP.EXAMPLE", "https://app.example/",
    "https://app.example ,https://evil.example", "https://app.example https://evil.example",
    "https://x@app.example", "https://sub.app.example", "https://app.example.", "https://\u0430pp.example",
]  # fmt: skip


@pytest.fixture
def open_to_app(plane: Plane, one: Endpoint, plugin: ContractPlugin) -> ContractPlugin:
    plane.publish(replace(route(one), origins=(APP, "http://[::1]:3000")))
    return plugin


@pytest.fixture
async def page(plane: Plane) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's side: no credentials unless a test gives them."""
    async with httpx.AsyncClient(base_url=plane.url) as one:
        yield one


def granted(answer: httpx.Response) -> list[str]:
    return sorted(name for name in answer.headers if name.startswith("access-control-"))


async def test_without_a_policy_nobody_is_let_in_and_the_plugin_cannot(
    plugin: ContractPlugin, page: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    headers = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Private-Network", "true")]
    plugin.custom = pb.HandleResponse(response=response(200, *headers), body=b"x")
    asked = await page.options(f"{API}/custom", headers={"origin": APP, **ASKS})
    assert (asked.status_code, granted(asked)) == (401, [])
    answer = await client.get(f"{API}/custom", headers={"origin": APP})
    assert (answer.status_code, granted(answer)) == (200, [])
    assert "origin" not in answer.headers.get("vary", "")


@pytest.mark.parametrize("origin", [APP, "http://[::1]:3000"])
async def test_a_preflight_needs_no_credentials_and_no_plugin(
    open_to_app: ContractPlugin, page: httpx.AsyncClient, origin: str
) -> None:
    answer = await page.options(f"{API}/x", headers={"origin": origin, **ASKS})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-methods"] == "PUT"
    assert answer.headers["access-control-allow-headers"] == "authorization, x-own"
    assert "origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers
    assert open_to_app.calls == []


@pytest.mark.parametrize("origin", HOSTILE, ids=range(len(HOSTILE)))
async def test_other_origins_get_nothing(
    open_to_app: ContractPlugin, page: httpx.AsyncClient, origin: str
) -> None:
    headers = [(b"origin", origin.encode())]
    asks = [(name.encode(), value.encode()) for name, value in ASKS.items()]
    asked = await page.options(f"{API}/x", headers=[*headers, *asks])
    assert (asked.status_code, granted(asked)) == (403, [])
    token = [(name.encode(), value.encode()) for name, value in AUTH.items()]
    answer = await page.get(f"{API}/x", headers=[*headers, *token])
    # The call is the token's; what its answer says stays hidden from the page.
    assert (answer.status_code, granted(answer)) == (200, [])
    assert answer.headers["vary"] == "origin", "no cache may hand this answer to another origin"
    assert open_to_app.calls == ["/x"]


async def test_a_page_may_read_answers_and_refusals(
    open_to_app: ContractPlugin, page: httpx.AsyncClient
) -> None:
    for headers, status in ((AUTH, 200), ({}, 401)):
        answer = await page.put(f"{API}/x", headers={"origin": APP, **headers}, content=b"x")
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == APP
        assert granted(answer) == ["access-control-allow-origin", "access-control-expose-headers"]
    assert open_to_app.calls == ["/x"]


async def test_a_plugin_adds_nothing_to_the_policy(
    open_to_app: ContractPlugin, client: httpx.AsyncClient
) -> None:
    headers = [("access-control-allow-origin", "*"), ("Access-Control-Allow-Credentials", "true")]
    open_to_app.custom = pb.HandleResponse(response=response(200, *headers, ("vary", "accept")), body=b"x")
    answer = await client.get(f"{API}/custom", headers={"origin": APP})
    assert answer.headers.get_list("access-control-allow-origin") == [APP]
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers.get_list("vary", split_commas=True) == ["accept", "origin"]


async def test_a_session_of_the_console_is_no_use_to_a_page(
    open_to_app: ContractPlugin, page: httpx.AsyncClient, plane: Plane
) -> None:
    cookie = {"cookie": f"plugway_session={plane.gatekeeper.start_session()}"}
    answer = await page.post(f"{API}/x", headers={"origin": APP, **cookie})
    assert answer.status_code == 403
    read = await page.get(f"{API}/x", headers={"origin": APP, **cookie})
    assert "access-control-allow-credentials" not in read.headers


async def test_what_a_preflight_asks_for_is_passed_back_only_where_it_is_a_list_of_names(
    open_to_app: ContractPlugin, page: httpx.AsyncClient
) -> None:
    for bad in ("x y", "x;y", "a" * 3000, '"x"'):
        asks = {"access-control-request-method": "PUT", "access-control-request-headers": bad}
        answer = await page.options(f"{API}/x", headers={"origin": APP, **asks})
        assert answer.status_code == 204
        assert "access-control-allow-headers" not in answer.headers


async def test_an_options_call_that_asks_nothing_is_the_plugins(
    open_to_app: ContractPlugin, client: httpx.AsyncClient
) -> None:
    assert (await client.options(f"{API}/x", headers={"origin": APP})).json()["method"] == "OPTIONS"


async def test_everyone_means_everyone_without_credentials(
    plane: Plane, one: Endpoint, plugin: ContractPlugin, page: httpx.AsyncClient
) -> None:
    plane.publish(replace(route(one), origins=("*",)))
    answer = await page.get(f"{API}/x", headers={"origin": "https://any.example", **AUTH})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


async def test_the_management_api_has_a_policy_of_its_own(tmp_path: Path) -> None:
    async with management(tmp_path) as api:
        gate = CorsGate(api.app, Cors([APP]))
        transport = httpx.ASGITransport(app=gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as page:
            asked = await page.options("/api/v1/plugins", headers={"origin": APP, **ASKS})
            assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, APP)
            refused = await page.options("/api/v1/plugins", headers={"origin": "null", **ASKS})
            assert (refused.status_code, granted(refused)) == (403, [])
            answer = await page.get("/api/v1/plugins", headers={"origin": APP})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, APP)
            health = await page.get("/healthz", headers={"origin": APP})
            assert granted(health) == []


@pytest.mark.parametrize(
    "value",
    [
        "null", "app.example", "https://app.example/", "https://App.example", "https://*.example",
        "https://app.example:443", "http://app.example:80", "https://app.example:0", "ftp://app.example",
        "https://", "notes=", "https://a.example/path", "https://u@a.example", "https://a.example:x",
    ],
)  # fmt: skip
def test_a_policy_that_could_not_match_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        Settings.model_validate({"cors_origins": value})


def test_a_policy_names_plugins() -> None:
    settings = Settings.model_validate(
        {
            "cors_origins": f"{APP}, notes=http://localhost:3000,other=https://b.example",
            "cors_api_origins": APP,
        }
    )
    assert settings.origins_for("notes") == ("http://localhost:3000", APP)
    assert settings.origins_for("third") == (APP,)
    assert settings.api_origins == (APP,)
    assert Settings.model_validate({}).origins_for("notes") == ()
    with pytest.raises(ValidationError, match="names a plugin"):
        Settings.model_validate({"cors_api_origins": f"notes={APP}"})
