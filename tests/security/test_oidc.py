"""Signing in with OpenID Connect, at a real provider that is told to go wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.oidc.errors import NoProvider
from gateway.oidc.provider import OidcProvider
from gateway.oidc.roles import BadRoleMapping, read_mapping, role_of
from gateway.settings import Settings
from tests.fakes.management import BASE, Bed, management
from tests.fakes.oidc import CLIENT, SECRET, Provider, oidc_provider, sign_in

pytestmark = pytest.mark.timeout(240)
CALLBACK = f"{BASE}/api/v1/oidc/callback"
COOKIE = "plugway_session"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with oidc_provider(CALLBACK, tmp_path_factory.mktemp("oidc") / "log") as running:
        yield running


def settings(home: Path, issuer: str, **more: Any) -> Settings:
    secret = home / "client.secret"
    secret.write_text(f"{SECRET}\n")
    values = {
        "home": home, "oidc_issuer": issuer, "oidc_client_id": CLIENT, "oidc_client_secret_file": secret,
        "oidc_scopes": "openid email groups", "oidc_roles": "plugway-admins=admin, staff=user",
        "oidc_name": "Example", **more,
    }  # fmt: skip
    return Settings.model_validate(values)


@pytest.fixture
async def bed(tmp_path: Path, provider: Provider) -> AsyncIterator[Bed]:
    await asyncio.to_thread(provider.go_wrong)
    chosen = await asyncio.to_thread(settings, tmp_path, provider.issuer)
    async with management(tmp_path, settings=chosen) as bed:
        yield bed


async def come_back(bed: Bed, browser: httpx.AsyncClient, name: str) -> httpx.Response:
    """The gateway's answer to who comes back from the provider as ``name``."""
    begun = await browser.get("/api/v1/oidc/login")
    assert begun.status_code == 303, begun.text
    async with httpx.AsyncClient(trust_env=False, timeout=30) as person:
        back = await sign_in(person, begun.headers["location"], name, CALLBACK)
    return await browser.get(back)


@pytest.mark.parametrize(
    ("name", "role", "grants"), [("ada", "admin", {}), ("vic", "viewer", {"*": "user"})], ids=["ada", "vic"]
)
async def test_a_person_signs_in_and_out(bed: Bed, name: str, role: str, grants: dict[str, str]) -> None:
    async with bed.client(token="", origin=BASE) as browser:
        ways = (await browser.get("/api/v1/sign-in")).json()
        assert ways == {"provider": "Example", "url": "/api/v1/oidc/login"}
        answer = await come_back(bed, browser, name)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/"), answer.text
        cookies = answer.headers.get_list("set-cookie")
        session = next(cookie for cookie in cookies if cookie.startswith(f"{COOKIE}="))
        assert "HttpOnly" in session
        assert "SameSite=strict" in session
        shown = (await browser.get("/api/v1/session")).json()
        assert shown == {"user": f"{name}@example.test", "role": role, "grants": grants}
        assert (await browser.post("/api/v1/logout")).status_code == 204
        assert (await browser.get("/api/v1/session")).status_code == 401
    written = [entry async for entry in bed.store.audit.all()]
    assert (written[0]["act"], written[0]["phase"]) == ("finishOidcLogin", "done")
    assert written[0]["facts"]["user"] == f"{name}@example.test"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"claims": {"nonce": "another"}}, "nonce"),
        ({"without": ["nonce"]}, "nonce"),
        ({"claims": {"aud": "another"}}, "another client"),
        ({"claims": {"aud": ["plugway", "another"]}}, "another client"),
        ({"claims": {"aud": ["plugway", "another"], "azp": "another"}}, "another client"),
        ({"claims": {"iss": "https://evil.test"}}, "another issuer"),
        ({"claims": {"exp": 1_000_000_000}}, "expired"),
        ({"claims": {"iat": 9_999_999_999, "exp": 9_999_999_999}}, "future"),
        ({"without": ["exp"]}, "no times"),
        ({"claims": {"sub": ""}}, "names nobody"),
        ({"stranger": True}, "signature"),
        ({"unsigned": True}, "signature"),
        ({"stranger": True, "kid": "unheard-of"}, "key"),
    ],
    ids=[
        "nonce", "no-nonce", "audience", "audiences", "party", "issuer", "expired", "future", "timeless",
        "nobody", "forged", "unsigned", "unknown-key",
    ],
)  # fmt: skip
async def test_what_does_not_hold_signs_nobody_in(
    bed: Bed, provider: Provider, wrong: dict[str, Any], words: str
) -> None:
    await asyncio.to_thread(lambda: provider.go_wrong(**wrong))
    async with bed.client(token="", origin=BASE) as browser:
        answer = await come_back(bed, browser, "ada")
        assert answer.status_code == 401, answer.text
        assert words in answer.json()["detail"]
        assert not [c for c in answer.headers.get_list("set-cookie") if c.startswith(COOKIE)]
        assert (await browser.get("/api/v1/session")).status_code == 401


@pytest.mark.parametrize(("off", "good"), [(-30, True), (30, True), (-90, False), (90, False)])
async def test_clocks_may_differ_by_a_minute(bed: Bed, provider: Provider, off: int, good: bool) -> None:
    now = int(time.time())
    late = {"exp": now + off} if off < 0 else {"iat": now + off, "exp": now + off + 60}
    await asyncio.to_thread(lambda: provider.go_wrong(claims=late))
    async with bed.client(token="", origin=BASE) as browser:
        answer = await come_back(bed, browser, "ada")
    assert (answer.status_code == 303) is good, answer.text


