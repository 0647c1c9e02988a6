"""The read-only switch holds on the plugin's side, for every route that changes something."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest
from minio_management.app import create_app
from minio_management.links import Links
from minio_management.plugin import create_plugin
from minio_management.settings import Settings

from tests.shipped.declared import access, changing_routes

BUCKET, OBJECT = "/buckets/{bucket}", "/buckets/{bucket}/object"
KEY = {"key": "k"}
ANN, TEAM, MINE = {"name": "ann"}, {"name": "team"}, {"name": "mine"}
EVERYTHING: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}],
}
NOTHING = {**EVERYTHING, "Statement": [{**EVERYTHING["Statement"][0], "Effect": "Deny"}]}
BODIES: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {
    ("POST", "/buckets"): ({}, {"name": "more"}),
    ("DELETE", BUCKET): ({}, None),
    ("POST", f"{BUCKET}/remove"): ({"confirm": "photos"}, None),
    ("PUT", f"{BUCKET}/versioning"): ({}, {"enabled": True}),
    ("PUT", f"{BUCKET}/tags"): ({}, {"tags": {"a": "b"}}),
    ("PUT", f"{BUCKET}/policy"): ({}, {"preset": "public-read"}),
    ("PUT", f"{BUCKET}/quota"): ({}, {"bytes": 1}),
    ("PUT", f"{BUCKET}/lifecycle"): ({}, {"rules": [{"id": "x", "expireDays": 1}]}),
    ("PUT", f"{OBJECT}/content"): (KEY, "new"),
    ("PUT", f"{OBJECT}/tags"): (KEY, {"tags": {"a": "b"}}),
    ("PUT", f"{OBJECT}/metadata"): (KEY, {"metadata": {"a": "b"}}),
    ("POST", f"{OBJECT}/restore"): ({**KEY, "version": "null"}, None),
    ("POST", f"{OBJECT}/link"): ({}, {"key": "k", "method": "PUT"}),
    ("POST", f"{BUCKET}/objects/delete"): ({}, {"objects": [KEY]}),
    ("POST", f"{BUCKET}/objects/delete-below"): ({}, {"prefix": "", "confirm": "photos"}),
} | {
    (method, f"/accounts{path}"): (query, body)
    for method, path, query, body in (
        ("POST", "/users", {}, {"name": "more"}),
        ("PUT", "/user/status", ANN, {"enabled": False}),
        ("PUT", "/user/secret", ANN, {}),
        ("PUT", "/user/policies", ANN, {"policies": ["readwrite"]}),
        ("DELETE", "/user", ANN, None),
        ("POST", "/groups", {}, {"name": "more", "members": ["ann"]}),
        ("PUT", "/group/status", TEAM, {"enabled": False}),
        ("PUT", "/group/members", TEAM, {"members": []}),
        ("PUT", "/group/policies", TEAM, {"policies": ["readwrite"]}),
        ("DELETE", "/group", TEAM | {"members": "true"}, None),
        ("POST", "/policies", {}, {"name": "more", "document": EVERYTHING}),
        ("PUT", "/policy", MINE, {"document": EVERYTHING}),
        ("DELETE", "/policy", MINE, None),
        ("POST", "/access-keys", {}, {}),
        ("DELETE", "/access-key", {"key": "some-key"}, None),
    )
}
HARMLESS = {("POST", "/connection/test")}


def test_every_changing_route_is_tried_here() -> None:
    assert changing_routes(create_plugin(), HARMLESS) == set(BODIES)


@pytest.mark.minio
async def test_every_changing_route_is_refused_and_nothing_changes(minio: Any, open_plugin: Any) -> None:
    def arrange() -> None:
        minio.raw.make_bucket("photos")
        minio.raw.put_object("photos", "k", io.BytesIO(b"v"), 1)
        minio.admin.user_add("ann", "ann-secret")
        minio.admin.group_add("team", ["ann"])  # type: ignore[arg-type] # the library's own
        minio.admin.policy_add("mine", policy=NOTHING)
        minio.admin.add_service_account(access_key="some-key", secret_key="some-secret")

    def state() -> Any:
        raw = minio.raw
        objects = [(one.object_name, one.etag) for one in raw.list_objects("photos", include_version=True)]
        buckets = [bucket.name for bucket in raw.list_buckets()]
        about = raw.stat_object("photos", "k")
        return (
            buckets, objects, about.version_id, str(about.metadata["last-modified"]),
            raw.get_bucket_tags("photos"), raw.get_bucket_lifecycle("photos"),
            raw.get_bucket_versioning("photos").status, minio.admin.bucket_quota_get("photos"),
            minio.admin.user_list(), minio.admin.group_info("team"), minio.admin.group_list(),
            sorted(json.loads(minio.admin.policy_list())), minio.admin.policy_info("mine"),
            minio.admin.list_service_account(""),
        )  # fmt: skip

    await asyncio.to_thread(arrange)
    before = await asyncio.to_thread(state)
    async with open_plugin(minio, readOnly=True) as client:
        for (method, path), (query, body) in BODIES.items():
            sent = {"content": b"new"} if body == "new" else {"json": body}
            answer = await client.request(method, path.replace("{bucket}", "photos"), params=query, **sent)
            assert answer.status_code == 403, (method, path)
            assert answer.json()["type"] == "urn:plugway:minio:read-only"
            assert "settings" in answer.json()["hint"]
        assert (await client.get("/connections")).json()["connections"][0]["readOnly"] is True
        (await client.get("/buckets/photos/objects")).raise_for_status()
        for path in ("users", "groups", "policies", "access-keys"):
            (await client.get(f"/accounts/{path}")).raise_for_status()
        (await client.post("/buckets/photos/object/link", json=KEY)).raise_for_status()
        assert (await client.post("/connection/test")).json()["ok"] is True
        assert await asyncio.to_thread(state) == before
        # Switched off, it writes again.
        assert (await client.configure({"connections": {"local": minio.connection}})).accepted
        (await client.post("/buckets", json={"name": "more"})).raise_for_status()


@pytest.mark.minio
async def test_a_link_for_looking_sends_reading_calls_only(minio: Any) -> None:
    """Second line of defence: what a GET route holds cannot send anything else."""
    await asyncio.to_thread(minio.raw.make_bucket, "kept")
    links = Links()
    links.use(Settings.model_validate({"connections": {"local": minio.connection}}))
    link = links.reader("")
    for change in (
        lambda clients: clients.s3.make_bucket("more"),
        lambda clients: clients.s3.remove_bucket("kept"),
        lambda clients: clients.admin.user_add("a-user", "a-secret-key"),
        lambda clients: clients.admin.bucket_quota_set("kept", 1),
    ):
        with pytest.raises(PermissionError):
            await link.run(change)
    assert [one.name for one in await link.run(lambda clients: clients.s3.list_buckets())] == ["kept"]
    links.close()


def test_changing_routes_are_for_administrators() -> None:
    plugin = create_plugin()
    for method, path in changing_routes(plugin, HARMLESS):
        assert access(plugin, method, path) == "admin", json.dumps([method, path])


def test_accounts_are_for_administrators_also_to_look_at() -> None:
    paths = [path for path in create_app(Links()).openapi()["paths"] if path.startswith("/accounts/")]
    assert len(paths) > 10
    plugin = create_plugin()
    assert {access(plugin, "GET", path) for path in paths} == {"admin"}
    assert access(plugin, "GET", "/server") == access(plugin, "GET", "/buckets") == "user"
