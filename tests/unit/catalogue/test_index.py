"""Indexes: what is taken, what is refused, and that nothing else ever comes out."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue.errors import CatalogueRefused
from gateway.catalogue.index import MAX_DEFINITION, MAX_VERSIONS, parse_index
from gateway.digests import canonical_json
from tests.fakes.catalogue import index, plugin, version


def parse(document: Any) -> Any:
    return parse_index(canonical_json(document))


def test_versions_come_newest_first_and_prereleases_last() -> None:
    numbers = ["1.2.0", "2.0.0-rc.1", "1.10.0", "1.9.9"]
    found = parse(index(plugin("clock", *[version("clock", number) for number in numbers])))
    ordered = [one.version for one in found.plugins["clock"].versions]
    assert ordered == ["1.10.0", "1.9.9", "1.2.0", "2.0.0-rc.1"]


@pytest.mark.parametrize(
    "change",
    [
        {"catalogue": 2},
        {"serial": 0},
        {"serial": 2**53},
        {"serial": "7"},
        {"serial": 1.5},
        {"name": "../acme"},
        {"expires": "2020-01-01T00:00:00Z"},
        {"expires": "soon"},
        {"more": 1},
        {"plugins": [plugin("clock"), plugin("clock")]},
        {"plugins": [plugin("clock", version("clock", "1.0.0"), version("clock", "1.0.0"))]},
        {"plugins": [plugin("clock", *[version("clock", f"1.0.{n}") for n in range(MAX_VERSIONS + 1)])]},
        {"plugins": [plugin("clock") | {"versions": []}]},
        {"plugins": [plugin("Clock")]},
        {"plugins": [plugin("clock", homepage="javascript:alert(1)")]},
        {"plugins": [plugin("clock", homepage="https://user@acme.example")]},
        {"plugins": [plugin("clock", homepage="http://acme.example")]},
        {"plugins": [plugin("clock", screenshots=[{"path": "../x.png", "sha256": "0" * 64, "alt": ""}])]},
        {"plugins": [plugin("clock", screenshots=[{"path": "/x.png", "sha256": "0" * 64, "alt": ""}])]},
        {"plugins": [plugin("clock", screenshots=[{"path": "//h/x", "sha256": "0" * 64, "alt": ""}])]},
        {"plugins": [plugin("clock", screenshots=[{"path": "https://h/x", "sha256": "0" * 64, "alt": ""}])]},
        {"plugins": [plugin("clock", screenshots=[{"path": "x.png", "sha256": "0" * 63, "alt": ""}])]},
        {"plugins": [plugin("clock", version("clock", "1.0"))]},
        {"plugins": [plugin("clock", version("clock", "1.0.0", permissions={"egress": ["a b"]}))]},
        {"plugins": [plugin("clock", version("clock", "1.0.0", verified=True))]},
    ],
)
def test_what_does_not_hold_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CatalogueRefused) as caught:
        parse({**index(plugin("clock")), **change})
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    "definition",
    [
        {"verified": True},
        {"source": "teleport"},
        {"tomorrow": "field"},
        {"id": "other"},
        {"version": "9.9.9"},
        {"source": "built-in"},
        {"checksum": "x" * MAX_DEFINITION},
    ],
)
def test_a_definition_that_is_not_understood_spoils_only_its_version(definition: dict[str, Any]) -> None:
    odd = version("clock", "2.0.0", definition=definition)
    found = parse(index(plugin("clock", version("clock", "1.0.0"), odd)))
    newest, older = found.plugins["clock"].versions
    assert newest.definition is None
    assert newest.problem
    assert older.definition.version == "1.0.0"
    assert not older.problem


def test_a_name_that_stands_twice_is_refused() -> None:
    text = json.dumps(index())
    with pytest.raises(CatalogueRefused, match="twice"):
        parse_index(f'{text[:-1]}, "serial": 99}}'.encode())


_PLACES = (
    *("serial", "name", "expires", "plugins", "plugins/0", "plugins/0/homepage", "plugins/0/screenshots"),
    *(f"plugins/0/versions{more}" for more in ("", "/0", "/0/permissions", "/0/definition")),
    "plugins/0/versions/0/definition/uiConfig",
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200))
def test_bytes_are_parsed_or_refused(data: bytes) -> None:
    with pytest.raises(CatalogueRefused):
        parse_index(data)


@given(
    st.lists(
        st.sampled_from(_PLACES),
        min_size=1,
        max_size=2,
    ),
    _JSON,
)
def test_any_value_anywhere_is_taken_or_refused(places: list[str], value: Any) -> None:
    """Never another exception: what a stranger signs must not end a refresh in any other way."""
    document = index(plugin("clock", screenshots=[{"path": "x.png", "sha256": "0" * 64, "alt": ""}]))
    for place in places:
        _put(document, place.split("/"), deepcopy(value))
    with suppress(CatalogueRefused):
        found = parse_index(json.dumps(document).encode())
        for one in found.plugins.values():
            assert all(bool(v.problem) == (v.definition is None) for v in one.versions)


def _put(document: Any, path: list[str], value: Any) -> None:
    for part in path[:-1]:
        try:
            document = document[int(part)] if part.isdigit() else document[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(document, dict):
        document[path[-1]] = value
    elif isinstance(document, list) and document:
        document[0] = value
