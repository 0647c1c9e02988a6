"""Tokens: what each may do, what ends them, and that their secrets are nowhere."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access.roles import Role
from gateway.api.rights import OPEN, RIGHTS, Scope
from gateway.model import Access, Endpoint, RouteRule, Token
from gateway.registry.records import PluginSettings
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.data_plane import Plane, route
from tests.fakes.management import BASE, Bed, management
from tests.fakes.proxy_fixtures import client, one, plane, plugin
from tests.samples import make_manifest

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

SECRET = "hunter2-very-secret"


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    async with management(tmp_path) as bed:
        await bed.install("notes")
        await bed.install("other")
        yield bed


async def make(bed: Bed, name: str, role: str = "", **more: Any) -> str:
    """A new token's secret."""
    async with bed.client() as admin:
        answer = await admin.post("/api/v1/tokens", json={"name": name, "role": role, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


RANKS = {"": 0, "viewer": 1, "operator": 2, "admin": 3}


@dataclass(frozen=True)
class Who:
    role: str
    grants: dict[str, str]

    def may(self, needed: Role | None, scope: Scope) -> bool:
        """What the documents promise: the role everywhere, the grant for notes where notes is meant."""
        grant = RANKS.get(self.grants.get("notes", ""), 0)
        rank = max(RANKS[self.role], grant if scope in (Scope.PLUGIN, Scope.ANY, Scope.ASKED) else 0)
        return needed is None or rank >= RANKS[needed.value]


PEOPLE = {
    "viewer": Who("viewer", {}),
    "operator": Who("operator", {}),
    "admin": Who("admin", {}),
    "user-of-notes": Who("", {"notes": "user"}),
    "viewer-of-notes": Who("", {"notes": "viewer"}),
    "operator-of-notes": Who("", {"notes": "operator"}),
    "admin-of-notes": Who("", {"notes": "admin"}),
    "operator-of-other": Who("", {"other": "operator"}),
    "viewer-and-operator-of-notes": Who("viewer", {"notes": "operator"}),
}
# Each ends the session, the stream or the plugin that the others need.
LAST = ("followEvents", "readLogs", "uninstallPlugin", "signOut")


@pytest.mark.parametrize("name", PEOPLE)
async def test_every_route_for_every_kind_of_token(bed: Bed, name: str) -> None:
    who = PEOPLE[name]
    secret = await make(bed, f"the-{name}", who.role, grants=who.grants)
    walked = 0
    async with bed.client(token=secret) as caller:
        for right in RIGHTS:
            if right.open or right.act in LAST:
                continue
            path = right.path.replace("{id}", "notes").replace("{name}", "nobody").replace("{sha256}", "00")
            answer = await caller.request(right.method, path)
            refused = answer.status_code == 403
            # "other" is one plugin to see; what is about notes or about all stays closed.
            somewhere = right.scope is Scope.ANY and who.grants.get("other") == "operator"
            assert refused is not (who.may(right.role, right.scope) or somewhere), (right, answer.text)
            if refused:
                assert answer.json()["type"] == "urn:plugway:problem:role-too-low"
            walked += 1
    assert walked + len(LAST) + len(OPEN) == len(RIGHTS)


async def test_a_viewer_changes_nothing_and_sees_no_secret(bed: Bed) -> None:
    settings = PluginSettings(values={"url": "visible"}, secrets={"/password": SECRET}, revision=3)
    release = bed.store.plugin("notes").release_id  # type: ignore[arg-type]
    await bed.store.record_facts(release, make_manifest(bed.store.release(release).release), None)
    await bed.store.update_plugin("notes", settings=settings)  # type: ignore[arg-type]
    before = (bed.store.plugins(), list(bed.lifecycle.acts))
    async with bed.client(token=await make(bed, "vera", "viewer")) as viewer:
        for right in RIGHTS:
            path = right.path.replace("{id}", "notes").replace("{name}", "vera").replace("{sha256}", "00")
            if right.act in ("followEvents", "readLogs"):
                continue
            answer = await viewer.request(right.method, path, json={})
            assert SECRET not in answer.text, right
            if right.method not in ("GET", "HEAD") and not right.open:
                assert answer.status_code == 403 or right.act in ("verifyPlugin", "signOut"), right
    assert (bed.store.plugins(), bed.lifecycle.acts) == before
    assert [token.name for token in bed.tokens.all()] == ["vera"]


async def test_a_grant_shows_its_plugin_and_no_other(bed: Bed) -> None:
    secret = await make(bed, "ci", grants={"notes": "operator"})
    async with bed.client(token=secret) as ci:
        listed = (await ci.get("/api/v1/plugins")).json()["plugins"]
        assert [entry["id"] for entry in listed] == ["notes"]
        assert (await ci.post("/api/v1/plugins/notes/restart")).status_code == 200
        assert (await ci.post("/api/v1/plugins/other/restart")).status_code == 403
        for query in ("", "?plugin=other", "?plugin=notes&plugin=", "?plugin=notes&plugin=other"):
            assert (await ci.get(f"/api/v1/events{query}")).status_code == 403, query
        assert (await ci.get("/api/v1/session")).json() == {
            "user": "ci",
            "role": "",
            "grants": {"notes": "operator"},
        }
    assert ("restart", "other") not in bed.lifecycle.acts


async def test_the_secret_is_shown_once_and_is_nowhere(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = await make(bed, "ci", "viewer")
    assert len(secret) > 43
    async with bed.client(token=secret) as ci:
        assert (await ci.get("/api/v1/plugins")).status_code == 200
    async with bed.client() as admin:
        listed = await admin.get("/api/v1/tokens")
        events = [event.data for event in bed.events.since(0)]
    (shown,) = listed.json()["tokens"]
    assert (shown["name"], shown["role"], shown["expired"]) == ("ci", "viewer", False)
    assert shown["usedAt"] is not None
    for text in (listed.text, str(events), caplog.text, repr(bed.tokens.all())):
        assert secret not in text
    assert bed.tokens.all()[0].digest.hex() not in listed.text
    found = await asyncio.to_thread(lambda: [p.read_bytes() for p in bed.home.rglob("*") if p.is_file()])
    assert any(bed.tokens.all()[0].digest.hex().encode() in content for content in found)
    assert not any(secret.encode() in content for content in found)


async def test_revoked_is_refused_from_the_next_call_on(bed: Bed) -> None:
    secret = await make(bed, "ci", "operator")
    async with bed.client(token="", origin=BASE) as browser, bed.client(token=secret) as program:
        assert (await browser.post("/api/v1/session", json={"token": secret})).status_code == 200
        for caller in (browser, program):
            assert (await caller.get("/api/v1/plugins")).status_code == 200
        async with bed.client() as admin:
            assert (await admin.delete("/api/v1/tokens/ci")).status_code == 204
            assert (await admin.delete("/api/v1/tokens/ci")).status_code == 404
        for caller in (browser, program):
            assert (await caller.get("/api/v1/plugins")).status_code == 401
        assert (await browser.post("/api/v1/session", json={"token": secret})).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"name": "ci"}, "/role"),
        ({"name": "ci", "role": "root"}, "/role"),
        ({"name": "ci", "role": "user"}, "/role"),
        ({"name": "", "role": "viewer"}, "/name"),
        ({"name": "admin", "role": "viewer"}, "/name"),
        ({"name": "a b", "role": "viewer"}, "/name"),
        ({"name": "ci", "grants": {"Notes": "user"}}, "/grants/Notes"),
        ({"name": "ci", "grants": {"notes": "owner"}}, "/grants/notes"),
        ({"name": "ci", "role": "viewer", "expiresAt": "2020-01-01T00:00:00Z"}, "/expiresAt"),
        ({"name": "ci", "role": "viewer", "expiresAt": "2999-01-01T00:00:00"}, "/expiresAt"),
        ({"name": "ci", "role": "viewer", "secret": "mine"}, "/secret"),
    ],
)
async def test_what_makes_no_token(bed: Bed, wanted: dict[str, Any], field: str) -> None:
    async with bed.client() as admin:
        answer = await admin.post("/api/v1/tokens", json=wanted)
    assert answer.status_code == 422
    assert [entry["field"] for entry in answer.json()["errors"]] == [field]
    assert bed.tokens.all() == ()


