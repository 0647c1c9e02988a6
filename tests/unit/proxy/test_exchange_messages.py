"""Messages of an exchange: out of bytes however these are cut, and parts of a body as protobuf has them."""

from __future__ import annotations

from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugway.plugin.v1.plugin_pb2 import ExchangeRequest

from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.wire.exchanges import Messages, body_head
from gateway.proxy.wire.parts import MAX_MESSAGE


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(0, 3000), max_size=40))
def test_messages_are_the_same_however_they_are_cut(told: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(pack(">BI", 0, len(message)) + message for message in told)
    places = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    messages, came = Messages(), []
    for start, end in pairwise(places):
        messages.feed(wire[start:end])
        while (message := messages.take()) is not None:
            came.append(message)
    assert came == told
    assert messages.between
    assert messages.held == 0


def test_what_is_not_whole_is_held() -> None:
    messages = Messages()
    messages.feed(b"\0\0\0\0\x04abc")
    assert (messages.take(), messages.between, messages.held) == (None, False, 8)
    messages.feed(b"d")
    assert messages.held == 9
    assert (messages.take(), messages.between, messages.held) == (b"abcd", True, 0)


@pytest.mark.parametrize("head", [(0, MAX_MESSAGE + 1), (1, 4)], ids=["too long", "compressed"])
def test_what_nobody_agreed_to_is_garbage(head: tuple[int, int]) -> None:
    with pytest.raises(CallFailed) as failed:
        Messages().feed(pack(">BI", *head))
    assert failed.value.failure is Failure.GARBAGE


@pytest.mark.parametrize("size", [1, 125, 126, 127, 128, 16_381, 16_384, 300_000, 2**21])
def test_a_part_of_a_body_reads_as_one(size: int) -> None:
    data = b"p" * size
    read = ExchangeRequest.FromString(body_head(size) + data)
    assert (read.WhichOneof("frame"), read.body.data, read.body.end) == ("body", data, False)
