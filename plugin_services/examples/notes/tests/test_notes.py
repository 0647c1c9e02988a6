"""Notes over the contract: write, read, change, delete, search, page."""

from __future__ import annotations

from typing import Any

import pytest
from plugway_sdk.testing import PluginClient


async def add(client: PluginClient, **fields: Any) -> dict[str, Any]:
    note: dict[str, Any] = (await client.post("/notes", json=fields)).raise_for_status().json()
    return note


async def titles(client: PluginClient, **params: Any) -> list[str]:
    page = (await client.get("/notes", params=params)).raise_for_status().json()
    return [note["title"] for note in page["notes"]]


async def test_a_note_is_kept_with_its_author(client: PluginClient) -> None:
    note = await add(client, title=" Hello ", text="World")
    assert (note["title"], note["text"], note["author"], note["revision"]) == ("Hello", "World", "ann", 1)
    assert (await client.get(f"/notes/{note['id']}")).json() == note
    assert (await client.get("/notes")).json() == {"notes": [note], "total": 1, "next": None}


async def test_a_change_touches_what_it_names(client: PluginClient) -> None:
    note = await add(client, title="a", text="b")
    changed = (await client.patch(f"/notes/{note['id']}", json={"text": "c", "revision": 1})).json()
    assert (changed["title"], changed["text"], changed["revision"]) == ("a", "c", 2)
    assert changed["updated"] > note["updated"]
    assert changed["created"] == note["created"]


async def test_a_change_of_an_old_revision_is_refused(client: PluginClient) -> None:
    note = await add(client, title="a")
    path = f"/notes/{note['id']}"
    await client.patch(path, json={"title": "b", "revision": 1})
    answer = await client.patch(path, json={"title": "c", "revision": 1})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:plugway:problem:revision-conflict"
    assert (await client.get(path)).json()["title"] == "b"


async def test_a_deleted_note_is_gone(client: PluginClient) -> None:
    note = await add(client, title="a")
    assert (await client.delete(f"/notes/{note['id']}")).status_code == 204
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/attachments/1")):
        answer = await client.request(
            method, f"/notes/{note['id']}{path}", json={} if method == "PATCH" else None
        )
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert await titles(client, q="a") == []


async def test_pinned_ones_come_first_then_the_latest(client: PluginClient) -> None:
    for title in ("one", "two", "three"):
        await add(client, title=title)
    await add(client, title="pinned", pinned=True)
    await add(client, title="four")
    assert await titles(client) == ["pinned", "four", "three", "two", "one"]


async def test_pages_hold_every_note_once(client: PluginClient) -> None:
    for number in range(25):
        await add(client, title=str(number), pinned=number % 5 == 0)
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await client.get("/notes", params={"limit": 7, "cursor": cursor})).json()
        assert page["total"] == 25
        seen += [note["title"] for note in page["notes"]]
        if not (cursor := page["next"]):
            break
    assert sorted(seen, key=int) == [str(number) for number in range(25)]
    assert len(seen) == 25


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("milk", ["Shopping"]),
        ("MIL", ["Shopping"]),
        ("cafe", ["Café"]),
        ("milk eggs", ["Shopping"]),
        ("milk café", []),
        ('"; DROP TABLE notes; --', []),
        ("NEAR(a b) OR *", []),
        ("100%", ["Sale"]),
        ("%", ["Sale"]),
        ("!!!", []),
        ("  ", ["Sale", "Café", "Shopping"]),
    ],
)
async def test_search_finds_words_and_their_beginnings(
    client: PluginClient, query: str, found: list[str]
) -> None:
    await add(client, title="Shopping", text="Milk, eggs and bread")
    await add(client, title="Café", text="at noon")
    await add(client, title="Sale", text="100% off")
    assert await titles(client, q=query) == found


async def test_search_follows_changes(client: PluginClient) -> None:
    note = await add(client, title="old words")
    await client.patch(f"/notes/{note['id']}", json={"title": "new ones"})
    assert await titles(client, q="old") == []
    assert await titles(client, q="new") == ["new ones"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "x" * 201}, "/title"),
        ({"title": 5}, "/title"),
        ({"text": "x" * 100_001}, "/text"),
        ({"colour": "red"}, "/colour"),
        ([], "/"),
    ],
)
async def test_input_that_cannot_hold_is_refused_by_field(
    client: PluginClient, body: Any, field: str
) -> None:
    answer = await client.post("/notes", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await titles(client) == []


async def test_a_cursor_of_someone_elses_making_is_refused(client: PluginClient) -> None:
    answer = await client.get("/notes", params={"cursor": "1; DROP"})
    assert answer.status_code == 422


async def test_settings_show_and_bad_ones_change_nothing(client: PluginClient) -> None:
    assert (await client.get("/about")).json() == {"heading": "Notes", "maxAttachmentMib": 2}
    answer = await client.configure({"heading": "", "max_attachment_mib": 0})
    assert {error.field for error in answer.errors} == {"/heading", "/max_attachment_mib"}
    assert (await client.configure({"heading": "Team"})).accepted
    assert (await client.get("/about")).json() == {"heading": "Team", "maxAttachmentMib": 100}
