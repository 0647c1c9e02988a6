"""What a rate lets through, against the definition of a token bucket."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.call_limits import Rate
from gateway.proxy.limits.rate import Bucket, Buckets

RATES = st.builds(Rate, per_second=st.floats(0.01, 10_000), burst=st.integers(1, 1000))
GAPS = st.lists(st.floats(0, 50), min_size=1, max_size=200)


@given(rate=RATES, gaps=GAPS)
def test_as_many_pass_as_a_token_bucket_lets(rate: Rate, gaps: list[float]) -> None:
    bucket, tokens, now, last = Bucket(rate), float(rate.burst), 1000.0, 1000.0
    for gap in gaps:
        now += gap
        tokens = min(rate.burst, tokens + (now - last) * rate.per_second)
        last = now
        wait = bucket.wait(now)
        if abs(tokens - 1.0) > 1e-4:  # At the very border rounding decides.
            assert (wait == 0.0) == (tokens >= 1.0)
        if wait == 0.0:
            bucket.take(now)
            tokens -= 1.0


@given(rate=RATES, gaps=GAPS)
def test_whoever_waits_as_told_gets_through_and_a_little_earlier_does_not(
    rate: Rate, gaps: list[float]
) -> None:
    bucket, now = Bucket(rate), 1000.0
    for gap in gaps:
        now += gap
        if wait := bucket.wait(now):
            assert bucket.wait(now + wait * 0.5) > 0.0
            assert bucket.wait(now + wait) == 0.0
            assert bucket.wait(now + math.ceil(wait)) == 0.0, "as the Retry-After header says"
        else:
            bucket.take(now)


@given(rate=RATES, processes=st.integers(1, 16))
def test_processes_together_let_through_what_one_does(rate: Rate, processes: int) -> None:
    one = sum(_drain(Bucket(rate), 0.0) for _ in range(1))
    several = [Bucket(rate, processes) for _ in range(processes)]
    burst = sum(_drain(bucket, 0.0) for bucket in several)
    assert one == rate.burst
    assert rate.burst <= burst < rate.burst + processes, "rounded up, so that it is never none"


def _drain(bucket: Bucket, now: float) -> int:
    taken = 0
    while bucket.wait(now) == 0.0:
        bucket.take(now)
        taken += 1
    return taken


calls = st.lists(st.tuples(st.sampled_from([f"u{n}" for n in range(8)]), st.floats(0, 5)), max_size=200)


@given(rate=RATES, calls=calls)
def test_callers_do_not_feel_each_other(rate: Rate, calls: list[tuple[str, float]]) -> None:
    together, now = Buckets(rate, most=100), 1000.0
    alone: dict[str, Bucket] = {}
    for who, gap in calls:
        now += gap
        mine = alone.setdefault(who, Bucket(rate))
        wait = together.wait(who, now)
        assert wait == mine.wait(now)
        if not wait:
            together.take(who, now)
            mine.take(now)


@given(rate=RATES, calls=calls, most=st.integers(1, 4))
def test_many_names_need_bounded_memory_and_get_no_more(
    rate: Rate, calls: list[tuple[str, float]], most: int
) -> None:
    buckets, now = Buckets(rate, most=most), 1000.0
    alone: dict[str, Bucket] = {}
    for who, gap in calls:
        now += gap
        mine = alone.setdefault(who, Bucket(rate))
        wait = buckets.wait(who, now)
        assert wait >= mine.wait(now) - 1e-6, "nobody gets more than with a bucket of their own"
        if not wait:
            buckets.take(who, now)
            mine.take(now)
        assert len(buckets) <= most


def test_a_full_house_makes_newcomers_share_one_bucket() -> None:
    buckets = Buckets(Rate(per_second=1.0, burst=2), most=1)
    buckets.take("first", 0.0)
    for name in ("a", "b"):
        assert buckets.wait(name, 0.0) == 0.0
        buckets.take(name, 0.0)
    assert buckets.wait("c", 0.0) > 0.0
    assert buckets.wait("first", 0.0) == 0.0
    assert buckets.wait("c", 3.0) == 0.0, "the first one's bucket is full again, so there is room"


def test_who_shared_the_one_bucket_gets_no_second_by_room() -> None:
    buckets = Buckets(Rate(per_second=0.25, burst=1), most=1)
    buckets.take("first", 0.0)
    buckets.take("a", 1.0)
    assert buckets.wait("a", 4.0) == 1.0, "the first one's bucket is full again, a's is not"
    assert buckets.wait("a", 5.0) == 0.0
