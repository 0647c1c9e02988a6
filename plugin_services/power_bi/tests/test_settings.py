"""Settings: refused by field, without telling what may be a secret; and what the plugin declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plugway_sdk.testing import harness
from power_bi.plugin import create_plugin
from power_bi.settings import API, LOGIN, Settings

from gateway.egress.grants import granted
from plugin_services.power_bi.tests import content
from tests.shipped.declared import check_declared

PLUGIN = Path(__file__).resolve().parents[1]
ONE: dict[str, Any] = {"tenantId": content.TENANT, "clientId": content.CLIENT}
BAD = (
    "api.powerbi.com",
    "ftp://host",
    "http://api.powerbi.com",
    "https://",
    "https://host:port",
    "https://host/v1.0",
    "https://ann:hunter2@host",
    "https://host?secret=hunter2",
    "https://[::1",
)


async def test_a_bad_address_is_refused_without_being_repeated() -> None:
    async with harness(create_plugin()) as client:
        for field in ("apiUrl", "loginUrl"):
            for url in BAD:
                answer = await client.configure({"connections": {"one": {**ONE, field: url}}})
                assert [error.field for error in answer.errors] == [f"/connections/one/{field}"], url
                assert "hunter2" not in str(answer)


async def test_bad_settings_leave_the_old_ones_in_force() -> None:
    good: dict[str, Any] = {"connections": {"one": ONE}}
    async with harness(create_plugin(), settings=good) as client:
        bad = {**ONE, "tenantId": "../other", "clientId": "x", "answerTimeout": 0, "wrong": 1, "scope": "x"}
        answer = await client.configure({"connections": {"one": bad}})
        assert {error.field for error in answer.errors} == {
            f"/connections/one/{name}" for name in ("tenantId", "clientId", "answerTimeout", "wrong", "scope")
        }
        assert not (await client.configure({**good, "defaultConnection": "other"})).accepted
        both = {"two": ONE, "one": ONE}
        assert (await client.get("/connections")).json()["default"] == "one"
        assert (await client.configure({"connections": both, "defaultConnection": "two"})).accepted
        found = (await client.get("/connections")).json()
        assert (found["default"], [one["name"] for one in found["connections"]]) == ("two", ["one", "two"])
        assert found["connections"][0]["address"] == "api.powerbi.com"


def test_the_client_secret_is_marked_as_a_secret_and_hides_itself() -> None:
    fields = Settings.model_json_schema(by_alias=True)["$defs"]["Connection"]["properties"]
    assert [name for name, field in fields.items() if field.get("writeOnly")] == ["clientSecret"]
    settings = {"connections": {"one": {**ONE, "clientSecret": "hunter2"}}}
    assert "hunter2" not in repr(Settings.model_validate(settings))


async def test_what_the_plugin_declares() -> None:
    manifest = await check_declared(create_plugin(), PLUGIN, 15)
    assert list(manifest.permissions.origins) == ["frame-src https://app.powerbi.com"]


def test_what_is_granted_is_where_it_calls() -> None:
    """The public cloud where the settings name no other, and no more than they name beyond that."""
    egress = create_plugin().permissions.egress
    assert {API, LOGIN} == {"https://api.powerbi.com", "https://login.microsoftonline.com"}
    plain = granted(egress, {"connections": {"one": ONE}}, {})
    assert (sorted(map(str, plain.destinations)), plain.problems) == (
        ["api.powerbi.com:443", "login.microsoftonline.com:443"],
        (),
    )
    national = {**ONE, "apiUrl": "https://api.powerbigov.us", "loginUrl": "https://login.microsoftonline.us"}
    more = granted(egress, {"connections": {"one": national}}, {})
    names = {str(one) for one in more.destinations - plain.destinations}
    assert names == {"api.powerbigov.us:443", "login.microsoftonline.us:443"}
