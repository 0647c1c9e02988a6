"""What of settings in an earlier form fills in the form of today."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from gateway.registry.records import PluginSettings
from gateway.supervisor.settings_carry import Left, carry
from gateway.supervisor.settings_places import put_together
from gateway.supervisor.settings_split import take_apart


class Kind(StrEnum):
    ONE = "one"
    TWO = "two"


class Server(BaseModel):
    url: str
    password: SecretStr | None = None
    kind: Kind = Kind.ONE


class Now(BaseModel):
    url: str = ""
    retries: int | None = None
    share: float = 0.5
    mode: Literal["fast", "careful"] = "fast"
    read_only: bool = False
    names: list[str] = []
    servers: list[Server] = []
    by_name: dict[str, Server] = {}
    main: Server | None = None
    labels: dict[str, Any] = {}
    token: SecretStr | None = None


SCHEMA = Now.model_json_schema()


def carried(
    values: dict[str, Any], secrets: dict[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, str], list[Left]]:
    found = carry(SCHEMA, PluginSettings(values=values, secrets=secrets or {}, schema_version=1))
    return found.values, found.secrets, found.left


def test_what_has_the_same_name_and_kind_is_carried_at_any_depth() -> None:
    server = {"url": "http://a", "kind": "two"}
    values = {
        "url": "http://x", "retries": None, "share": 1, "mode": "careful", "read_only": True, "names": ["a"],
        "servers": [server], "by_name": {"a/b": server}, "main": server, "labels": {"any": [1, {"x": None}]},
    }  # fmt: skip
    secrets = {"/token": "t", "/servers/0/password": "p", "/by_name/a~1b/password": "q"}
    assert carried(values, secrets) == (values, secrets, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gone", 1), ("url", 7), ("retries", True), ("retries", 1.5), ("retries", "3"), ("share", "much"),
        ("mode", "slow"), ("read_only", 1), ("names", [1]), ("names", "a"), ("servers", [{"url": "x"}, "y"]),
        ("main", ["x"]), ("labels", "x"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_left_and_told(name: str, value: Any) -> None:
    assert carried({name: value, "by_name": {}}) == ({"by_name": {}}, {}, [Left(f"/{name}", value)])


def test_only_that_part_of_an_object_is_left_which_has_no_place() -> None:
    values = {"by_name": {"a": {"url": "u", "db": 3, "kind": "three"}}, "servers": [{"url": "u", "db": 4}]}
    secrets = {"/by_name/a/password": "p", "/servers/0/password": "q"}
    assert carried(values, secrets) == (
        {"by_name": {"a": {"url": "u"}}, "servers": [{"url": "u"}]},
        secrets,
        [Left("/by_name/a/db", 3), Left("/by_name/a/kind", "three"), Left("/servers/0/db", 4)],
    )


def test_a_secret_is_told_and_never_shown_where_it_has_no_place() -> None:
    """Also where the place is no secret's any more, or is one of many things in a free document."""
    values = {"labels": {"a": "b"}, "gone": {"user": "u"}}
    found = carried(values, {"/url": "s1", "/labels/x": "s2", "/gone/password": "s3"})
    assert found[:2] == ({}, {})
    assert sorted(found[2], key=lambda left: left.pointer) == [
        Left("/gone", {"user": "u"}), Left("/gone/password", secret=True), Left("/labels", {"a": "b"}),
        Left("/labels/x", secret=True), Left("/url", secret=True),
    ]  # fmt: skip


def test_what_became_a_secret_is_carried_as_one() -> None:
    assert carried({"token": "shown before"}) == ({}, {"/token": "shown before"}, [])
    assert carried({"token": 123, "url": "u"}) == ({"url": "u"}, {}, [Left("/token", secret=True)])


def test_references_that_go_round_end() -> None:
    loop = {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}}}
    settings = PluginSettings(values={"a": {"b": [1]}}, schema_version=1)
    assert carry(loop, settings).values == {"a": {"b": [1]}}


documents = st.dictionaries(
    st.sampled_from([*Now.model_fields, "gone", "a/b", "~"]),
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["one", "fast", "x"]),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["url", "db", "password"]), inner)
        ),
        max_leaves=6,
    ),
)


@given(documents, documents)
def test_each_setting_is_carried_or_told(plain: dict[str, Any], secret: dict[str, Any]) -> None:
    """And what is carried is what it was, in its place."""
    before = PluginSettings(
        values=plain, secrets={"/token": "t"} if "token" in secret else {}, schema_version=1
    )
    found = carry(SCHEMA, before)
    told = {left.pointer for left in found.left}
    whole = put_together(PluginSettings(values=found.values, secrets=found.secrets))
    assert list(_missing(put_together(before), whole, "", told)) == []
    # As it stands it is taken for settings of today, with every secret that was carried.
    assert take_apart(SCHEMA, found.values, before, 2).secrets == found.secrets


def _missing(before: Any, after: Any, pointer: str, told: set[str]) -> Any:
    if pointer in told or before is None or before == {}:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            part = name.replace("~", "~0").replace("/", "~1")
            yield from _missing(value, after.get(name), f"{pointer}/{part}", told)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, value in enumerate(before):
            yield from _missing(value, after[index], f"{pointer}/{index}", told)
    elif before != after:
        yield pointer
