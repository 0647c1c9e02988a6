from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.pacing import at_rate, for_calls, for_seconds, percentile


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.001, 1))
def test_a_percentile_is_the_smallest_that_enough_do_not_exceed(times: list[float], share: float) -> None:
    found = percentile(times, share)
    assert found in times
    assert sum(time <= found for time in times) >= share * len(times)
    assert sum(time < found for time in times) < share * len(times)


def test_percentiles_of_known_times() -> None:
    times = [float(number) for number in range(1, 101)]
    assert percentile(times, 0.5) == 50
    assert percentile(times, 0.99) == 99
    assert percentile([7.0], 0.99) == 7
    with pytest.raises(ValueError, match="no times"):
        percentile([], 0.5)


async def test_calls_behind_one_that_hangs_count_from_when_they_were_due() -> None:
    """A caller that waited before it sent the next would know of one slow call."""
    hang = [0.3]

    async def call() -> None:
        await asyncio.sleep(hang.pop() if hang else 0)

    times = await at_rate([call], 100, 30)
    assert len(times) == 30
    # 0.3 s, of which each following call is due 10 ms later.
    late = [took for took in times if took > 0.1]
    assert len(late) >= 20
    assert times[0] >= 0.3
    assert times[10] >= 0.15


async def test_a_free_connection_takes_the_call_that_is_due() -> None:
    hang = [0.3]

    async def call() -> None:
        await asyncio.sleep(hang.pop() if hang else 0)

    begun = time.perf_counter()
    times = await at_rate([call, call], 100, 30)
    assert len(times) == 30
    assert time.perf_counter() - begun >= 0.29
    assert max(times) >= 0.3
    assert percentile(times, 0.5) < 0.2


async def test_a_call_that_fails_fails_the_run() -> None:
    async def call() -> None:
        raise ConnectionError("gone")

    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        await at_rate([call], 1000, 3)


async def test_a_closed_loop_counts_what_it_made() -> None:
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)

    made, took = await for_seconds([call, call], 0.1)
    assert made == calls
    assert made >= 2
    assert took >= 0.1
    # However short, each calls once.
    assert (await for_seconds([call, call], 0.0))[0] == 2


async def test_each_makes_its_number_of_calls_however_long_they_take() -> None:
    made = {"quick": 0, "slow": 0}

    async def quick() -> None:
        made["quick"] += 1

    async def slow() -> None:
        await asyncio.sleep(0.01)
        made["slow"] += 1

    assert await for_calls([quick, slow], 5) >= 0.05
    assert made == {"quick": 5, "slow": 5}
