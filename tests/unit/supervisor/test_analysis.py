from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.supervisor.analysis import chance, verdict
from gateway.windows import Window


def window(calls: int, errors: int = 0, seconds: float = 0.003) -> Window:
    made = Window()
    for number in range(calls):
        made.add(seconds, failed=number < errors)
    return made


def test_equal_releases_give_no_verdict() -> None:
    assert verdict(window(1000, 10), window(1000, 10)) == ""


def test_one_bad_call_of_few_is_chance() -> None:
    assert verdict(window(5, 1), window(500, 0)) == ""
    assert verdict(window(2, 2), window(500, 0)) == ""


def test_failing_calls_are_found_with_few_of_them() -> None:
    assert "3 of 4 calls failed" in verdict(window(4, 3), window(200, 0))


def test_a_release_that_fails_as_much_as_the_old_one_did_is_not_blamed() -> None:
    assert verdict(window(50, 25), window(500, 250)) == ""


def test_a_failing_candidate_is_found_without_a_stable_side() -> None:
    assert "calls failed" in verdict(window(20, 20), window(0))


def test_slower_by_ten_is_found_and_a_little_slower_is_not() -> None:
    assert "Half of its calls" in verdict(window(30, seconds=0.05), window(100, seconds=0.005))
    assert verdict(window(30, seconds=0.009), window(100, seconds=0.005)) == ""
    assert verdict(window(5, seconds=0.05), window(100, seconds=0.005)) == "", "five calls are too few"


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.floats(0, 1), st.floats(0, 1))
def test_chance_is_a_probability(n: int, m: int, bad: float, also_bad: float) -> None:
    candidate = Window(calls=n, errors=int(n * bad))
    stable = Window(calls=m, errors=int(m * also_bad))
    assert 0.0 <= chance(candidate, stable) <= 1.0
