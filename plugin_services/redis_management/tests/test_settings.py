"""Settings: refused by field, without telling what may be a secret; and what the plugin declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugway_sdk.testing import harness
from redis_management.plugin import EGRESS, create_plugin
from redis_management.settings import Address, Settings, migrate, parse_address

from plugin_services.redis_management.tests.conftest import only
from tests.shipped.declared import check_declared

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


STREAMED = {"listen", "monitor", "export_keys", "analyse_memory"}
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
            answer = await client.configure(only(url=url))
            assert not answer.accepted, url
            assert [error.field for error in answer.errors] == ["/connections/local/url"]
            assert "hunter2" not in str(answer)


async def test_bad_settings_leave_the_old_ones_in_force() -> None:
    good: dict[str, Any] = {"connections": {"one": {"url": "redis://one:1"}}}
    async with harness(create_plugin(), settings=good) as client:
        bad = {"url": "redis://two:2", "commandTimeout": 0, "connectionName": "a b", "wrong": 1}
        answer = await client.configure({"connections": {"one": bad}})
        assert not answer.accepted
        fields = {error.field.removeprefix("/connections/one") for error in answer.errors}
        assert fields == {"/commandTimeout", "/connectionName", "/wrong"}
        assert not (await client.configure({**good, "defaultConnection": "other"})).accepted
        assert not (await client.configure({"connections": {"No Name": {"url": "redis://one:1"}}})).accepted
        assert (await client.configure(only(url="redis://two:2"), dry_run=True)).accepted
        assert (await client.get("/connections")).json()["connections"][0]["address"] == "one:1"


async def test_the_default_connection_is_the_first_by_name_or_the_one_that_is_set() -> None:
    both = {"b": {"url": "redis://b:1"}, "a": {"url": "redis://a:1"}}
    async with harness(create_plugin(), settings={"connections": both}) as client:
        assert (await client.get("/connections")).json()["default"] == "a"
        assert (await client.configure({"connections": both, "defaultConnection": "b"})).accepted
        assert (await client.get("/connections")).json()["default"] == "b"
        answer = await client.get("/keys", params={"connection": "c"})
        assert answer.status_code == 404
        assert "There are: a, b" in answer.json()["hint"]


async def test_settings_of_the_form_before_are_read_with_their_password() -> None:
    old = {"url": "redis://one:1/3", "readOnly": True, "commandTimeout": 4}
    async with harness(create_plugin()) as client:
        assert (await client.configure(old, schema_version=1)).accepted
        (view,) = (await client.get("/connections")).json()["connections"]
    assert (view["name"], view["address"], view["database"], view["readOnly"]) == ("redis", "one:1", 3, True)
    with_secret = Settings.model_validate(migrate({**old, "password": "hunter2"}, 1))
    assert with_secret.connections["redis"].password.get_secret_value() == "hunter2"
    assert with_secret.connections["redis"].command_timeout == 4
    with pytest.raises(ValueError, match="not known"):
        migrate(old, 0)


def test_the_password_is_marked_as_a_secret_and_hides_itself() -> None:
    schema = Settings.model_json_schema(by_alias=True)
    fields = schema["$defs"]["Connection"]["properties"]
    secrets = {name for name, field in fields.items() if field.get("writeOnly")}
    assert secrets == {"password", "sentinelPassword"}
    settings = only(url="redis://h", password="hunter2", sentinelPassword="hunter2")
    assert "hunter2" not in repr(Settings.model_validate(settings))


async def test_what_the_plugin_declares() -> None:
    manifest = await check_declared(create_plugin(), PLUGIN, 30, STREAMED)
    assert list(manifest.permissions.egress) == list(EGRESS)
