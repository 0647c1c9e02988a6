"""Settings: refused by field, without telling what may be a secret; and what the plugin declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from minio_management.plugin import create_plugin
from minio_management.settings import Address, Settings, parse_address
from plugway_sdk.testing import harness

from tests.shipped.declared import check_declared

PLUGIN = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:9000", Address("localhost", 9000, tls=False)),
        ("https://s3.example/", Address("s3.example", 443, tls=True)),
        ("http://[::1]", Address("::1", 80, tls=False)),
    ],
)
def test_addresses(url: str, address: Address) -> None:
    assert parse_address(url) == address


BAD = (
    "",
    "localhost:9000",
    "ftp://host",
    "http://",
    "http://host:port",
    "http://host:99999",
    "http://host/path",
    "http://ann:hunter2@host",
    "http://host?password=hunter2",
    "http://[::1",
)


async def test_a_bad_address_is_refused_without_being_repeated() -> None:
    async with harness(create_plugin()) as client:
        for url in BAD:
            answer = await client.configure({"connections": {"one": {"url": url}}})
            assert not answer.accepted, url
            assert [error.field for error in answer.errors] == ["/connections/one/url"]
            assert "hunter2" not in str(answer)


async def test_bad_settings_leave_the_old_ones_in_force() -> None:
    good: dict[str, Any] = {"connections": {"one": {"url": "http://one:1"}}}
    async with harness(create_plugin(), settings=good) as client:
        bad: dict[str, Any] = {"one": {"url": "http://two:2", "answerTimeout": 0, "wrong": 1}}
        answer = await client.configure({"connections": bad})
        assert not answer.accepted
        assert {error.field for error in answer.errors} == {
            "/connections/one/answerTimeout",
            "/connections/one/wrong",
        }
        assert not (await client.configure({**good, "defaultConnection": "other"})).accepted
        assert not (await client.configure({"connections": {"No Name": {"url": "http://one:1"}}})).accepted
        assert (await client.get("/connections")).json()["connections"][0]["address"] == "one:1"


async def test_the_default_connection_is_the_first_by_name_or_the_one_that_is_set() -> None:
    both = {"b": {"url": "http://b:1"}, "a": {"url": "http://a:1"}}
    async with harness(create_plugin(), settings={"connections": both}) as client:
        assert (await client.get("/connections")).json()["default"] == "a"
        assert (await client.configure({"connections": both, "defaultConnection": "b"})).accepted
        assert (await client.get("/connections")).json()["default"] == "b"


def test_the_secret_key_is_marked_as_a_secret_and_hides_itself() -> None:
    schema = Settings.model_json_schema(by_alias=True)
    fields = schema["$defs"]["Connection"]["properties"]
    assert [name for name, field in fields.items() if field.get("writeOnly")] == ["secretKey"]
    settings = {"connections": {"one": {"url": "http://h", "secretKey": "hunter2"}}}
    assert "hunter2" not in repr(Settings.model_validate(settings))


async def test_what_the_plugin_declares() -> None:
    manifest = await check_declared(create_plugin(), PLUGIN, 20, {"download_object"})
    assert list(manifest.permissions.egress) == ["settings:/connections/*/url"]