async def test_names_are_unique_and_the_admin_token_is_a_file(bed: Bed) -> None:
    await make(bed, "ci", "viewer")
    async with bed.client() as admin:
        again = await admin.post("/api/v1/tokens", json={"name": "ci", "role": "admin"})
        assert (again.status_code, again.json()["type"]) == (409, "urn:plugway:problem:token-name-taken")
        own = await admin.delete("/api/v1/tokens/admin")
        assert (own.status_code, own.json()["type"]) == (409, "urn:plugway:problem:token-of-home")
        assert (await admin.get("/api/v1/plugins")).status_code == 200


async def test_tokens_outlive_a_restart_and_expire(tmp_path: Path) -> None:
    async with management(tmp_path) as first:
        kept = await make(first, "kept", "viewer")
        soon = datetime.now(UTC) + timedelta(seconds=0.5)
        short = await make(first, "short", "viewer", expiresAt=soon.isoformat())
    async with management(tmp_path) as second:
        async with second.client(token=kept) as caller:
            assert (await caller.get("/api/v1/plugins")).status_code == 200
        async with second.client(token=short) as caller:
            while datetime.now(UTC) <= soon:  # noqa: ASYNC110  nothing announces the end of a time
                await asyncio.sleep(0.05)
            assert (await caller.get("/api/v1/plugins")).status_code == 401
        async with second.client() as admin:
            shown = {t["name"]: t["expired"] for t in (await admin.get("/api/v1/tokens")).json()["tokens"]}
        assert shown == {"kept": False, "short": True}


# Routes of plugins

