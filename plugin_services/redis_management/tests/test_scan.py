"""Bounded walks and bytes in JSON, as functions."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st
from redis_management.blobs import BlobInput, blob, whole_characters
from redis_management.scan import LARGEST_COUNT, Budget, is_exact, next_count, step
from redis_management.values.strings import page_of


class Table:
    """Names at places; some match, and SCAN looks at COUNT places a call."""

    def __init__(self, matching: list[bool]) -> None:
        self.matching = matching
        self.counts: list[int] = []

    async def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        self.counts.append(count)
        end = cursor + count
        names = [b"%d" % at for at in range(cursor, min(end, len(self.matching))) if self.matching[at]]
        # Redis may name a key twice.
        return (0 if end >= len(self.matching) else end), names * 2


@given(st.lists(st.booleans(), max_size=300), st.integers(1, 50), st.integers(1, 5))
async def test_a_walk_finds_everything_once_within_its_budget(
    matching: list[bool], wanted: int, calls: int
) -> None:
    table, cursor, found = Table(matching), 0, []
    while True:
        part = await step(table.scan, cursor, wanted, Budget(calls=calls, seconds=60))
        assert part.calls <= calls
        found += part.items
        cursor = part.cursor
        if cursor == 0:
            break
    assert found == [b"%d" % at for at, matches in enumerate(matching) if matches]
    assert all(1 <= count <= LARGEST_COUNT for count in table.counts)


async def test_a_dense_pattern_takes_one_scan_and_a_sparse_one_grows() -> None:
    dense = Table([True] * 5000)
    assert (await step(dense.scan, 0, 100)).calls == 1
    sparse = Table([False] * 200_000)
    part = await step(sparse.scan, 0, 100, Budget(seconds=60))
    assert part.calls == 50
    assert sparse.counts == [100, *([LARGEST_COUNT] * 49)]


async def test_a_slow_network_ends_a_walk_too() -> None:
    assert (await step(Table([False] * 200_000).scan, 0, 100, Budget(seconds=0))).calls == 1


@given(st.integers(1, 1000), st.integers(0, 1000), st.integers(0, 10**6))
def test_the_next_count_is_bounded(wanted: int, found: int, looked_at: int) -> None:
    assert 1 <= next_count(wanted, min(found, wanted), looked_at) <= LARGEST_COUNT


def test_exact_patterns() -> None:
    assert is_exact(b"user:1")
    for pattern in (b"user:*", b"user:?", b"user:[12]", b"user\\:1"):
        assert not is_exact(pattern)


@given(st.binary(max_size=200))
def test_bytes_survive_json(value: bytes) -> None:
    there = blob(value)
    assert BlobInput(data=there.data, encoding=there.encoding).to_bytes() == value
    assert there.size == len(value)
    assert not there.truncated


@given(st.text(max_size=100), st.integers(0, 120))
def test_a_cut_never_splits_a_character(text: str, limit: int) -> None:
    there = blob(text.encode(), limit)
    assert there.encoding == "utf-8"
    assert text.startswith(there.data)
    assert len(there.data.encode()) > min(limit, len(text.encode())) - 4


@given(st.binary(max_size=60))
def test_cutting_back_takes_at_most_three_bytes(part: bytes) -> None:
    assert part.startswith(whole_characters(part))
    assert len(part) - len(whole_characters(part)) <= 3


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)), st.integers(4, 50))
def test_pages_make_up_the_whole(value: bytes, limit: int) -> None:
    parts, offset = [], 0
    while True:
        page = page_of(value[offset : offset + limit], offset, len(value))
        data = page.value.data
        parts.append(base64.b64decode(data) if page.value.encoding == "base64" else data.encode())
        if page.next_offset is None:
            break
        assert page.next_offset > offset
        offset = page.next_offset
    assert b"".join(parts) == value
