"""Who gets into the management API, and who does not."""

from __future__ import annotations

import logging
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.types import Receive, Scope, Send

from gateway.access.gatekeeper import TOKEN_FILE
from gateway.api.rights import OPEN, RIGHTS, find_right
from gateway.settings import Settings
from tests.fakes.management import BASE, Bed, management
from tests.fakes.serving import serving

COOKIE = "plugway_session"


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    async with management(tmp_path) as bed:
        await bed.install("notes")
        yield bed


def all_routes(bed: Bed) -> Iterator[tuple[str, str, Any]]:
    for context in iter_route_contexts(bed.app.routes):
        assert context.path is not None
        for method in context.methods or ():
            yield method, context.path, context


async def test_every_route_but_health_and_sign_in_needs_someone(bed: Bed) -> None:
    walked = 0
    async with bed.client(token="") as nobody, bed.client(token="wrong") as wrong:
        for method, path, _ in all_routes(bed):
            if (method, path) in OPEN:
                continue
            target = path.replace("{id}", "notes")
            for client in (nobody, wrong):
                answer = await client.request(method, target)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["type"] == "urn:plugway:problem:unauthenticated"
            walked += 1
    assert walked > 20
    assert bed.lifecycle.acts == [("install", "notes")]


async def test_the_table_of_rights_is_exactly_the_routes(bed: Bed) -> None:
    routes = {(method, path): context for method, path, context in all_routes(bed)}
    assert routes.keys() == {(right.method, right.path) for right in RIGHTS}
    for right in RIGHTS:
        context = routes[right.method, right.path]
        assert context.operation_id in (right.act, None), right
        # What the door finds for a path is what the route is found by.
        asked = find_right(right.method, right.path.replace("{id}", "notes").replace("{sha256}", "ab"))
        assert asked is not None
        assert asked.right is right


async def test_a_route_that_the_table_does_not_know_answers_nobody(bed: Bed) -> None:
    bed.app.add_api_route("/api/v1/forgotten", lambda: {"secret": 1}, methods=["GET", "POST"])
    async with bed.client() as admin:
        for method in ("GET", "POST"):
            answer = await admin.request(method, "/api/v1/forgotten")
            assert answer.status_code == 500
            assert "secret" not in answer.text


async def test_what_is_open_is_only_health_and_sign_in() -> None:
    assert sorted(path for method, path in OPEN if method != "HEAD") == [
        "/api/v1/oidc/callback",
        "/api/v1/oidc/login",
        "/api/v1/session",
        "/api/v1/sign-in",
        "/healthz",
        "/login",
        "/readyz",
    ]


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1/nothing", "/nothing", "/api/v1/plugins/../x"])
async def test_an_unknown_path_tells_a_stranger_nothing(bed: Bed, path: str) -> None:
    async with bed.client(token="") as nobody:
        assert (await nobody.get(path)).status_code == 401


@pytest.mark.parametrize(("role", "reads", "runs", "installs"), [
    ("viewer", 200, 403, 403),
    ("operator", 200, 200, 403),
    ("admin", 200, 200, 201),
    ("stranger", 403, 403, 403),
])  # fmt: skip
async def test_a_role_allows_what_it_should(
    bed: Bed, role: str, reads: int, runs: int, installs: int
) -> None:
    session = bed.gatekeeper.start_session("vera", role)
    async with bed.client(token="", cookie=f"{COOKIE}={session}", origin=BASE) as client:
        assert (await client.get("/api/v1/plugins")).status_code == reads
        assert (await client.post("/api/v1/plugins/notes/restart")).status_code == runs
        answer = await client.post("/api/v1/plugins", json={"id": "redis-management"})
        assert answer.status_code == installs
    if installs == 403:
        assert answer.json()["type"] == "urn:plugway:problem:role-too-low"
        assert "www-authenticate" not in answer.headers


