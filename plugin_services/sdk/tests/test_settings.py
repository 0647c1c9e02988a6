"""Settings: judged by field, taken whole or not at all, secrets apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from plugway.plugin.v1 import plugin_pb2
from plugway_sdk import NotConfigured, Plugin, SettingsRefused
from plugway_sdk.testing import harness
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class Server(BaseModel):
    host: str
    password: SecretStr | None = None


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str
    size: int = Field(10, ge=1)
    password: SecretStr = SecretStr("")
    server: Server | None = None

    @field_validator("password")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value) < 4:
            raise ValueError(f"{value.get_secret_value()} is too short")
        return value


def plugin_of(**more: Any) -> Plugin[Settings]:
    app = FastAPI()
    plugin = Plugin(id="sample", version="1.2.3", app=app, settings=Settings, **more)

    @app.get("/url")
    async def url() -> str:
        return f"{plugin.settings.url} {plugin.settings.password.get_secret_value()}"

    return plugin


async def test_settings_come_into_force_with_their_secrets() -> None:
    values = {"url": "a", "password": "hunter2", "server": {"host": "h", "password": "deeper"}}
    plugin = plugin_of()
    async with harness(plugin, settings=values) as client:
        assert (await client.get("/url")).json() == "a hunter2"
        server = plugin.settings.server
        assert server is not None
        assert server.password is not None
        assert server.password.get_secret_value() == "deeper"


async def test_required_settings_are_waited_for() -> None:
    async with harness(plugin_of()) as client:
        assert await client.health() == "SERVING"
        answer = await client.get("/url")
        assert (answer.status_code, answer.json()["reason"]) == (503, "not-configured")

        async def body() -> Any:
            yield b"x"

        assert (await client.post("/url", content=body())).status_code == 503
        assert (await client.configure({"url": "now"})).accepted
        assert (await client.get("/url")).json() == "now "


async def test_a_refusal_names_the_fields_and_leaves_the_old_in_force() -> None:
    async with harness(plugin_of(), settings={"url": "old"}) as client:
        answer = await client.configure({"size": 0, "colour": "red", "server": {}})
        errors = {error.field: error.message for error in answer.errors}
        assert not answer.accepted
        assert set(errors) == {"/url", "/size", "/colour", "/server/host"}
        assert errors["/url"] == "Field required"
        assert errors["/colour"] == "unknown setting"
        assert (await client.get("/url")).json() == "old "


async def test_a_refusal_never_repeats_a_secret() -> None:
    async with harness(plugin_of()) as client:
        answer = await client.configure({"url": "a", "password": "xyz"})
    (error,) = answer.errors
    assert error.field == "/password"
    assert error.message == "****** is too short"


@pytest.mark.parametrize(
    ("text", "pointer"), [("{", ""), ("[]", ""), ('"x"', ""), ('{"url": "a", "size": 3}', "/size/deep")]
)
async def test_garbage_settings_are_refused(text: str, pointer: str) -> None:
    async with harness(plugin_of(), settings={"url": "old"}) as client:
        request = plugin_pb2.ConfigureRequest(
            settings_json=text, secrets={pointer: "s"} if pointer else {}, revision=9
        )
        answer = await client.stub.Configure(request)
        assert not answer.accepted
        assert [error.field for error in answer.errors] == [pointer]
        assert (await client.get("/url")).json() == "old "


async def test_the_authors_refusal_and_failure_keep_the_old() -> None:
    async def configure(settings: Settings) -> None:
        if settings.url == "bad":
            raise SettingsRefused({"/url": "nobody answers there"})
        if settings.url == "broken":
            raise RuntimeError(f"cannot use {settings.password.get_secret_value()}")

    async with harness(plugin_of(on_configure=configure), settings={"url": "old"}) as client:
        refused = await client.configure({"url": "bad"})
        assert [(e.field, e.message) for e in refused.errors] == [("/url", "nobody answers there")]
        broken = await client.configure({"url": "broken", "password": "hunter2"})
        assert [e.field for e in broken.errors] == [""]
        assert broken.errors[0].message.endswith("RuntimeError: cannot use ******")
        assert (await client.get("/url")).json() == "old "


async def test_a_dry_run_judges_and_takes_nothing() -> None:
    seen: list[tuple[str, str]] = []

    async def check(settings: Settings) -> None:
        seen.append(("check", settings.url))

    async def configure(settings: Settings) -> None:
        seen.append(("configure", settings.url))

    async with harness(plugin_of(on_check=check, on_configure=configure), settings={"url": "old"}) as client:
        assert (await client.configure({"url": "new"}, dry_run=True)).accepted
        assert not (await client.configure({}, dry_run=True)).accepted
        assert (await client.get("/url")).json() == "old "
    assert seen == [("check", "old"), ("configure", "old"), ("check", "new")]


async def test_the_same_revision_twice_is_applied_once() -> None:
    applied = []

    async def configure(settings: Settings) -> None:
        applied.append(settings.url)

    request = plugin_pb2.ConfigureRequest(settings_json='{"url": "a"}', revision=7)
    async with harness(plugin_of(on_configure=configure)) as client:
        for _ in range(2):
            assert (await client.stub.Configure(request)).accepted
    assert applied == ["a"]


async def test_a_change_that_needs_a_restart_says_so() -> None:
    plugin = plugin_of(restart_on_settings_change=True)
    async with harness(plugin) as client:
        assert not (await client.configure({"url": "first"})).restart_required
        assert not (await client.configure({"url": "first"})).restart_required
        second = await client.configure({"url": "second"})
        assert (second.accepted, second.restart_required) == (True, True)
        assert (await client.get("/url")).json() == "first "


async def test_older_settings_are_migrated_and_newer_ones_refused() -> None:
    def migrate(values: dict[str, Any], version: int) -> dict[str, Any]:
        return {"url": values["address"]} if version == 2 else values

    plugin = plugin_of(settings_version=3, settings_reads_from=2, migrate=migrate)
    async with harness(plugin) as client:
        assert (await client.configure({"address": "a"}, schema_version=2)).accepted
        assert (await client.get("/url")).json() == "a "
        for version in (1, 4):
            answer = await client.configure({"url": "b"}, schema_version=version)
            reason = f"saved with schema version {version}; this release reads 2 to 3"
            assert answer.errors[0].message == reason
        broken = await client.configure({}, schema_version=2)
        assert not broken.accepted


async def test_a_plugin_without_settings_takes_only_none() -> None:
    plugin = Plugin(id="sample", version="1.2.3", app=FastAPI())
    async with harness(plugin, settings={}) as client:
        answer = await client.configure({"url": "a"})
        assert answer.errors[0].message == "this plugin has no settings"
    with pytest.raises(NotConfigured):
        _ = plugin.settings


async def test_the_schema_marks_secrets_and_needs_no_references() -> None:
    async with harness(plugin_of()) as client:
        schema = json.loads((await client.describe()).manifest.settings.json_schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["password"]["writeOnly"] is True
    assert "$defs" not in schema
    (server, _) = schema["properties"]["server"]["anyOf"]
    assert server["properties"]["password"]["writeOnly"] is True
    assert schema["required"] == ["url"]


async def test_the_harness_raises_what_was_refused() -> None:
    with pytest.raises(SettingsRefused) as caught:
        async with harness(plugin_of(), settings={}):
            pass
    assert caught.value.errors == {"/url": "Field required"}
