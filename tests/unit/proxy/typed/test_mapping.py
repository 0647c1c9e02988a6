"""JSON of messages, held against the protobuf library's own, and against hostile bodies."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.typed.api import TypedApi
from gateway.proxy.typed.binding import Binding
from gateway.proxy.typed.mapping import Mapper
from gateway.proxy.typed.values import BadValue
from tests.fakes.typed_library import LIBRARY, descriptor_set, message, pool

MAPPER = Mapper(pool())
BOOK = message("Book")
WRITE, READ = MAPPER.writer(BOOK.DESCRIPTOR), MAPPER.reader(BOOK.DESCRIPTOR)

TEXT = st.text(max_size=8)
# Which bits of a NaN come back is nobody's promise; the suite with Envoy has one.
SINGLES = st.floats(width=32, allow_nan=False)
NESTED = st.recursive(
    st.fixed_dictionaries({}, optional={"text": TEXT, "number": st.integers(-(2**31), 2**31 - 1)}),
    lambda inner: st.fixed_dictionaries({}, optional={"nested": inner, "words": st.lists(TEXT, max_size=3)}),
    max_leaves=5,
)
BOOKS = st.fixed_dictionaries(
    {},
    optional={
        "id": TEXT,
        "big": st.integers(-(2**63), 2**63 - 1),
        "huge": st.integers(0, 2**64 - 1),
        "real": st.floats(allow_nan=False),
        "small": SINGLES,
        "flag": st.booleans(),
        "data": st.binary(max_size=8),
        "kind": st.integers(0, 5),
        "tags": st.lists(TEXT, max_size=3),
        "kinds": st.lists(st.integers(0, 2), max_size=3),
        "nested": NESTED,
        "parts": st.lists(NESTED, max_size=2),
        "counts": st.dictionaries(TEXT, st.integers(-5, 5), max_size=3),
        "maybe": TEXT,
        "left": TEXT,
    },
)


def same(one: Any, other: Any) -> bool:
    return bool(one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True))


@given(BOOKS)
def test_messages_are_written_as_the_library_writes_them_and_read_back(fields: dict[str, Any]) -> None:
    book = BOOK(**fields)
    shown = json.loads(json.dumps(WRITE(book)))
    theirs = json_format.MessageToDict(book, descriptor_pool=pool())
    assert shown.keys() == theirs.keys()
    for name, value in shown.items():
        if name == "small" and isinstance(value, float):
            # Both are decimals of the same 32-bit number.
            assert struct.pack("f", value) == struct.pack("f", book.small)
        else:
            assert value == theirs[name]
    again = BOOK()
    READ(again, shown)
    assert same(again, book)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([field.json_name for field in BOOK.DESCRIPTOR.fields]) | st.text(max_size=5),
        inner,
        max_size=4,
    ),
    max_leaves=10,
)  # fmt: skip


@given(JSON)
def test_any_json_is_taken_or_refused(value: Any) -> None:
    book = BOOK()
    try:
        READ(book, value)
    except BadValue:
        return
    WRITE(BOOK.FromString(book.SerializeToString()))


API = TypedApi(descriptor_set(), (LIBRARY,))


def binding(name: str) -> Binding:
    return next(one for one in API.bindings if one.descriptor.name == name)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_query_and_body_are_taken_or_refused(query: bytes, body: bytes) -> None:
    for name in ("CreateBook", "CreateIn", "SetTags", "Sum", "Upload"):
        made = binding(name)
        values = [b"x"] * len(made.template.variables)
        try:
            messages = made.requests(values, query, body, "text/plain")
        except BadValue:
            continue
        assert all(isinstance(one, bytes) for one in messages)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"nested": {"nested": {"number": "x"}}}, "/nested/nested/number"),
        ({"parts": [{}, {"kind": "NO"}]}, "/parts/1/kind"),
        ({"counts": {"a/b~c": []}}, "/counts/a~1b~0c"),
        ({"tags": ["a", 5]}, "/tags/1"),
        ({"madeAt": "soon"}, "/madeAt"),
        ({"left": "a", "right": 1}, "/right"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_does_not_fit_is_pointed_at(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(BadValue) as refused:
        READ(BOOK(), body)
    assert refused.value.pointer == pointer


def test_annotations_that_do_not_hold_take_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    from google.api import annotations_pb2
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    files = FileDescriptorSet.FromString(descriptor_set())
    own = next(file for file in files.file if file.name == "library/v1/library.proto")
    broken = {"GetBook": "/v1/{nope}", "GetNamed": "v1", "GetFile": "/v1/codes/{big}/{kind}/{flag}"}
    for method in own.service[0].method:
        if method.name in broken:
            method.options.Extensions[annotations_pb2.http].get = broken[method.name]
    made = TypedApi(files.SerializeToString(), (LIBRARY,))
    assert made.tree.find("GET", b"/v1/codes/1/1/1") is not None
    assert made.tree.find("GET", b"/v1/volumes/7") is not None
    for name in broken:
        assert f"{LIBRARY}/{name} is not bound to HTTP" in caplog.text
