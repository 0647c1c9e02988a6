"""Frames are counted the same, however their bytes arrive."""

from __future__ import annotations

import pytest
from hyperframe.frame import ContinuationFrame, DataFrame, HeadersFrame, PingFrame
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.http2.meter import Allowance, Flooded, FrameMeter

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def test_an_allowance_fills_with_time_and_no_further() -> None:
    allowance = Allowance(2, 1, 0)
    assert allowance.spend(2, 0)
    assert allowance.spend(1, 1)
    assert allowance.spend(2, 100)
    assert not allowance.spend(1, 100)


@given(st.lists(st.integers(1, 40), max_size=60))
def test_frames_are_found_in_pieces_of_any_size(cuts: list[int]) -> None:
    frames = [
        DataFrame(1, data=b"d" * 30),
        PingFrame(0),
        DataFrame(3, data=b""),
        HeadersFrame(5, data=b"h" * 9),
    ]
    data = PREFACE + b"".join(frame.serialize() for frame in frames)
    meter, at = FrameMeter(1000, 0.0), 0
    for cut in [*cuts, len(data)]:
        meter.take(data[at : at + cut], 0.0)
        at += cut
    # The head has no end yet, so it is no progress.
    assert (meter.progress, meter.pending) == (4, True)
    meter.take(ContinuationFrame(5, data=b"c", flags=["END_HEADERS"]).serialize(), 0.0)
    assert (meter.progress, meter.pending) == (5, False)


def test_data_that_was_sent_pays_for_the_frames_that_answer_it() -> None:
    meter = FrameMeter(1000, 0.0)
    meter.take(PREFACE, 0.0)
    ping = PingFrame(0).serialize()
    for _ in range(5000):
        meter.sent_data(1)
        meter.take(ping, 0.0)
    with pytest.raises(Flooded, match="carry no call"):
        meter.take(ping * 2000, 0.0)


def test_a_head_is_bounded_before_it_is_whole() -> None:
    meter = FrameMeter(1000, 0.0)
    meter.take(PREFACE + HeadersFrame(1, data=b"h" * 900).serialize(), 0.0)
    with pytest.raises(Flooded, match="more than 1000 bytes"):
        meter.take(ContinuationFrame(1, data=b"c" * 101).serialize()[:9], 0.0)
