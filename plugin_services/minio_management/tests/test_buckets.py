"""Buckets and what is set on them, against a real MinIO."""

from __future__ import annotations

import asyncio
import io
import urllib.request
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient

from tests.shipped.servers import eventually

pytestmark = pytest.mark.minio
OWN, OTHER = "arn:aws:s3:::refusals/*", "arn:aws:s3:::other/*"


async def made(client: PluginClient, name: str, **more: Any) -> str:
    (await client.post("/buckets", json={"name": name, **more})).raise_for_status()
    return f"/buckets/{name}"


async def test_create_list_and_delete(client: PluginClient, shared: Any) -> None:
    await made(client, "photos-2026", versioning=True)
    page = (await client.get("/buckets", params={"search": "photos"})).raise_for_status().json()
    assert [bucket["name"] for bucket in page["buckets"]] == ["photos-2026"]
    assert page["buckets"][0]["versioning"] in (True, None)  # the server tells a little later
    assert page["total"] == 1
    again = await client.post("/buckets", json={"name": "photos-2026"})
    assert again.status_code == 409
    assert "of this name already" in again.json()["detail"]
    shared.raw.put_object("photos-2026", "a", io.BytesIO(b"x"), 1)
    full = await client.delete("/buckets/photos-2026")
    assert full.status_code == 409
    assert "not empty" in full.json()["detail"]
    wrong = await client.post("/buckets/photos-2026/remove", params={"confirm": "photos"})
    assert wrong.status_code == 422
    assert shared.raw.bucket_exists("photos-2026")
    gone = await client.post("/buckets/photos-2026/remove", params={"confirm": "photos-2026"})
    assert gone.json() == {"deleted": 1, "finished": True}
    assert not shared.raw.bucket_exists("photos-2026")
    assert (await client.get("/buckets/photos-2026")).status_code == 404
    assert (await client.delete("/buckets/photos-2026")).status_code == 404


@pytest.mark.parametrize("name", ["UPPER", "a_b", "a..b", "192.168.0.1", "-a-"])
async def test_a_bad_name_is_refused_in_words(client: PluginClient, name: str) -> None:
    answer = await client.post("/buckets", json={"name": name})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "name" in answer.json()["detail"].lower()


async def test_many_buckets_come_in_pages(client: PluginClient) -> None:
    names = [f"paged-{number:02}" for number in range(25)]
    for name in names:
        await made(client, name)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await client.get("/buckets", params={"search": "paged", "after": after, "limit": 10})).json()
        assert len(page["buckets"]) <= 10
        assert page["total"] == 25
        seen += [bucket["name"] for bucket in page["buckets"]]
        after = page["after"]
    assert seen == names


async def test_versioning_is_switched(client: PluginClient) -> None:
    place = await made(client, "switched")
    assert (await client.get(place)).json()["versioning"] == "off"
    (await client.put(f"{place}/versioning", json={"enabled": True})).raise_for_status()
    assert (await client.get(place)).json()["versioning"] == "on"
    (await client.put(f"{place}/versioning", json={"enabled": False})).raise_for_status()
    assert (await client.get(place)).json()["versioning"] == "suspended"


async def test_a_bucket_with_locking_says_so_and_keeps_its_versions(client: PluginClient) -> None:
    place = await made(client, "locked", locking=True)
    details = (await client.get(place)).json()
    assert (details["locking"], details["versioning"]) == (True, "on")
    refused = await client.put(f"{place}/versioning", json={"enabled": False})
    assert refused.status_code == 409


async def test_tags(client: PluginClient) -> None:
    place = await made(client, "tagged")
    assert (await client.get(place)).json()["tags"] == {}
    wanted = {"team": "blue + green", "stage": ""}
    (await client.put(f"{place}/tags", json={"tags": wanted})).raise_for_status()
    assert (await client.get(place)).json()["tags"] == wanted
    assert (await client.put(f"{place}/tags", json={"tags": {"": "x"}})).status_code == 422
    bad = await client.put(f"{place}/tags", json={"tags": {"a": "x & y"}})
    assert (bad.status_code, "TagValue" in bad.json()["detail"]) == (422, True)
    (await client.put(f"{place}/tags", json={"tags": {}})).raise_for_status()
    assert (await client.get(place)).json()["tags"] == {}


