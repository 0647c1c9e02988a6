"""Any document at all, given as a plugin definition: read as it stands, or refused with reasons."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.definition import PluginDefinition, parse_definition
from gateway.errors import BadInput
from gateway.model import PLUGIN_ID

FIELDS = [field.alias or name for name, field in PluginDefinition.model_fields.items()]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12) | st.sampled_from(FIELDS), inner)
    ),
    max_leaves=12,
)
GOOD: dict[str, Any] = {
    "id": "cdn-widget",
    "version": "1.0.0",
    "source": "cdn",
    "checksum": "sha256:" + "a" * 64,
    "uiType": "react_component",
    "uiConfig": {"packageUrl": "https://pages.example/widget.tgz"},
}


@settings(max_examples=400)
@given(
    JSON | st.dictionaries(st.sampled_from([*FIELDS, "verified", "__proto__"]), JSON).map(lambda d: GOOD | d)
)
def test_any_document_is_read_or_refused(document: Any) -> None:
    try:
        read = parse_definition(document)
    except BadInput:
        return
    assert PLUGIN_ID.fullmatch(read.id)
    assert "verified" not in document
    assert set(document) <= set(FIELDS)
    # Nothing that was said is lost or turned into something else.
    again = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    said = set(document) - {"source"}
    assert {name: again[name] for name in said} == {name: document[name] for name in said}


@given(JSON)
def test_verified_is_never_taken(value: Any) -> None:
    with pytest.raises(BadInput) as refused:
        parse_definition(GOOD | {"verified": value})
    assert refused.value.fields == {"/verified": "not accepted as input"}


@given(st.text(max_size=80))
def test_ids_are_plain(text: str) -> None:
    try:
        kept = parse_definition({"id": text}).id
    except BadInput:
        return
    assert kept == text
    assert text.isascii()
    assert not set(text) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(st.text(alphabet="shasha256:0123456789abcdefABCDEF\n ", max_size=90))
def test_a_checksum_is_one_sha256(text: str) -> None:
    try:
        kept = parse_definition(GOOD | {"checksum": text}).checksum
    except BadInput:
        return
    assert kept == "" if not text else len(kept) == len("sha256:") + 64


def test_the_good_one_is_read() -> None:
    assert parse_definition(GOOD).id == "cdn-widget"
