"""The circuit of one instance, by examples and as a machine that is driven at random."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.proxy.limits.circuit import BASE, FAILURES, LONGEST, PROBE_EVERY, Circuit, State


def opened(now: float = 100.0) -> Circuit:
    circuit = Circuit()
    for _ in range(FAILURES):
        circuit.failed(now, now, "lost", last=False)
    return circuit


def test_failures_in_a_row_take_it_out_and_an_answer_in_between_does_not() -> None:
    circuit = Circuit()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            assert not circuit.failed(1.0, 1.0, "lost", last=False)
        circuit.succeeded(1.0, 1.0)
    assert circuit.state(1.0) is State.CLOSED
    assert opened().state(100.0) is State.OPEN


def test_the_last_one_stays_and_says_so() -> None:
    circuit = Circuit()
    told = [circuit.failed(1.0, 1.0, "lost", last=True) for _ in range(FAILURES + 3)]
    assert circuit.state(1.0) is State.HELD
    assert not circuit.out
    assert told.count(True) == 1, "said once, not with every call"
    assert circuit.failed(1.0, 1.0, "lost", last=False), "once there is another, it goes"
    assert circuit.out


def test_it_is_tried_by_single_calls_and_comes_back_with_the_first_answer() -> None:
    circuit, back = opened(), 100.0 + BASE
    assert not circuit.due(back - 0.1)
    assert circuit.due(back)
    circuit.probe(back)
    assert not circuit.due(back + PROBE_EVERY / 2), "one at a time"
    assert circuit.due(back + PROBE_EVERY), "even if nobody ever heard of the first"
    assert circuit.succeeded(back, back + 2.0)
    assert circuit.state(back + 2.0) is State.CLOSED


def test_each_time_is_longer_up_to_a_bound_and_good_times_are_counted_for_it() -> None:
    circuit, now, lengths = opened(), 100.0, []
    for _ in range(12):
        lengths.append(circuit.until - now)
        now = circuit.until
        assert circuit.failed(now, now, "lost", last=False)
    assert lengths[:3] == [BASE, 2 * BASE, 3 * BASE]
    assert lengths[-1] == LONGEST
    now = circuit.until
    circuit.succeeded(now, now)
    now += 3600.0
    circuit.succeeded(now, now)
    assert circuit.times == 0


def test_calls_from_before_say_nothing_about_now() -> None:
    circuit, back = opened(), 100.0 + BASE
    assert not circuit.failed(99.0, back, "timed out", last=False), "it hung since before it was taken out"
    assert circuit.state(back) is State.HALF_OPEN
    circuit.succeeded(99.0, back)
    assert circuit.state(back) is State.HALF_OPEN
    circuit.succeeded(back, back + 1.0)
    for _ in range(FAILURES):
        circuit.failed(back - 1.0, back + 2.0, "timed out", last=False)
    assert circuit.state(back + 2.0) is State.CLOSED


class Machine(RuleBasedStateMachine):
    """Random calls over random times."""

    def __init__(self) -> None:
        super().__init__()
        self.circuit, self.now = Circuit(), 0.0
        self.bad = 0

    @rule(seconds=st.floats(0, 400))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(age=st.floats(0, 100), last=st.booleans())
    def fail(self, age: float, last: bool) -> None:
        before = self.circuit.state(self.now)
        changed = self.circuit.failed(self.now - age, self.now, "lost", last=last)
        assert changed == (self.circuit.state(self.now) is not before)
        if last:
            assert not self.circuit.out or before is State.OPEN or age > 0, "the last one is never taken out"
        if before is State.CLOSED and self.circuit.out:
            assert self.circuit.failures >= FAILURES

    @rule(age=st.floats(0, 100))
    def answer(self, age: float) -> None:
        before = self.circuit.state(self.now)
        self.circuit.succeeded(self.now - age, self.now)
        if before is State.OPEN:
            assert self.circuit.out, "a call from before does not bring it back early"
        elif age == 0:
            assert self.circuit.state(self.now) is State.CLOSED

    @invariant()
    def never_out_for_longer_than_the_bound(self) -> None:
        if self.circuit.out:
            assert self.circuit.until <= self.now + LONGEST
            assert self.circuit.due(self.now + LONGEST + PROBE_EVERY)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
