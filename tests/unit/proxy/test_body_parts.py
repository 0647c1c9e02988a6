"""Bodies out of the messages of ReadBody, however these are cut on their way."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugway.plugin.v1.http_pb2 import HttpHeader
from plugway.plugin.v1.plugin_pb2 import ReadBodyResponse

from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.wire.parts import MAX_MESSAGE, MAX_OTHER, BodyParts


def framed(message: bytes) -> bytes:
    return pack(">BI", 0, len(message)) + message


def chunk(data: bytes) -> bytes:
    return ReadBodyResponse(chunk=data).SerializeToString()


def trailing(value: bytes) -> bytes:
    return ReadBodyResponse(trailers=[HttpHeader(name=b"x-sum", value=value)]).SerializeToString()


UNKNOWN = b"\x7a\x03new"
"""A field that a later contract may have."""

SHAPES: dict[str, Callable[[bytes], bytes]] = {
    "chunk": chunk,
    "chunk, trailers": lambda data: chunk(data) + trailing(b"1"),
    "trailers, chunk": lambda data: trailing(b"2") + chunk(data),
    "chunk, unknown": lambda data: chunk(data) + UNKNOWN,
    "unknown, chunk": lambda data: UNKNOWN + chunk(data),
    "long length": lambda data: b"\x0a" + bytes([len(data) % 128 | 0x80, len(data) >> 7 | 0x80])
    + b"\x80\x80\x00" + data,
}  # fmt: skip
messages = st.tuples(st.sampled_from(sorted(SHAPES)), st.binary(max_size=300))


@given(st.lists(messages, max_size=8), st.lists(st.integers(0, 3000), max_size=40), st.booleans())
def test_a_body_is_the_same_however_it_is_cut(
    told: list[tuple[str, bytes]], cuts: list[int], views: bool
) -> None:
    wire = b"".join(framed(SHAPES[shape](data)) for shape, data in told)
    places = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    parts, came = BodyParts(), b""
    for start, end in pairwise(places):
        parts.feed(memoryview(wire)[start:end] if views else wire[start:end])
        held, taken = parts.held, parts.take()
        assert (held, parts.held) == (len(taken), 0)
        came += taken
    assert came == b"".join(data for _, data in told)
    assert parts.between
    assert [field.value for field in parts.trailers] == next(
        ([b"1" if shape.startswith("c") else b"2"] for shape, _ in reversed(told) if "trailers" in shape), []
    )


@given(st.binary(min_size=1, max_size=40), st.integers(1, 40))
def test_a_chunk_is_passed_on_before_its_end(data: bytes, size: int) -> None:
    wire = framed(chunk(data))
    parts, came = BodyParts(), b""
    for at in range(0, len(wire), size):
        parts.feed(wire[at : at + size])
        came += parts.take()
        # At most the head of the message is kept back.
        assert len(came) >= min(at + size, len(wire)) - 10
    assert came == data


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_waited_for(data: bytes) -> None:
    parts = BodyParts()
    failure = Failure.GARBAGE
    try:
        parts.feed(data)
    except CallFailed as failed:
        failure = failed.failure
    assert failure is Failure.GARBAGE
    assert parts.held <= len(data)


def one_by_one(wire: bytes) -> None:
    parts = BodyParts()
    for at in range(len(wire)):
        parts.feed(wire[at : at + 1])


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"\x01\0\0\0\x02", "compressed"),
        (pack(">BI", 0, MAX_MESSAGE + 1), "too long"),
        (pack(">BI", 0, MAX_OTHER + 1) + trailing(b"x"), "trailers that are too long"),
        (framed(b"\x0a\x7f"), "something else"),
        (framed(chunk(b"one") + chunk(b"two")), "something else"),
        (framed(b"\x08\x01" + b"\xff" * 11), "something else"),
    ],
    ids=["compressed", "message", "trailers", "length", "twice", "no message"],
)
def test_what_a_plugin_may_not_send(wire: bytes, words: str) -> None:
    with pytest.raises(CallFailed, match=words):
        BodyParts().feed(wire)
    with pytest.raises(CallFailed, match=words):
        one_by_one(wire)


def test_what_came_before_garbage_can_be_taken() -> None:
    parts = BodyParts()
    with pytest.raises(CallFailed):
        parts.feed(framed(chunk(b"good")) + b"\x01\0\0\0\x02")
    assert parts.take() == b"good"


def test_a_short_part_of_a_long_read_does_not_hold_all_of_it() -> None:
    read = framed(chunk(b"p" * 100_000))
    parts = BodyParts()
    parts.feed(memoryview(read)[:1000])
    assert sys.getrefcount(read) == 2
    parts.feed(memoryview(read)[1000:])
    assert sys.getrefcount(read) > 2
    assert parts.take() == b"p" * 100_000
    assert sys.getrefcount(read) == 2