RULES = (
    RouteRule(path_prefix="/open", access=Access.PUBLIC),
    RouteRule(path_prefix="/admin", access=Access.ADMIN),
)
CALLS = [("GET", "open"), ("POST", "open"), ("GET", "x"), ("HEAD", "x"), ("POST", "x"), ("GET", "admin/x")]
EVERYBODY = [200, 200]
MATRIX = {
    "nobody": (None, [*EVERYBODY, 401, 401, 401, 401]),
    "viewer": (Who("viewer", {}), [*EVERYBODY, 200, 200, 403, 403]),
    "operator": (Who("operator", {}), [*EVERYBODY, 200, 200, 200, 403]),
    "admin": (Who("admin", {}), [*EVERYBODY, 200, 200, 200, 200]),
    "viewer-of-it": (Who("", {"notes": "viewer"}), [*EVERYBODY, 200, 200, 403, 403]),
    "user-of-it": (Who("", {"notes": "user"}), [*EVERYBODY, 200, 200, 200, 403]),
    "operator-of-it": (Who("", {"notes": "operator"}), [*EVERYBODY, 200, 200, 200, 403]),
    "admin-of-it": (Who("", {"notes": "admin"}), [*EVERYBODY, 200, 200, 200, 200]),
    "user-of-all": (Who("", {"*": "user"}), [*EVERYBODY, 200, 200, 200, 403]),
    "viewer-and-user": (Who("viewer", {"notes": "user"}), [*EVERYBODY, 200, 200, 200, 403]),
    "admin-of-another": (Who("", {"other": "admin"}), [*EVERYBODY, 403, 403, 403, 403]),
    "no-role": (Who("", {}), [*EVERYBODY, 403, 403, 403, 403]),
}


def known(plane: Plane, who: Who | None) -> dict[str, str]:
    """The header of a token of these rights, which the plane knows from now on."""
    if who is None:
        return {}
    digest = hashlib.sha256(b"testing").digest()
    token = Token(id="t", name="testdata", digest=digest, role=who.role, grants=tuple(who.grants.items()))
    plane.gatekeeper.set_tokens((token,))
    return {"authorization": "Bearer testing"}


@pytest.mark.parametrize("name", MATRIX)
async def test_routes_of_a_plugin_by_role_and_grant(
    plugin: ContractPlugin, plane: Plane, one: Endpoint, name: str
) -> None:
    who, expected = MATRIX[name]
    plane.publish(route(one, rules=RULES))
    seen = []
    async with httpx.AsyncClient(base_url=plane.url, headers=known(plane, who)) as caller:
        for method, path in CALLS:
            answer = await caller.request(method, f"/plugins/notes/api/{path}")
            seen.append(answer.status_code)
            if answer.status_code == 403:
                assert answer.json()["hint"] if method != "HEAD" else True
    assert seen == expected
    assert len(plugin.calls) == expected.count(200)


async def test_a_viewer_opens_no_websocket(plugin: ContractPlugin, plane: Plane) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    headers = known(plane, Who("viewer", {}))
    address = f"ws://127.0.0.1:{plane.port}/plugins/notes/api/ws"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address, additional_headers=headers):
            pass
    assert refused.value.response.status_code == 403


async def test_the_plugin_hears_what_the_caller_is_to_it(plugin: ContractPlugin, plane: Plane) -> None:
    headers = known(plane, Who("viewer", {"notes": "user"}))
    async with httpx.AsyncClient(base_url=plane.url, headers=headers) as caller:
        context = (await caller.post("/plugins/notes/api/x")).json()["context"]
    assert (context["user"], context["role"]) == ("testdata", "user")


async def test_an_unknown_plugin_is_no_news_to_who_was_granted_another(plane: Plane) -> None:
    headers = known(plane, Who("", {"notes": "admin"}))
    async with httpx.AsyncClient(base_url=plane.url, headers=headers) as caller:
        assert (await caller.get("/plugins/secret-plan/api/x")).status_code == 403
        assert (await caller.get("/plugins/secret-plan/ui/")).status_code == 403


async def test_what_the_plane_knows_ends_with_a_revocation(plugin: ContractPlugin, plane: Plane) -> None:
    headers = known(plane, Who("operator", {}))
    async with httpx.AsyncClient(base_url=plane.url, headers=headers) as caller:
        assert (await caller.get("/plugins/notes/api/x")).status_code == 200
        plane.gatekeeper.set_tokens(())
        assert (await caller.get("/plugins/notes/api/x")).status_code == 401


async def test_a_token_that_could_not_be_stored_is_no_token(bed: Bed) -> None:
    before = bed.gatekeeper.board.current
    holder = sqlite3.connect(bed.home / "test.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    async with bed.client() as admin:
        answer = await admin.post("/api/v1/tokens", json={"name": "ci", "role": "admin"}, timeout=30)
    assert answer.status_code == 503
    assert "secret" not in answer.json()
    assert bed.gatekeeper.board.current == before
    holder.execute("ROLLBACK")
    holder.close()
