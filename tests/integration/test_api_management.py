"""The management API over a real registry: acts, refusals, errors."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from gateway.errors import Unavailable
from gateway.model import Manifest, PluginId, PluginState
from gateway.registry.records import PluginSettings
from gateway.routing import Route
from gateway.supervisor.settings_moves import Configured
from tests.fakes.documented import Documented
from tests.fakes.management import Bed, Line, management

SCHEMA = {
    "type": "object",
    "properties": {"url": {"type": "string"}, "password": {"type": "string", "writeOnly": True}},
    "required": ["url"],
}
NOTES = Manifest(
    plugin_id=PluginId("notes"),
    version="1.0.0",
    name="Notes",
    description="Takes notes.",
    settings_schema=SCHEMA,
)


# Every answer of every test here is held against the document, which takes a while to make.
_documented: list[Documented] = []


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    async with management(tmp_path) as bed:
        yield bed


@pytest.fixture
async def client(bed: Bed) -> AsyncIterator[httpx.AsyncClient]:
    async with bed.client() as client:
        if not _documented:
            _documented.append(Documented((await client.get("/openapi.json")).json()))
        client.event_hooks["response"].extend(_documented)
        yield client


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:plugway:problem:{kind}"
    assert document["status"] == status
    assert document["title"]
    return document


async def test_a_plugin_is_installed_shown_and_removed(client: httpx.AsyncClient, bed: Bed) -> None:
    made = await client.post("/api/v1/plugins", json={"id": "notes"})
    assert made.status_code == 201
    assert made.headers["location"] == "/api/v1/plugins/notes"
    await bed.store.record_facts(bed.store.plugin(PluginId("notes")).release_id, NOTES, None)
    shown = (await client.get("/api/v1/plugins/notes")).json()
    assert shown["state"] == "healthy"
    assert shown["description"] == "Takes notes."
    assert shown["hasSettings"] is True
    assert shown["settingsRequired"] is True
    assert shown["definition"]["id"] == "notes"
    assert shown["ui"] == {"type": "static", "url": "/plugins/notes/ui/"}
    assert shown["retryAt"] is None
    assert shown["instances"][0]["startedAt"] == "2023-11-14T22:13:20Z"
    assert (await client.get("/api/v1/plugins")).json()["plugins"] == [shown]
    assert (await client.get("/api/v1/plugins/notes/instances")).json()["instances"] == shown["instances"]
    [release] = (await client.get("/api/v1/plugins/notes/releases")).json()["releases"]
    assert release["current"] is True
    assert release["lock"]["id"] == release["id"] == shown["releaseId"]
    for act in ("disable", "enable", "restart"):
        answer = await client.post(f"/api/v1/plugins/notes/{act}")
        assert answer.json()["enabled"] is (act != "disable")
    assert (await client.delete("/api/v1/plugins/notes?purge=true")).status_code == 204
    problem(await client.get("/api/v1/plugins/notes"), 404, "unknown-plugin")
    assert [act for act, _ in bed.lifecycle.acts] == ["install", "disable", "enable", "restart", "purge"]


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        ({"id": "notes", "verified": True}, "/verified"),
        ({"id": "notes", "verified": False}, "/verified"),
        ({"id": "notes", "colour": "blue"}, "/colour"),
        ({"id": "notes", "uiConfig": {"colour": "blue"}}, "/uiConfig/colour"),
        ({"id": "../../etc"}, "/id"),
        ({"id": ""}, "/id"),
        ({"id": 7}, "/id"),
        ({}, "/id"),
        ({"id": "notes", "source": "the-moon"}, "/source"),
        ({"id": "notes", "source": "external"}, "/sourceUrl"),
        ({"id": "notes", "checksum": "sha256:abc"}, "/checksum"),
        ({"id": "notes", "version": "1" * 5000}, "/version"),
    ],
)
async def test_a_bad_definition_is_refused_by_field_and_installs_nothing(
    client: httpx.AsyncClient, bed: Bed, definition: dict[str, Any], field: str
) -> None:
    document = problem(await client.post("/api/v1/plugins", json=definition), 422, "bad-input")
    assert field in {error["field"] for error in document["errors"]}
    assert bed.store.plugins() == ()
    assert bed.lifecycle.acts == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"id": NaN', b"nope"])
async def test_what_is_no_json_is_said_to_be_none(client: httpx.AsyncClient, bed: Bed, body: bytes) -> None:
    problem(await client.post("/api/v1/plugins", content=body), 400, "malformed-json")
    await bed.install("notes")
    put = await client.put(
        "/api/v1/plugins/notes/settings", content=body, headers={"content-type": "application/json"}
    )
    assert put.status_code in (400, 422)
    assert put.headers["content-type"] == "application/problem+json"


async def test_a_second_installation_is_a_conflict(client: httpx.AsyncClient, bed: Bed) -> None:
    await bed.install("notes")
    problem(await client.post("/api/v1/plugins", json={"id": "notes"}), 409, "already-installed")


async def test_a_body_that_is_too_large_is_not_read(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        sent = 0
        while True:
            sent += 65536
            assert sent < 2**22, "it goes on reading"
            yield b" " * 65536

    large = await client.post("/api/v1/plugins", content=b" " * (2**20 + 1))
    problem(large, 413, "body-too-large")
    problem(await client.post("/api/v1/plugins", content=endless()), 413, "body-too-large")
    for content in (b" " * (2**20 + 1), endless()):
        headers = {"content-type": "application/json"}
        settings = await client.put("/api/v1/plugins/x/settings", content=content, headers=headers)
        problem(settings, 413, "body-too-large")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/plugins/nots"),
        ("DELETE", "/api/v1/plugins/nots"),
        ("POST", "/api/v1/plugins/nots/enable"),
        ("POST", "/api/v1/plugins/nots/disable"),
        ("POST", "/api/v1/plugins/nots/restart"),
        ("GET", "/api/v1/plugins/nots/settings"),
        ("GET", "/api/v1/plugins/nots/logs"),
        ("GET", "/api/v1/plugins/nots/instances"),
        ("GET", "/api/v1/plugins/nots/releases"),
        ("GET", "/api/v1/plugins/%2e%2e"),
    ],
)
async def test_an_unknown_plugin_is_named(
    client: httpx.AsyncClient, bed: Bed, method: str, path: str
) -> None:
    await bed.install("notes")
    document = problem(await client.request(method, path), 404, "unknown-plugin")
    if "nots" in path:
        assert document["plugin"] == "nots"
        assert "notes" in document["hint"]


async def test_an_unknown_path_and_method_are_problems(client: httpx.AsyncClient) -> None:
    problem(await client.get("/api/v1/nothing"), 404, "not-found")
    problem(await client.get("/api/v1/plugins/"), 404, "not-found")
    answer = await client.patch("/api/v1/plugins")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_head_is_get_without_the_body(client: httpx.AsyncClient, bed: Bed) -> None:
    await bed.install("notes")
    for path in ("/api/v1/plugins", "/openapi.json", "/api/v1/nothing", "/healthz"):
        head, get = await client.head(path), await client.get(path)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        own = {"x-request-id", "date"}
        assert {k: v for k, v in head.headers.items() if k not in own} == {
            k: v for k, v in get.headers.items() if k not in own
        }, path
    # Of what goes on without end the head alone.
    stream = await client.head("/api/v1/events")
    assert (stream.status_code, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    async with bed.client(token="") as nobody:
        assert (await nobody.head("/api/v1/plugins")).status_code == 401


async def test_options_tells_what_a_path_takes(client: httpx.AsyncClient, bed: Bed) -> None:
    answer = await client.options("/api/v1/plugins/notes")
    assert (answer.status_code, answer.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS")
    problem(await client.options("/api/v1/nothing"), 404, "not-found")
    async with bed.client(token="") as nobody:
        assert (await nobody.options("/api/v1/plugins")).status_code == 401


async def test_a_bad_query_is_refused_by_name(client: httpx.AsyncClient, bed: Bed) -> None:
    await bed.install("notes")
    for query, name in (("tail=-1", "?tail"), ("tail=x", "?tail"), ("follow=perhaps", "?follow")):
        document = problem(await client.get(f"/api/v1/plugins/notes/logs?{query}"), 422, "bad-input")
        assert [error["field"] for error in document["errors"]] == [name]


async def test_settings_are_shown_without_secrets(client: httpx.AsyncClient, bed: Bed) -> None:
    settings = PluginSettings(values={"url": "redis://x"}, secrets={"/password": "hunter2"}, revision=3)
    await bed.install("notes", NOTES, settings=settings)
    answer = await client.get("/api/v1/plugins/notes/settings")
    assert answer.json() == {
        "schema": SCHEMA,
        "values": {"url": "redis://x"},
        "secretsSet": ["/password"],
        "revision": 3,
        "earlierForm": False,
        "carried": None,
    }
    for path in (
        "/api/v1/plugins",
        "/api/v1/plugins/notes",
        "/openapi.json",
        "/api/v1/plugins/notes/releases",
    ):
        assert "hunter2" not in (await client.get(path)).text


async def test_settings_in_an_earlier_form_tell_what_has_a_place_in_this_one(
    client: httpx.AsyncClient, bed: Bed
) -> None:
    values = {"url": "redis://x", "db": 3}
    secrets = {"/password": "hunter2", "/key": "hunter3"}
    await bed.install(
        "notes", replace(NOTES, settings_version=2), settings=PluginSettings(values=values, secrets=secrets)
    )
    answer = await client.get("/api/v1/plugins/notes/settings")
    shown = answer.json()
    assert (shown["values"], shown["earlierForm"]) == (values, True)
    assert shown["carried"] == {
        "values": {"url": "redis://x"},
        "secretsSet": ["/password"],
        "left": [
            {"pointer": "/db", "value": 3, "secret": False},
            {"pointer": "/key", "value": None, "secret": True},
        ],
    }
    assert "hunter" not in answer.text


async def test_settings_are_changed_tried_and_refused(client: httpx.AsyncClient, bed: Bed) -> None:
    await bed.install("notes", NOTES)
    path = "/api/v1/plugins/notes/settings"
    changed = await client.put(path, json={"values": {"url": "redis://y"}})
    assert changed.json() == {"revision": 1, "dryRun": False, "restartRequired": False, "rollout": None}
    tried = await client.put(path, json={"values": {"url": "redis://z"}, "dryRun": True})
    assert tried.json() == {"revision": 1, "dryRun": True, "restartRequired": False, "rollout": None}
    bed.lifecycle.answer = Configured(accepted=False, errors={"/url": "no such host"})
    refused = await client.put(path, json={"values": {"url": "redis://nowhere"}})
    document = problem(refused, 422, "settings-refused")
    assert document["errors"] == [{"field": "/url", "message": "no such host"}]
    assert document["plugin"] == "notes"
    assert (await client.get(path)).json()["values"] == {"url": "redis://y"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "/values"),
        ({"values": [], "dryRun": False}, "/values"),
        ({"values": {}, "more": 1}, "/more"),
        ({"values": {}, "dryRun": "perhaps"}, "/dryRun"),
    ],
)
async def test_a_bad_change_is_refused_by_field(
    client: httpx.AsyncClient, bed: Bed, body: Any, field: str
) -> None:
    await bed.install("notes", NOTES)
    document = problem(await client.put("/api/v1/plugins/notes/settings", json=body), 422, "bad-input")
    assert [error["field"] for error in document["errors"]] == [field]


async def test_an_unexpected_error_says_nothing_of_the_inside(
    client: httpx.AsyncClient, bed: Bed, caplog: pytest.LogCaptureFixture
) -> None:
    await bed.install("notes")
    bed.lifecycle.failure = RuntimeError("cannot open /srv/secret/place of table plugins")
    answer = await client.post("/api/v1/plugins/notes/restart")
    document = problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    # The operator finds it in the log by the same name.
    assert document["instance"].startswith("urn:plugway:failure:")
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert document["instance"] in record.getMessage()


async def test_what_is_away_says_when_to_try_again(client: httpx.AsyncClient, bed: Bed) -> None:
    await bed.install("notes")
    bed.lifecycle.failure = Unavailable("Not now.", reason="starting", plugin="notes", retry_after=1.2)
    answer = await client.post("/api/v1/plugins/notes/restart")
    assert problem(answer, 503, "unavailable")["reason"] == "starting"
    assert answer.headers["retry-after"] == "2"


async def test_logs_are_lines_of_json(client: httpx.AsyncClient, bed: Bed) -> None:
    await bed.install("notes")
    bed.supervisor.lines = [Line(1.0, "notes.1", "one"), Line(0.0, "notes.1", "two\u2028\n")]
    answer = await client.get("/api/v1/plugins/notes/logs")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.split("\n") if line]
    assert lines == [
        {"at": "1970-01-01T00:00:01Z", "instance": "notes.1", "text": "one"},
        {"at": None, "instance": "notes.1", "text": "two\u2028\n"},
    ]
    assert len((await client.get("/api/v1/plugins/notes/logs?tail=1")).text.split("\n")) == 2
    events = await client.get("/api/v1/plugins/notes/logs", headers={"accept": "text/event-stream"})
    assert events.text.count("event: log\ndata: {") == 2


async def test_logs_that_lie_elsewhere_are_a_problem(client: httpx.AsyncClient, bed: Bed) -> None:
    await bed.install("notes")
    bed.supervisor.failure = Unavailable("Look where it was started.")
    problem(await client.get("/api/v1/plugins/notes/logs"), 503, "unavailable")


async def test_the_catalog_says_what_to_post(client: httpx.AsyncClient) -> None:
    [entry] = (await client.get("/api/v1/catalog")).json()["plugins"]
    assert entry["installed"] is False
    assert entry["versions"] == [entry["version"]]
    assert (await client.post("/api/v1/plugins", json=entry["definition"])).status_code == 201
    [entry] = (await client.get("/api/v1/catalog")).json()["plugins"]
    assert entry["installed"] is True


async def test_the_system_tells_its_runtime_and_table(client: httpx.AsyncClient) -> None:
    system = (await client.get("/api/v1/system")).json()
    assert system["runtime"] == {"name": "process", "reason": "chosen by the test", "isolation": []}
    assert system["snapshot"] == {"epoch": 0, "number": 0}
    assert system["startedAt"].endswith("Z")


async def test_readiness_follows_table_and_database(bed: Bed) -> None:
    async with bed.client(token="", base_url="http://10.9.8.7") as probe:
        assert (await probe.get("/readyz")).json() == {"ready": True, "reason": ""}
        await bed.install("notes")
        waiting = await probe.get("/readyz")
        assert (waiting.status_code, waiting.json()["ready"]) == (503, False)
        assert waiting.headers["retry-after"] == "1"
        notes = PluginId("notes")
        bed.snapshots.publish({notes: Route(plugin_id=notes, state=PluginState.STARTING)})
        assert (await probe.head("/readyz")).status_code == 200
        await bed.store.close()
        (bed.home / "test.db").unlink()
        (bed.home / "test.db").mkdir()
        closed = await probe.get("/readyz")
        assert closed.status_code == 503
        assert closed.json()["reason"]
        assert "sqlite" not in closed.text.lower()
        assert (await probe.head("/healthz")).status_code == 200


async def test_metrics_tell_each_plugins_state(client: httpx.AsyncClient, bed: Bed) -> None:
    await bed.install("notes")
    await bed.install("redis-management")
    bed.supervisor.states["notes"] = PluginState.QUARANTINED
    plain = await client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert 'plugway_plugin_up{plugin="notes"} 0.0' in plain.text
    assert 'plugway_plugin_up{plugin="redis-management"} 1.0' in plain.text
    assert 'plugway_plugin_state{plugin="notes",state="quarantined"} 1.0' in plain.text
    assert 'plugway_plugin_restarts_total{plugin="notes"} 2.0' in plain.text
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    openmetrics = await client.get("/metrics", headers=accept)
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")
    assert openmetrics.text.count("# EOF") == 1


async def test_a_failure_after_the_answer_began_is_not_hidden(bed: Bed) -> None:
    await bed.install("notes")
    bed.supervisor.lines = [Line(1.0, "notes.1", "one")]
    bed.supervisor.failure_after = RuntimeError("the disk is gone")
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/plugins/notes/logs",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {bed.token}".encode())],
    }

    begun = asyncio.Event()

    async def receive() -> Message:
        if begun.is_set():
            await asyncio.Event().wait()
        begun.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    # The server cuts the connection at this, so that the client does not take it for the end.
    with pytest.raises(BaseException, match=r"the disk is gone|unhandled errors"):
        await bed.app(scope, receive, send)
    assert sent[0]["status"] == 200
    assert not any(message.get("more_body") is False for message in sent[1:])