async def test_the_token_file_is_private_and_survives_starts(tmp_path: Path) -> None:
    async with management(tmp_path) as first:
        token = first.token
    async with management(tmp_path) as second:
        assert second.token == token
    assert stat.S_IMODE((tmp_path / TOKEN_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys" / "session.key").stat().st_mode) == 0o600


async def test_a_login_link_works_once(bed: Bed) -> None:
    async with bed.client() as admin:
        made = await admin.post("/api/v1/login-links")
    assert made.status_code == 201
    link = made.json()["url"]
    assert link.startswith(f"{BASE}/login?code=")
    async with bed.client(token="") as browser:
        first = await browser.get(link)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        assert (await browser.get("/api/v1/session")).json() == {
            "user": "admin",
            "role": "admin",
            "grants": {},
        }
    async with bed.client(token="") as other:
        second = await other.get(link)
        assert second.status_code == 401
        assert "set-cookie" not in second.headers
        page = await other.get(link, headers={"accept": "text/html"})
        assert page.status_code == 401
        assert "plugway token" in page.text
        assert link.partition("code=")[2] not in page.text


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(bed: Bed) -> None:
    flags = await _cookie_flags(bed)
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= flags
    assert "Secure" not in flags
    assert not any(flag.lower().startswith("domain") for flag in flags)


async def test_the_session_cookie_is_secure_behind_https(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": tmp_path, "public_url": "https://plugway.example"})
    async with management(tmp_path, settings=settings) as bed:
        assert "Secure" in await _cookie_flags(bed)
        async with bed.client() as admin:
            link = (await admin.post("/api/v1/login-links")).json()["url"]
        assert link.startswith("https://plugway.example/login?code=")


async def _cookie_flags(bed: Bed) -> set[str]:
    async with bed.client(token="") as browser:
        answer = await browser.get(f"/login?code={bed.gatekeeper.new_login_code()}")
    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"{COOKIE}=")
    return {str(flag) for flag in flags}


async def test_a_code_is_in_no_log(
    bed: Bed, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    # Servers that other tests ran have switched this logger off for good, in one way or another.
    access = logging.getLogger("uvicorn.access")
    caplog.set_level(logging.DEBUG, logger=access.name)
    monkeypatch.setattr(access, "propagate", True)
    monkeypatch.setattr(access, "disabled", False)
    code = bed.gatekeeper.new_login_code()
    async with serving(bed.app, access_log=True) as base, httpx.AsyncClient() as browser:
        assert (await browser.get(f"{base}/login?code={code}")).status_code == 303
        assert (await browser.get(f"{base}/login?code={code}")).status_code == 401
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    assert any("GET /login" in line for line in lines)
    assert not any(code in line for line in lines)


async def test_the_admin_token_signs_in(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    async with bed.client(token="") as browser:
        refused = await browser.post("/api/v1/session", json={"token": "not the token"})
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert "not the token" not in refused.text
        good = await browser.post("/api/v1/session", json={"token": f" {bed.token}\n"})
        assert (good.status_code, good.json()["role"]) == (200, "admin")
        assert (await browser.get("/api/v1/plugins")).status_code == 200
        malformed = await browser.post("/api/v1/session", json={"token": [bed.token]})
        assert malformed.status_code == 422
        assert bed.token not in malformed.text
    assert bed.token not in caplog.text


async def test_signing_out_ends_the_session_itself(bed: Bed) -> None:
    session = bed.gatekeeper.start_session()
    header = f"{COOKIE}={session}"
    async with bed.client(token="", cookie=header, origin=BASE) as browser:
        assert (await browser.get("/api/v1/session")).status_code == 200
        out = await browser.post("/api/v1/logout")
        assert out.status_code == 204
        assert f'{COOKIE}=""' in out.headers["set-cookie"]
        # A copy of the cookie is worth nothing either.
        again = await browser.get("/api/v1/session")
        assert again.status_code == 401
        assert again.json()["detail"] == "The session has ended."


FORGERIES = [
    {},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": BASE, "sec-fetch-site": "cross-site"},
    {"origin": BASE, "sec-fetch-site": "same-site"},
]


@pytest.mark.parametrize("headers", FORGERIES)
async def test_a_forged_request_is_refused(bed: Bed, headers: dict[str, str]) -> None:
    session = bed.gatekeeper.start_session()
    async with bed.client(token="", cookie=f"{COOKIE}={session}", **headers) as browser:
        for method, path in [("POST", "/api/v1/plugins/notes/disable"), ("DELETE", "/api/v1/plugins/notes")]:
            answer = await browser.request(method, path)
            assert answer.status_code == 403
            assert answer.json()["type"] == "urn:plugway:problem:cross-origin"
    assert bed.lifecycle.acts == [("install", "notes")]


async def test_sign_in_from_a_foreign_page_is_refused(bed: Bed) -> None:
    async with bed.client(token="", origin="http://evil.example") as browser:
        answer = await browser.post("/api/v1/session", json={"token": bed.token})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_nothing_allows_another_origin_to_read(bed: Bed) -> None:
    async with bed.client(origin="http://evil.example") as client:
        for method in ("GET", "OPTIONS"):
            answer = await client.request(method, "/api/v1/plugins")
            assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_rebound_host_name_is_refused_everywhere_but_health(bed: Bed) -> None:
    async with bed.client(base_url="http://evil.example:8080") as client:
        for path in ("/api/v1/plugins", "/login?code=x", "/", "/openapi.json"):
            answer = await client.get(path)
            assert answer.status_code == 421, path
            assert answer.json()["type"] == "urn:plugway:problem:host-refused"
        assert (await client.get("/healthz")).status_code == 200


async def test_a_console_beside_the_api_opens_nothing_of_it(tmp_path: Path) -> None:
    async def console(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a page"})

    async with management(tmp_path, console=console) as bed, bed.client(token="") as nobody:
        for path in ("/", "/login", "/static/app.js", "/plugins/notes", "/apis"):
            assert (await nobody.get(path)).text == "a page", path
        for path in ("/api", "/api/v1/nothing", "/docs", "/docs/docs.js", "/metrics", "/login?code=x"):
            assert (await nobody.get(path)).status_code == 401, path
        for method, path, _ in all_routes(bed):
            if (method, path) not in OPEN:
                assert (await nobody.request(method, path)).status_code == 401, (method, path)
        rebound = await nobody.get("/", headers={"host": "evil.example"})
        assert rebound.status_code == 421


async def test_answers_are_neither_cached_nor_sniffed_nor_framed(bed: Bed) -> None:
    async with bed.client() as client:
        for path in ("/api/v1/plugins", "/api/v1/nothing", "/healthz"):
            headers = (await client.get(path)).headers
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
