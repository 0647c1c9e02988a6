from __future__ import annotations

from gateway.model import InstanceId
from gateway.workers.messages import Failed, Good, Measured, Message, Watched
from gateway.workers.outcomes import ToldOutcomes

ONE, TWO = InstanceId("one"), InstanceId("two")


def board() -> tuple[ToldOutcomes, list[Message]]:
    told: list[Message] = []
    return ToldOutcomes(told.append), told


def test_good_calls_are_news_only_where_there_was_doubt() -> None:
    outcomes, told = board()
    outcomes.ok(ONE)
    assert told == []
    outcomes.failed(ONE, "it died")
    outcomes.ok(ONE)
    outcomes.ok(ONE)
    assert told == [Failed(instance=ONE, reason="it died"), Good(instance=ONE)]


def test_doubts_of_others_count_too() -> None:
    outcomes, told = board()
    outcomes.watch(Watched(doubted=frozenset({TWO})))
    outcomes.ok(ONE)
    outcomes.ok(TWO)
    assert told == [Good(instance=TWO)]


def test_each_span_is_measured_from_its_beginning() -> None:
    outcomes, _ = board()
    outcomes.measured(ONE, 0.01, failed=False)
    assert list(outcomes.measurements()) == []
    outcomes.watch(Watched(measured={ONE: 1}))
    outcomes.measured(ONE, 0.01, failed=False)
    outcomes.measured(ONE, 0.01, failed=True)
    (first,) = outcomes.measurements()
    assert isinstance(first, Measured)
    assert (first.span, first.calls, first.errors, sum(first.buckets)) == (1, 2, 1, 2)
    assert list(outcomes.measurements()) == [], "told once"
    outcomes.measured(ONE, 0.01, failed=True)
    outcomes.watch(Watched(measured={ONE: 2}))
    assert list(outcomes.measurements()) == [], "what belongs to the span before is dropped"
    outcomes.measured(ONE, 0.01, failed=False)
    (again,) = outcomes.measurements()
    assert (again.span, again.calls, again.errors) == (2, 1, 0)
    outcomes.watch(Watched())
    outcomes.measured(ONE, 0.01, failed=False)
    assert list(outcomes.measurements()) == []
