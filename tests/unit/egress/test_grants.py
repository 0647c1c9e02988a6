from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.egress.grants import granted


def named(value: Any, pointer: str = "settings:/to", **others: Any) -> set[str]:
    found = granted([pointer], {"to": value, **others}, {})
    return {str(one) for one in found.destinations}


@pytest.mark.parametrize(
    ("value", "destinations"),
    [
        ("db.example:5432", {"db.example:5432"}),
        ("[2001:db8::1]:80", {"[2001:db8::1]:80"}),
        ("redis://127.0.0.1:6379/0", {"127.0.0.1:6379"}),
        ("rediss://Cache.Example", {"cache.example:6379"}),
        ("https://api.example/v1?next=http://evil.example:1/", {"api.example:443"}),
        ("https://api.example:8443#@evil.example", {"api.example:8443"}),
        ("postgresql+asyncpg://me:p@ss@db.example/x", {"db.example:5432"}),
        ("mongodb://u:p@a.example,b.example:27018/?replicaSet=r", {"a.example:27017", "b.example:27018"}),
        ("http://[::1]/", {"[::1]:80"}),
        ("kafka1:9092, kafka2:9092", {"kafka1:9092", "kafka2:9092"}),
        (["a:1", "http://b/"], {"a:1", "b:80"}),
        ({"host": "db", "port": 5432}, {"db:5432"}),
        ("", set()),
        (None, set()),
        ([], set()),
    ],
)
def test_what_a_setting_names(value: Any, destinations: set[str]) -> None:
    assert named(value) == destinations


@pytest.mark.parametrize(
    ("host", "port"), [("host", "port"), ("dbHost", "dbPort"), ("db_host", "db_port"), ("hostname", "port")]
)
def test_a_host_beside_its_port(host: str, port: str) -> None:
    for number in (5432, "5432"):
        found = granted([f"settings:/{host}"], {host: "db.example", port: number}, {})
        assert {str(one) for one in found.destinations} == {"db.example:5432"}


def test_a_pointer_reaches_into_objects_and_lists() -> None:
    values = {"a/b": {"m~n": [{"host": "one", "port": 1}, {"host": "two", "port": 2}]}}
    found = granted(["settings:/a~1b/m~0n/1"], values, {})
    assert {str(one) for one in found.destinations} == {"two:2"}
    assert granted(["settings:/a~1b/m~0n/7", "settings:/none/at/all"], values, {}).destinations == frozenset()


def test_a_star_stands_for_each_member() -> None:
    values = {
        "connections": {"prod": {"host": "a", "port": 1}, "*": {"host": "b", "port": 2}},
        "all": ["c:3", "d:4"],
    }
    both = {"a:1", "b:2"}
    for pointer, destinations in (
        ("settings:/connections/*", both),
        ("settings:/connections/*/host", both),
        ("settings:/all/*", {"c:3", "d:4"}),
        ("settings:/all/*/host", set()),
        ("settings:/nothing/*/url", set()),
    ):
        found = granted([pointer], values, {})
        assert {str(one) for one in found.destinations} == destinations
        assert not found.problems


def test_a_secret_names_a_destination_and_shows_in_no_problem() -> None:
    secrets = {"/dsn": "postgres://me:hidden@db/x", "/bad": "hidden words"}
    found = granted(["settings:/dsn", "settings:/bad"], {}, secrets)
    assert {str(one) for one in found.destinations} == {"db:5432"}
    (problem,) = found.problems
    assert "settings:/bad" in problem
    assert "hidden" not in problem


@pytest.mark.parametrize(
    "value",
    [
        5,
        True,
        "host",
        "ftp4://host",
        "http://a b/",
        "http://good.example\\@evil.example/",
        "http://",
        "http://,/",
    ],
)
def test_what_names_nothing_grants_nothing_and_is_told(value: Any) -> None:
    found = granted(["settings:/to", "ok.example:1"], {"to": value}, {})
    assert {str(one) for one in found.destinations} == {"ok.example:1"}
    assert len(found.problems) == 1


def test_a_flood_of_destinations_grants_none() -> None:
    found = granted(["settings:/to"], {"to": [f"host{n}:80" for n in range(300)]}, {})
    assert found.destinations == frozenset()
    assert found.problems


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["host", "port", "to", "a"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.lists(st.sampled_from(["to", "host", "a", "0", "~1", ""]), max_size=4))
def test_any_settings_are_read_without_an_error(value: Any, path: list[str]) -> None:
    found = granted([f"settings:/{'/'.join(path)}"], {"to": value, "host": value, "a": value}, {})
    for one in found.destinations:
        assert 1 <= one.port <= 65_535


@given(
    st.sampled_from(["http", "https", "redis", "postgresql+psycopg"]),
    st.text(alphabet="abc:@/%.", max_size=8),
    st.integers(1, 65_535),
    st.text(alphabet="abc:@/?#.", max_size=12),
)
def test_user_and_path_of_a_url_never_name_the_destination(
    scheme: str, user: str, port: int, rest: str
) -> None:
    user = user.replace("/", "")
    assert named(f"{scheme}://{user}@real.example:{port}/{rest}") == {f"real.example:{port}"}
