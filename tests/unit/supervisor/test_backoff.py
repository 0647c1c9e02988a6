from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.supervisor.backoff import Attempts, Patience, failed

PATIENCE = Patience(first=0.5, longest=60.0, give_up_after=5, stable_after=60.0)


def fail(
    attempts: Attempts, reason: str = "no luck", *, now: float = 0.0, healthy_for: float = 0.0,
    permanent: bool = False, patience: Patience = PATIENCE,
) -> Attempts:  # fmt: skip
    return failed(
        attempts,
        reason,
        plugin="notes",
        now=now,
        healthy_for=healthy_for,
        permanent=permanent,
        patience=patience,
    )


def test_the_pause_doubles_up_to_the_longest() -> None:
    attempts, pauses = Attempts(), []
    patient = Patience(first=0.5, longest=60.0, give_up_after=100, stable_after=60.0)
    for _ in range(10):
        attempts = fail(attempts, now=100.0, patience=patient)
        pauses.append(attempts.held_until - 100.0)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_quarantine_says_what_happened_and_what_to_do() -> None:
    attempts = Attempts()
    for reason in ("no luck", "no luck", "no port", "no luck", "no disk"):
        assert attempts.quarantine == ""
        attempts = fail(attempts, reason)
    assert attempts.quarantine == (
        "It failed 5 times in a row and is not started again."
        " Last: 3 times: no luck. no port. no disk."
        " See 'plugway logs notes', mend the cause, then 'plugway restart notes'."
    )


def test_a_permanent_failure_is_not_tried_again() -> None:
    attempts = fail(Attempts(), "It speaks contract 2.", permanent=True)
    assert attempts.quarantine.startswith("It speaks contract 2. Trying again would not help. See")


@pytest.mark.parametrize(("healthy_for", "failures"), [(59.9, 5), (60.0, 1)])
def test_a_healthy_time_begins_a_new_row(healthy_for: float, failures: int) -> None:
    attempts = Attempts(failures=4, reasons=("no luck",) * 4)
    assert fail(attempts, healthy_for=healthy_for).failures == failures


@given(st.integers(min_value=0, max_value=10_000), st.floats(min_value=0, max_value=1e9))
def test_the_pause_is_never_longer_than_the_longest(failures: int, now: float) -> None:
    endless = Patience(first=0.5, longest=60.0, give_up_after=10**9, stable_after=60.0)
    held = fail(Attempts(failures=failures), now=now, patience=endless).held_until
    assert now <= held <= now + 60.0
