from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.replay.compare import Ignored, differences
from gateway.replay.recording import Answer

DOCUMENT = {"items": [{"id": 1, "at": "now", "tags": ["a"]}, {"id": 2, "at": "now", "tags": []}], "total": 2}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def answer(content: Any, status: int = 200, *, kept: bool = True, **headers: str) -> Answer:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    kind = {} if isinstance(content, bytes) else {"content-type": "application/json"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        status=status, headers={**kind, **named}, size=len(data), sha256=hashlib.sha256(data).hexdigest(),
        content=data if kept else None,
    )  # fmt: skip


def found(old: Answer, new: Answer, *ignored: str) -> list[tuple[str, str, str]]:
    return [(one.where, one.was, one.now) for one in differences(old, new, Ignored(ignored))]


@given(JSON)
def test_a_document_is_as_itself_however_it_is_written(document: Any) -> None:
    spaced = answer(
        json.dumps(document, indent=3).encode(), content_type="application/problem+json; charset=x"
    )
    plain = answer(json.dumps(document).encode(), content_type="application/problem+json; charset=x")
    assert found(spaced, plain) == []


@given(JSON, JSON)
def test_two_documents_differ_where_they_are_not_equal(old: Any, new: Any) -> None:
    same = json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    assert bool(found(answer(old), answer(new))) is not same


def test_differences_are_told_by_their_place() -> None:
    new = {"items": [{"id": True, "at": "later", "tags": ["a", "b"]}], "total": 2.5, "more/": None}
    assert found(answer(DOCUMENT), answer(new, 500, location="/x")) == [
        ("status", "200", "500"),
        ("header location", "none", "/x"),
        ("/items/0/id", "1", "true"),
        ("/items/0/at", '"now"', '"later"'),
        ("/items/0/tags/1", "nothing", '"b"'),
        ("/items/1", '{"id": 2, "at": "now", "tags": []}', "nothing"),
        ("/total", "2", "2.5"),
        ("/more~1", "nothing", "null"),
    ]


@pytest.mark.parametrize(
    ("ignored", "left"),
    [
        (("/items/*/at",), ["/items/0/id", "/total"]),
        (("at", "total"), ["/items/0/id"]),
        (("/items",), ["/total"]),
        (("/items/0",), ["/items/1/at", "/total"]),
        (("/item", "items2", "/*/*/*/x"), ["/items/0/id", "/items/0/at", "/items/1/at", "/total"]),
        (("/*",), []),
    ],
)
def test_what_is_ignored(ignored: tuple[str, ...], left: list[str]) -> None:
    new = {"items": [{"id": 9, "at": "then", "tags": ["a"]}, {"id": 2, "at": "then", "tags": []}], "total": 3}
    assert [where for where, _, _ in found(answer(DOCUMENT), answer(new), *ignored)] == left
    head = found(answer(b"", cache_control="no-store"), answer(b""), "header Cache-Control")
    assert head == []


def test_other_bodies_are_told_apart_by_their_digests() -> None:
    assert found(answer(b"\xff" * 500, kept=False), answer(b"\xff" * 500)) == []
    assert found(answer(b"old"), answer(b"new")) == [("body", '"old"', '"new"')]
    ((where, was, now),) = found(answer(b"\xff" * 500, kept=False), answer(b"\xff" * 501))
    assert (where, was[:9], now[:9]) == ("body", "500 bytes", "501 bytes")
    assert found(answer(b"{", content_type="application/json"), answer(b"[", content_type="application/json"))


def test_what_was_cleared_may_be_anything_and_what_stands_beside_it_may_not() -> None:
    old = answer({"words": "with [cleared] in", "key": "[cleared]"})
    assert found(old, answer({"words": "with hush\nhush in", "key": ""})) == []
    assert [one[0] for one in found(old, answer({"words": "hush in", "key": "x"}))] == ["/words"]
    assert found(answer(b"a [cleared]"), answer(b"a b")) == []
    assert found(answer(b"a [cleared]"), answer(b"b b")) == [("body", '"a [cleared]"', '"b b"')]
    unknown = Answer(status=200, headers={}, size=9, sha256="", content=None)
    assert found(unknown, answer(b"x")) == []


def test_there_is_an_end_of_differences() -> None:
    assert len(found(answer(list(range(1000))), answer([]))) == 100
