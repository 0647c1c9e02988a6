from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, StringConstraints

from gateway.errors import BadInput
from gateway.registry.records import PluginSettings
from gateway.supervisor.settings_places import put_together
from gateway.supervisor.settings_split import find_errors, take_apart


class Login(BaseModel):
    user: str = ""
    password: SecretStr = SecretStr("")


class Example(BaseModel):
    url: str
    key: SecretStr | None = None
    login: Login | None = None
    others: list[Login] = []
    named: dict[str, Login] = {}


SCHEMA = Example.model_json_schema()


def split(values: dict[str, Any], old: PluginSettings | None = None) -> PluginSettings:
    return take_apart(SCHEMA, values, old or PluginSettings(), version=3)


def test_secrets_are_found_wherever_they_are() -> None:
    values = {
        "url": "http://x",
        "key": "k",
        "login": {"user": "u", "password": "p"},
        "others": [{"user": "v", "password": "q"}],
        "named": {"a/b": {"password": "r"}},
    }
    settings = split(values)
    assert settings.values == {
        "url": "http://x",
        "login": {"user": "u"},
        "others": [{"user": "v"}],
        "named": {"a/b": {}},
    }
    assert settings.secrets == {
        "/key": "k",
        "/login/password": "p",
        "/others/0/password": "q",
        "/named/a~1b/password": "r",
    }
    assert put_together(settings) == values
    assert (settings.schema_version, settings.revision) == (3, 1)


def test_secrets_below_names_of_a_pattern_are_found() -> None:
    class Named(BaseModel):
        servers: dict[Annotated[str, StringConstraints(pattern="^[a-z]+$")], Login] = {}

    values = {"servers": {"prod": {"user": "u", "password": "p"}}}
    settings = take_apart(Named.model_json_schema(), values, PluginSettings(), version=1)
    assert settings.values == {"servers": {"prod": {"user": "u"}}}
    assert settings.secrets == {"/servers/prod/password": "p"}


def test_an_omitted_secret_stays_and_null_forgets_it() -> None:
    old = split({"url": "http://x", "key": "k", "login": {"password": "p"}})
    new = split({"url": "http://y", "login": {"user": "u"}}, old)
    assert new.secrets == {"/key": "k", "/login/password": "p"}
    assert new.revision == 2
    assert split({"url": "http://y", "key": None, "login": {}}, new).secrets == {"/login/password": "p"}
    assert split({"url": "http://y"}, new).secrets == {"/key": "k"}


@pytest.mark.parametrize("secret", [7, True, ["k"], {"k": "v"}])
def test_a_secret_that_is_no_text_is_refused_rather_than_kept_in_clear(secret: Any) -> None:
    with pytest.raises(BadInput) as refused:
        split({"url": "http://x", "key": secret})
    assert refused.value.fields == {"/key": "must be text"}


def test_errors_come_by_field_and_without_values() -> None:
    schema = {
        "type": "object",
        "properties": {
            "password": {"type": "string", "writeOnly": True, "minLength": 12, "pattern": "^[a-z]+$"},
            "port": {"type": "integer", "maximum": 65535},
            "mode": {"enum": ["fast", "safe"]},
            "both": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["port", "host"],
        "additionalProperties": False,
    }
    values = {"password": "HUNTER2", "port": 70000, "mode": "HUNTER2", "more": "HUNTER2", "both": 3}
    errors = find_errors(schema, take_apart(schema, values, PluginSettings(), 1))
    assert errors == {
        "/password": "must be at least 12 long",
        "/port": "must be at most 65535",
        "/mode": "must be one of fast or safe",
        "/host": "is required",
        "/more": "unknown field",
        "/both": "does not hold to 'anyOf' of the schema",
    }
    assert "HUNTER2" not in str(errors)


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "properties": {}}},
    }
    assert take_apart(schema, {"x": {"y": 1}}, PluginSettings(), 1).values == {"x": {"y": 1}}


texts = st.text(max_size=5)
documents = st.dictionaries(
    texts, st.recursive(st.none() | st.booleans() | st.integers() | texts, st.lists, max_leaves=5)
)


@given(documents)
def test_what_holds_no_secret_is_kept_as_it_is(values: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {}}
    settings = take_apart(schema, values, PluginSettings(), 1)
    assert (settings.values, settings.secrets) == (values, {})


@given(st.dictionaries(texts, texts))
def test_a_document_of_secrets_is_taken_apart_and_put_together(values: dict[str, str]) -> None:
    schema = {"additionalProperties": {"type": "string", "writeOnly": True}}
    settings = take_apart(schema, values, PluginSettings(), 1)
    assert settings.values == {}
    assert put_together(settings) == values


def test_a_secret_of_an_older_form_goes_where_the_new_form_has_no_place_for_it() -> None:
    secrets = {"/key": "k", "/gone": "g", "/others/0/password": "q", "/named/x/password": "r", "/url": "u"}
    values = {"others": [{"user": "v"}], "named": {"x": {}}}
    old = PluginSettings(values=values, secrets=secrets, schema_version=2)
    after = split({"url": "v", "others": [{}], "named": {"x": {}}}, old)
    assert set(after.secrets) == {"/key", "/others/0/password", "/named/x/password"}
    # One that became a secret is kept as one, and given anew it is what was given.
    plain = PluginSettings(values={"url": "u", "key": "was shown"}, schema_version=2)
    assert split({"url": "v"}, plain).secrets == {"/key": "was shown"}
    assert split({"url": "v", "key": None}, plain).secrets == {}
    # Of the same form all stay: what is in force was judged with them.
    same = PluginSettings(values={"url": "u"}, secrets=secrets, schema_version=3)
    assert set(split({"url": "v"}, same).secrets) == {"/key", "/gone", "/url"}
