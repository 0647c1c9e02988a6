"""Settings: refused by field, without telling what may be a secret; and what the plugin declares."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from plugway_sdk.testing import harness
from redis_management.plugin import create_plugin
from redis_management.settings import Address, Settings, parse_address

PLUGIN = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address("localhost", 6379, 0, tls=False)),
        ("redis://10.0.0.7:6380/3", Address("10.0.0.7", 6380, 3, tls=False)),
        ("rediss://[::1]:6379/", Address("::1", 6379, 0, tls=True)),
    ],
)
def test_addresses(url: str, address: Address) -> None:
    assert parse_address(url) == address


BAD = (
    "",
    "localhost:6379",
    "http://localhost",
    "redis://",
    "redis://host:port",
    "redis://host:99999",
    "redis://host/zero",
    "redis://host/99999",
    "redis://ann:hunter2@host",
    "redis://:hunter2@host",
    "redis://:hunter2/3@host",
    "redis://host?password=hunter2",
    "redis://[::1",
)


async def test_a_bad_address_is_refused_without_being_repeated() -> None:
    async with harness(create_plugin()) as client:
        for url in BAD:
            answer = await client.configure({"url": url})
            assert not answer.accepted, url
            assert [error.field for error in answer.errors] == ["/url"]
            assert "hunter2" not in str(answer)


async def test_bad_settings_leave_the_old_ones_in_force() -> None:
    async with harness(create_plugin(), settings={"url": "redis://one:1"}) as client:
        bad: dict[str, Any] = {
            "url": "redis://two:2",
            "commandTimeout": 0,
            "connectionName": "a b",
            "wrong": 1,
        }
        answer = await client.configure(bad)
        assert not answer.accepted
        assert {error.field for error in answer.errors} == {"/commandTimeout", "/connectionName", "/wrong"}
        assert (await client.get("/connection")).json()["address"] == "one:1"
        assert (await client.configure({"url": "redis://two:2"}, dry_run=True)).accepted
        assert (await client.get("/connection")).json()["address"] == "one:1"


def test_the_password_is_marked_as_a_secret_and_hides_itself() -> None:
    schema = Settings.model_json_schema(by_alias=True)
    assert schema["properties"]["password"]["writeOnly"] is True
    assert [name for name, field in schema["properties"].items() if field.get("writeOnly")] == ["password"]
    assert "hunter2" not in repr(Settings(url="redis://h", password="hunter2"))  # type: ignore[arg-type] # as from JSON


async def test_what_the_plugin_declares() -> None:
    async with harness(create_plugin()) as client:
        described = await client.describe()
    manifest = described.manifest
    declared = tomllib.loads((PLUGIN / "plugway.toml").read_text())
    assert (manifest.id, manifest.version, manifest.name) == (
        declared["id"],
        declared["version"],
        declared["name"],
    )
    assert manifest.description == declared["description"]
    assert list(manifest.permissions.egress) == declared["permissions"]["egress"] == ["settings:/url"]
    assert list(manifest.permissions.volumes) == declared["permissions"]["volumes"] == []
    openapi = json.loads(described.openapi_json)
    operations = [operation for path in openapi["paths"].values() for operation in path.values()]
    identities = [operation["operationId"] for operation in operations]
    assert len(set(identities)) == len(identities) > 30
    for operation in operations:
        success = operation["responses"]["201" if "201" in operation["responses"] else "200"]
        assert success["content"]["application/json"]["schema"], operation["operationId"]
        assert "application/problem+json" in operation["responses"]["422"]["content"]
        assert operation["description"], operation["operationId"]
