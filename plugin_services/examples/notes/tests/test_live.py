"""Server-sent events: every open page hears of every change."""

from __future__ import annotations

from notes.live import Live
from plugway_sdk.testing import PluginClient


async def test_every_page_hears_of_every_change(client: PluginClient) -> None:
    async with client.stream("GET", "/events") as one, client.stream("GET", "/events") as two:
        pages = [one.aiter_events(), two.aiter_events()]
        assert [(await anext(page)).event for page in pages] == ["reload", "reload"]
        note = (await client.post("/notes", json={"title": "seen"})).json()
        path = f"/notes/{note['id']}"
        changed = (await client.patch(path, json={"pinned": True})).json()
        await client.post(f"{path}/attachments", params={"name": "a"}, content="x")
        await client.delete(path)
        for page in pages:
            events = [await anext(page) for _ in range(4)]
            assert [event.event for event in events] == ["added", "changed", "changed", "removed"]
            assert events[0].json() == note
            assert events[1].json() == changed
            assert events[2].json()["attachments"][0]["name"] == "a"
            assert events[3].json() == {"id": note["id"]}


async def test_a_page_that_falls_behind_is_told_to_load_again() -> None:
    live = Live()
    stream = live.stream()
    assert "reload" in await anext(stream)
    pending = anext(stream)
    live.publish("changed", "{}")
    for _ in range(300):
        live.publish("changed", "{}")
    seen = [await pending]
    while "event: reload" not in seen[-1]:
        seen.append(await anext(stream))
    assert len(seen) < 300
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator in fact