async def test_policies(client: PluginClient, shared: Any) -> None:
    place = await made(client, "policies")
    shared.raw.put_object("policies", "open.txt", io.BytesIO(b"hello"), 5)
    assert (await client.get(place)).json()["access"] == "private"
    details = (await client.put(f"{place}/policy", json={"preset": "public-read"})).raise_for_status().json()
    assert details["access"] == "public-read"

    def read() -> bytes:
        with urllib.request.urlopen(f"{shared.url}/policies/open.txt", timeout=10) as answer:
            content: bytes = answer.read()
        return content

    assert await asyncio.to_thread(read) == b"hello"
    document = details["policy"]
    document["Statement"][0]["Action"] = ["s3:GetObject", "s3:PutObject"]
    changed = (await client.put(f"{place}/policy", json={"policy": document})).raise_for_status().json()
    assert changed["access"] == "custom"
    assert set(changed["policy"]["Statement"][0]["Action"]) == {"s3:GetObject", "s3:PutObject"}
    private = (await client.put(f"{place}/policy", json={"preset": "private"})).raise_for_status().json()
    assert (private["access"], private["policy"]) == ("private", {})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "either a policy or a preset"),
        ({"policy": {"Version": "2012-10-17"}}, "list of statements"),
        ({"policy": {"Statement": [{"Effect": "Allow"}]}}, "no Principal and no Action and no Resource"),
        ({"policy": {"Statement": ["x"]}}, "1 is not an object"),
        (
            {"policy": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": OTHER}
            ]}},
            "not in this bucket",
        ),
        (
            {"policy": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": "*", "Action": "s3:Bogus", "Resource": OWN}
            ]}},
            "s3:Bogus",
        ),
    ],
    ids=["none", "no statements", "incomplete", "no object", "another bucket", "unknown action"],
)  # fmt: skip
async def test_a_policy_that_cannot_hold_is_refused_with_its_reason(
    client: PluginClient, body: Any, says: str
) -> None:
    await client.post("/buckets", json={"name": "refusals"})
    answer = await client.put("/buckets/refusals/policy", json=body)
    assert answer.status_code == 422, answer.text
    assert says in answer.json()["detail"]
    assert (await client.get("/buckets/refusals")).json()["access"] == "private"


async def test_lifecycle_rules(client: PluginClient, shared: Any) -> None:
    place = await made(client, "lives", versioning=True)
    assert (await client.get(f"{place}/lifecycle")).json() == {"rules": []}
    rules = [
        {"id": "tmp", "prefix": "tmp/", "expireDays": 7},
        {"id": "old", "oldVersionDays": 30, "keepOldVersions": 3, "enabled": False},
        {"id": "tagged", "prefix": "a/", "tags": {"k": "v"}, "expireDays": 1},
        {"id": "one tag", "tags": {"k": "v"}, "expireDays": 2},
        {"id": "markers", "loneMarkers": True},
    ]
    answer = (await client.put(f"{place}/lifecycle", json={"rules": rules})).raise_for_status().json()
    assert answer == (await client.get(f"{place}/lifecycle")).json()
    for wanted, found in zip(rules, answer["rules"], strict=True):
        assert {name: found[name] for name in wanted} == wanted
    assert len(shared.raw.get_bucket_lifecycle("lives").rules) == 5
    for bad in ([{"id": "nothing"}], [rules[0], rules[0]], [{"id": "x", "expireDays": 0}]):
        assert (await client.put(f"{place}/lifecycle", json={"rules": bad})).status_code == 422
    missing = await client.put(f"{place}/lifecycle", json={"rules": [{"id": "gone", "other": True}]})
    assert missing.status_code == 409
    (await client.put(f"{place}/lifecycle", json={"rules": []})).raise_for_status()
    assert shared.raw.get_bucket_lifecycle("lives") is None


async def test_a_rule_that_is_not_shown_in_full_stays_as_it_was(client: PluginClient, shared: Any) -> None:
    from datetime import UTC, datetime

    from minio.commonconfig import ENABLED, Filter
    from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

    place = await made(client, "dated")
    day = datetime(2040, 1, 1, tzinfo=UTC)
    dated = Rule(ENABLED, rule_filter=Filter(prefix="x/"), rule_id="by date", expiration=Expiration(date=day))
    shared.raw.set_bucket_lifecycle("dated", LifecycleConfig([dated]))
    (shown,) = (await client.get(f"{place}/lifecycle")).json()["rules"]
    assert shown["other"] is True
    rules = [shown, {"id": "more", "expireDays": 3}]
    (await client.put(f"{place}/lifecycle", json={"rules": rules})).raise_for_status()
    kept = {rule.rule_id: rule for rule in shared.raw.get_bucket_lifecycle("dated").rules}
    assert kept["by date"].expiration.date == day
    assert kept["more"].expiration.days == 3


async def test_quota(client: PluginClient, shared: Any) -> None:
    place = await made(client, "limited")
    assert (await client.get(place)).json()["quota"] == 0
    (await client.put(f"{place}/quota", json={"bytes": 1_000_000})).raise_for_status()
    assert (await client.get(place)).json()["quota"] == 1_000_000

    async def listed() -> bool:
        page = (await client.get("/buckets", params={"search": "limited"})).raise_for_status().json()
        return bool(page["buckets"][0]["quota"] == 1_000_000)

    await eventually(listed)
    too_much = await client.put(f"{place}/object/content", params={"key": "big"}, content=bytes(1_200_000))
    assert too_much.status_code == 409, too_much.text
    assert "quota" in too_much.json()["detail"]
    (await client.put(f"{place}/quota", json={"bytes": 0})).raise_for_status()
    stored = await client.put(f"{place}/object/content", params={"key": "big"}, content=bytes(1_200_000))
    assert stored.status_code == 200
    assert (await client.put(f"{place}/quota", json={"bytes": -1})).status_code == 422
    assert (await client.put("/buckets/nobody-has-it/quota", json={"bytes": 1})).status_code == 404
