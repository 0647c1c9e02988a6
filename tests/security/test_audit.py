"""The audit log: every act of management, who tried it and what came of it; and no secret."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.api.rights import RIGHTS
from gateway.registry.audit_chain import check_chain
from gateway.registry.errors import RegistryUnavailable
from tests.fakes.management import BASE, Bed, management

SECRET = "hunter2-very-secret"
ACTS = [right for right in RIGHTS if right.method not in ("GET", "HEAD")]


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    async with management(tmp_path) as bed:
        await bed.install("notes")
        yield bed


async def entries(bed: Bed) -> list[dict[str, Any]]:
    """Oldest first."""
    return [entry async for entry in bed.store.audit.all()]


def path_of(path: str) -> str:
    return path.replace("{id}", "notes").replace("{name}", "nobody").replace("{sha256}", "00")


@pytest.mark.parametrize("right", ACTS, ids=[right.act for right in ACTS])
async def test_every_act_is_written_down_done_or_refused(bed: Bed, right: Any) -> None:
    admin, viewer = bed.client(**{"x-request-id": "of-the-admin"}), bed.client(token="wrong")
    async with admin, viewer:
        answer = await admin.request(right.method, path_of(right.path), json={"nothing": 1})
        assert answer.headers["x-request-id"] == "of-the-admin"
        refused = await viewer.request(right.method, path_of(right.path), json={"nothing": 1})
    written = await entries(bed)
    assert check_chain(written).problem == ""
    if right.open:
        # Signing in is written once, with its outcome.
        assert [entry["phase"] for entry in written] == ["refused", "refused"]
        return
    begun, done, no = written
    for entry in (begun, done):
        assert (entry["act"], entry["user"], entry["role"], entry["by"]) == (
            right.act,
            "admin",
            "admin",
            "token",
        )
        assert (entry["from"], entry["request"]) == ("127.0.0.1", "of-the-admin")
        named = [name for name in ("id", "name") if f"{{{name}}}" in right.path]
        assert [*entry["on"]] == named
    assert (begun["phase"], done["phase"], done["begun"]) == ("begun", "done", begun["seq"])
    assert done["status"] == answer.status_code
    assert (no["phase"], no["status"], no["user"], no["act"]) == ("refused", 401, "", right.act)
    assert no["request"] == refused.headers["x-request-id"]


async def test_who_may_not_is_named(bed: Bed) -> None:
    session = bed.gatekeeper.start_session("vera", "viewer")
    async with bed.client(token="", cookie=f"plugway_session={session}", origin=BASE) as viewer:
        await viewer.delete("/api/v1/plugins/notes")
        await viewer.get("/api/v1/plugins")
    (entry,) = await entries(bed)
    assert (entry["act"], entry["phase"], entry["status"]) == ("uninstallPlugin", "refused", 403)
    assert (entry["user"], entry["role"], entry["by"], entry["on"]) == (
        "vera",
        "viewer",
        "session",
        {"id": "notes"},
    )
    assert entry["problem"] == "role-too-low"


async def test_a_forged_request_is_written_down_as_refused(bed: Bed) -> None:
    session = bed.gatekeeper.start_session()
    async with bed.client(token="", cookie=f"plugway_session={session}", origin="http://evil.test") as page:
        assert (await page.post("/api/v1/plugins/notes/disable")).status_code == 403
    async with bed.client(host="evil.test") as rebound:
        assert (await rebound.post("/api/v1/plugins/notes/disable")).status_code == 421
    assert [(e["phase"], e["problem"]) for e in await entries(bed)] == [
        ("refused", "cross-origin"),
        ("refused", "host-refused"),
    ]


async def test_signing_in_and_out(bed: Bed) -> None:
    code = bed.gatekeeper.new_login_code()
    async with bed.client(token="", origin=BASE) as browser:
        assert (await browser.get(f"/login?code={code}")).status_code == 303
        assert (await browser.get(f"/login?code={code}")).status_code == 401
        assert (await browser.post("/api/v1/session", json={"token": bed.token})).status_code == 200
        assert (await browser.post("/api/v1/session", json={"token": SECRET})).status_code == 401
        assert (await browser.post("/api/v1/logout")).status_code == 204
    written = await entries(bed)
    told = [(e["act"], e["phase"], e.get("status"), e.get("facts", {}).get("user")) for e in written]
    assert told == [
        ("redeemLoginLink", "done", 303, "admin"),
        ("redeemLoginLink", "refused", 401, None),
        ("signIn", "done", 200, "admin"),
        ("signIn", "refused", 401, None),
        ("signOut", "begun", None, None),
        ("signOut", "done", 204, None),
    ]
    text_ = json.dumps(written)
    assert code not in text_
    assert bed.token not in text_
    assert SECRET not in text_


async def test_no_secret_is_in_it(bed: Bed) -> None:
    async with bed.client() as admin:
        values = {"url": SECRET, "password": SECRET}
        await admin.put("/api/v1/plugins/notes/settings", json={"values": values})
        made = await admin.post("/api/v1/tokens", json={"name": "ci", "grants": {"notes": "user"}})
        await admin.post("/api/v1/login-links")
        await admin.request("POST", f"/api/v1/plugins/notes/restart?secret={SECRET}", content=SECRET.encode())
    written = await entries(bed)
    whole = json.dumps(written)
    assert SECRET not in whole
    assert made.json()["secret"] not in whole
    facts = {entry["act"]: entry["facts"] for entry in written if entry.get("facts")}
    assert facts["changeSettings"] == {"settings": ["password", "url"], "dry_run": False}
    assert facts["createToken"] == {"name": "ci", "role": "", "grants": {"notes": "user"}, "expires": "never"}


async def fill_the_disk(bed: Bed) -> None:
    """From now on the database may not grow: what SQLite then says is what it says of a full disk."""
    async with bed.store._database._engine.connect() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        # What is left in the last page goes first.
    for size in (2000, 100, 0):
        with pytest.raises(RegistryUnavailable, match="space"):
            await fill(bed, size)


async def fill(bed: Bed, size: int) -> None:
    for _ in range(200):
        await bed.store.audit.append({"filler": "x" * size})


async def test_a_full_disk_refuses_the_act(bed: Bed) -> None:
    await fill_the_disk(bed)
    before, acts = bed.store.plugins(), list(bed.lifecycle.acts)
    async with bed.client(origin=BASE) as admin:
        for method, path in (
            ("POST", "/api/v1/plugins/notes/disable"),
            ("DELETE", "/api/v1/plugins/notes"),
            ("POST", "/api/v1/plugins/notes/restart"),
        ):
            answer = await admin.request(method, path)
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:plugway:problem:audit-unavailable"
            assert "space" in answer.json()["detail"]
            assert answer.headers["retry-after"]
        # Reading goes on.
        assert (await admin.get("/api/v1/plugins")).status_code == 200
    async with bed.client(token="", origin=BASE) as browser:
        for answer in (
            await browser.post("/api/v1/session", json={"token": bed.token}),
            await browser.get(f"/login?code={bed.gatekeeper.new_login_code()}"),
        ):
            assert answer.status_code == 503
            assert "set-cookie" not in answer.headers
    assert (bed.store.plugins(), bed.lifecycle.acts) == (before, acts)


async def test_an_outcome_that_cannot_be_written_is_in_the_log(
    bed: Bed, caplog: pytest.LogCaptureFixture
) -> None:
    """The act is done by then; its beginning is in the audit log."""
    caplog.set_level(logging.ERROR)
    holder = sqlite3.connect(bed.home / "test.db", isolation_level=None, check_same_thread=False)
    restart = bed.lifecycle.restart

    async def held(plugin: Any) -> None:
        await restart(plugin)
        await asyncio.to_thread(holder.execute, "BEGIN EXCLUSIVE")

    bed.lifecycle.restart = held  # type: ignore[assignment,method-assign]
    async with bed.client() as admin:
        assert (await admin.post("/api/v1/plugins/notes/restart", timeout=30)).status_code == 200
    holder.execute("ROLLBACK")
    holder.close()
    (begun,) = await entries(bed)
    assert (begun["act"], begun["phase"]) == ("restartPlugin", "begun")
    assert '"phase": "done"' in caplog.text
    assert "restartPlugin" in caplog.text


async def test_an_act_that_breaks_is_written_down_as_broken(bed: Bed) -> None:
    bed.lifecycle.failure = RuntimeError("ours")
    async with bed.client() as admin:
        assert (await admin.post("/api/v1/plugins/notes/restart")).status_code == 500
    assert [(e["phase"], e.get("status")) for e in await entries(bed)] == [("begun", None), ("done", 500)]


async def test_strangers_do_not_fill_the_disk(bed: Bed) -> None:
    async with bed.client(token="wrong", origin=BASE) as stranger:
        for _ in range(100):
            await stranger.post("/api/v1/plugins/notes/restart")
            await stranger.post("/api/v1/session", json={"token": "guess"})
    written = await entries(bed)
    assert 60 <= len(written) < 150
    assert {entry["phase"] for entry in written} == {"refused"}


async def test_only_an_administrator_reads_it(bed: Bed) -> None:
    async with bed.client() as admin:
        for number in range(3):
            await admin.post("/api/v1/plugins/notes/restart", headers={"x-request-id": f"number-{number}"})
        page = (await admin.get("/api/v1/audit?limit=4")).json()["entries"]
        assert [entry["seq"] for entry in page] == [6, 5, 4, 3]
        rest = (await admin.get("/api/v1/audit?before=3")).json()["entries"]
        assert [entry["seq"] for entry in rest] == [2, 1]
        assert (await admin.get("/api/v1/audit?since=2999-01-01T00:00:00Z")).json()["entries"] == []
        exported = await admin.get("/api/v1/audit/export")
        assert exported.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in exported.text.splitlines()]
        checked = check_chain(lines)
        assert (checked.problem, checked.entries, checked.head) == ("", 6, 6)
    session = bed.gatekeeper.start_session("vera", "operator")
    async with bed.client(token="", cookie=f"plugway_session={session}", origin=BASE) as operator:
        for path in ("/api/v1/audit", "/api/v1/audit/export"):
            assert (await operator.get(path)).status_code == 403


async def test_what_was_changed_under_the_gateway_shows(bed: Bed) -> None:
    async with bed.client() as admin:
        for _ in range(3):
            await admin.post("/api/v1/plugins/notes/restart")

        def tamper() -> None:
            with sqlite3.connect(bed.home / "test.db") as connection:
                connection.execute("DROP TRIGGER audit_keeps")
                connection.execute(
                    "UPDATE audit SET entry = replace(entry, 'restartPlugin', 'readSettings') WHERE seq = 3"
                )
            connection.close()

        await asyncio.to_thread(tamper)
        lines = [json.loads(line) for line in (await admin.get("/api/v1/audit/export")).text.splitlines()]
    assert check_chain(lines).problem == "Entry 3 was changed: its hash does not hold."
