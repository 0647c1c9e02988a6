"""Which part of a file a Range header means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.ranges import asked_range

DIGEST = b"d" * 64


def part(value: bytes, size: int = 10) -> tuple[int, int] | str | None:
    asked = asked_range([(b"range", value)], DIGEST)
    return "whole" if asked is None else asked.of(size)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"bytes=0-3", (0, 4)),
        (b"bytes=9-", (9, 10)),
        (b"BYTES = 2-100", (2, 10)),
        (b"bytes=-3", (7, 10)),
        (b"bytes=-100", (0, 10)),
        (b"bytes=10-", None),
        (b"bytes=-0", None),
        (b"bytes=3-2", "whole"),
        (b"bytes=-", "whole"),
        (b"bytes=0-1,4-5", "whole"),
        (b"lines=0-1", "whole"),
        (b"bytes=0x1-2", "whole"),
        (b"bytes=1-2\xff", "whole"),
        (b"bytes=" + b"9" * 30 + b"-", "whole"),
    ],
)
def test_one_range_of_bytes_and_nothing_else(value: bytes, expected: object) -> None:
    assert part(value) == expected


@pytest.mark.parametrize(
    ("condition", "honoured"),
    [
        (b'"%s"' % DIGEST, True),
        (b'W/"%s"' % DIGEST, False),
        (b'"other"', False),
        (b"Sun, 06 Nov 1994", False),
    ],
)
def test_a_condition_must_name_this_very_content(condition: bytes, honoured: bool) -> None:
    asked = asked_range([(b"range", b"bytes=0-1"), (b"if-range", condition)], DIGEST)
    assert (asked is not None) is honoured


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 20))
def test_a_part_lies_within_its_file(first: int, last: int, size: int) -> None:
    found = part(b"bytes=%d-%d" % (first, last), size)
    if isinstance(found, tuple):
        start, end = found
        assert 0 <= start < end <= size
        assert (start, end - start) == (first, min(last, size - 1) - first + 1)


def test_an_empty_file_has_no_part() -> None:
    assert part(b"bytes=0-", 0) is None
    assert part(b"bytes=-5", 0) is None