@pytest.mark.parametrize(
    ("name", "status", "words"), [("eve", 403, "no role"), ("joe", 401, "verified")], ids=["eve", "joe"]
)
async def test_who_has_no_role_or_no_address_is_told_so(bed: Bed, name: str, status: int, words: str) -> None:
    async with bed.client(token="", origin=BASE, accept="text/html") as browser:
        answer = await come_back(bed, browser, name)
        assert answer.status_code == status
        assert words in answer.text
        assert answer.headers["content-type"].startswith("text/html")


async def test_an_answer_counts_once_in_the_browser_that_began(bed: Bed) -> None:
    async with bed.client(token="", origin=BASE) as browser, bed.client(token="", origin=BASE) as other:
        begun = await browser.get("/api/v1/oidc/login")
        async with httpx.AsyncClient(trust_env=False, timeout=30) as person:
            back = await sign_in(person, begun.headers["location"], "ada", CALLBACK)
        stolen = await other.get(back)
        assert (stolen.status_code, "in this browser" in stolen.text) == (401, True)
        await other.get("/api/v1/oidc/login")
        mixed = await other.get(back)
        assert (mixed.status_code, "another sign-in" in mixed.text) == (401, True)
        assert (await browser.get(back)).status_code == 303
        assert (await browser.get(back)).status_code == 401


async def test_a_code_is_asked_for_with_proof_of_its_owner(bed: Bed) -> None:
    async with bed.client(token="") as browser:
        begun = await browser.get("/api/v1/oidc/login")
    query = httpx.URL(begun.headers["location"]).params
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert query["redirect_uri"] == CALLBACK
    assert min(len(query[name]) for name in ("state", "nonce", "code_challenge")) >= 32
    flags = begun.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=lax", "Path=/api/v1/oidc"} <= set(flags)


async def test_a_refusal_of_the_provider_is_told(bed: Bed) -> None:
    async with bed.client(token="", origin=BASE) as browser:
        begun = await browser.get("/api/v1/oidc/login")
        state = httpx.URL(begun.headers["location"]).params["state"]
        answer = await browser.get(
            f"{CALLBACK}?state={state}&error=access_denied&error_description=Not+today"
        )
        assert (answer.status_code, "Not today" in answer.json()["detail"]) == (401, True)
        begun = await browser.get("/api/v1/oidc/login")
        state = httpx.URL(begun.headers["location"]).params["state"]
        forged = await browser.get(f"{CALLBACK}?state={state}&code=forged")
        assert (forged.status_code, "refused the code" in forged.json()["detail"]) == (401, True)


async def test_a_provider_that_is_away_is_said_and_tokens_go_on(tmp_path: Path) -> None:
    chosen = await asyncio.to_thread(settings, tmp_path, "http://127.0.0.1:9")
    async with management(tmp_path, settings=chosen) as bed, bed.client(token="", origin=BASE) as browser:
        answer = await browser.get("/api/v1/oidc/login")
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:plugway:problem:oidc-provider-away"
        assert answer.headers["retry-after"]
        assert (await browser.post("/api/v1/session", json={"token": bed.token})).status_code == 200


async def test_another_issuer_than_was_meant_is_refused(tmp_path: Path, provider: Provider) -> None:
    chosen = await asyncio.to_thread(settings, tmp_path, provider.issuer + "/")
    async with management(tmp_path, settings=chosen) as bed, bed.client(token="") as browser:
        answer = await browser.get("/api/v1/oidc/login")
        assert (answer.status_code, "exactly" in answer.json()["hint"]) == (503, True)


async def test_without_a_provider_there_is_no_such_sign_in(tmp_path: Path) -> None:
    async with management(tmp_path) as bed, bed.client(token="") as browser:
        assert (await browser.get("/api/v1/sign-in")).json() == {"provider": "", "url": ""}
        assert (await browser.get("/api/v1/oidc/login")).status_code == 404
        assert (await browser.get("/api/v1/oidc/callback?code=x&state=y")).status_code == 401
    with pytest.raises(NoProvider):
        await OidcProvider(Settings.model_validate({})).begin(CALLBACK)


def test_roles_follow_from_claims() -> None:
    mapping = read_mapping("a=viewer, b=admin,c=d=operator")
    assert role_of({"groups": ["a", "b"]}, "groups", mapping) == "admin"
    assert role_of({"groups": "a"}, "groups", mapping) == "viewer"
    assert role_of({"realm": {"roles": ["c=d"]}}, "realm.roles", mapping) == "operator"
    assert role_of({"https://x.test/roles": ["a"]}, "https://x.test/roles", mapping) == "viewer"
    for claims in ({}, {"groups": None}, {"groups": [1, {}]}, {"groups": {"a": 1}}, {"groups": "A"}):
        assert role_of(claims, "groups", mapping) == ""
    assert role_of({}, "groups", read_mapping("*=viewer")) == "viewer"
    for bad in ("a", "a=root", "=admin", "a="):
        with pytest.raises(BadRoleMapping):
            read_mapping(bad)


async def test_a_provider_that_changed_its_keys_is_asked_for_the_new_ones(
    bed: Bed, provider: Provider
) -> None:
    """The key of the token is looked for at the provider before it is refused."""
    known: Any = bed.oidc
    stale = {"keys": [{"kty": "RSA", "kid": "old", "n": "AQAB", "e": "AQAB"}]}
    known._keys = stale
    async with bed.client(token="", origin=BASE) as browser:
        assert (await come_back(bed, browser, "ada")).status_code == 303
    assert known._keys != stale
