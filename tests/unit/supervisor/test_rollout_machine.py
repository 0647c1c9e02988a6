"""The rollout machine under random events: what must hold whatever comes."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.model import PluginId, ReleaseId
from gateway.supervisor import rollout_commands as commands
from gateway.supervisor.rollout import (
    EXPOSED,
    TERMINAL,
    Phase,
    Plan,
    Rollout,
    Seen,
    Step,
    Strategy,
    Timing,
    advance,
)
from gateway.supervisor.rollout_commands import RolloutRefused
from gateway.supervisor.rollout_shape import shape

STABLE, CANDIDATE = ReleaseId("old"), ReleaseId("new")


def start(**changes: object) -> Rollout:
    plan = Plan(strategy=Strategy.DIRECT)
    rollout = Rollout(id="r1", plugin_id=PluginId("notes"), stable=STABLE, candidate=CANDIDATE, plan=plan)
    return replace(rollout, **changes)  # type: ignore[arg-type]


HEALTHY = Seen(candidate_healthy=True, healthy_for=10.0, findings=(), candidate_routed=True)


def run_until(
    rollout: Rollout, phase: Phase, seen: Seen = HEALTHY, now: float = 0.0
) -> tuple[Rollout, float]:
    for _ in range(500):
        if rollout.phase is phase:
            return rollout, now
        now += 1.0
        rollout = advance(rollout, seen, now)
    raise AssertionError(f"never reached {phase}, stuck in {rollout}")


def test_direct_goes_through_bake_and_drain_to_success() -> None:
    rollout, _ = run_until(start(), Phase.BAKING)
    assert shape(rollout, HEALTHY)[0].release_id == CANDIDATE
    assert {share.release_id for share in shape(rollout, HEALTHY)} == {STABLE, CANDIDATE}, (
        "the old one stays warm"
    )
    done, _ = run_until(rollout, Phase.SUCCEEDED)
    assert [share.release_id for share in shape(done, HEALTHY)] == [CANDIDATE]


def test_no_traffic_before_the_minimum_healthy_time() -> None:
    early = replace(HEALTHY, healthy_for=9.9)
    rollout, now = run_until(start(), Phase.VERIFYING, early)
    assert advance(rollout, early, now + 100).phase is Phase.VERIFYING


def test_never_healthy_is_aborted_at_the_startup_budget() -> None:
    rollout, now = run_until(start(), Phase.ABORTING, Seen(candidate_launched=True))
    assert 30 <= now <= 33
    assert "not healthy within 30 s" in rollout.reason
    assert advance(rollout, Seen(candidate_drained=True), now).phase is Phase.ROLLED_BACK


def test_an_image_that_takes_long_uses_up_no_startup_budget() -> None:
    building = Seen(progress="building the image")
    rollout, now = run_until(start(), Phase.STARTING, building)
    for _ in range(300):
        now += 1.0
        rollout = advance(rollout, building, now)
    assert rollout.phase is Phase.STARTING
    late, now = run_until(rollout, Phase.ABORTING, Seen(candidate_launched=True), now)
    assert 330 <= now <= 335
    assert "not healthy within 30 s" in late.reason


def test_an_image_that_never_comes_ends_at_the_progress_deadline() -> None:
    stuck = start(plan=Plan(timing=Timing(progress=120)))
    rollout, now = run_until(stuck, Phase.ABORTING, Seen(progress="building the image"))
    assert 120 <= now <= 125
    assert "building the image" in rollout.reason


def test_failure_in_the_bake_goes_straight_back() -> None:
    rollout, now = run_until(start(), Phase.BAKING)
    back = advance(rollout, replace(HEALTHY, failure="It exited with code 1."), now)
    assert back.phase is Phase.ABORTING
    assert shape(back, HEALTHY)[0] == shape(back, HEALTHY)[0].__class__(release_id=STABLE, weight=100)


def test_candidate_serves_until_the_stable_release_is_up_again() -> None:
    rollout, now = run_until(start(), Phase.BAKING)
    seen = replace(HEALTHY, failure="slow", stable_up=False)
    back = advance(rollout, seen, now)
    assert {share.release_id: share.weight for share in shape(back, seen)} == {STABLE: 0, CANDIDATE: 100}
    assert advance(back, replace(seen, candidate_drained=True), now + 999).phase is Phase.ABORTING


def test_one_way_migration_holds_the_automatic_rollback_only_after_exposure() -> None:
    one_way = replace(HEALTHY, one_way=True)
    early, now = run_until(start(), Phase.VERIFYING, one_way)
    assert advance(early, replace(one_way, failure="died"), now).phase is Phase.ABORTING
    late, now = run_until(start(), Phase.BAKING, one_way)
    held = advance(late, replace(one_way, failure="died"), now)
    assert held.phase is Phase.ROLLBACK_PAUSED
    assert "older ones cannot read" in held.reason
    assert commands.abort(held, one_way, now, force=True).phase is Phase.ABORTING
    assert commands.promote(held, one_way, now).phase is Phase.PROMOTING


def test_findings_hold_until_someone_agrees() -> None:
    seen = replace(HEALTHY, findings=("route GET /notes was removed",))
    rollout, now = run_until(start(), Phase.PAUSED, seen)
    with pytest.raises(RolloutRefused, match="waits for consent"):
        commands.resume(rollout, now)
    with pytest.raises(RolloutRefused, match="waits for consent"):
        commands.promote(rollout, seen, now)
    agreed = commands.approve(rollout, now)
    assert run_until(agreed, Phase.SUCCEEDED, seen, now)[0].approved


def test_nothing_runs_before_someone_agrees_to_what_it_may_do_further() -> None:
    wanted, removed = "new permission: keeps data in volume two", "route GET /notes was removed"
    seen = replace(HEALTHY, further=(wanted,), findings=(wanted, removed))
    rollout, now = run_until(start(), Phase.PAUSED, seen)
    assert rollout.held_for == (wanted,)
    assert [share.release_id for share in shape(rollout, seen)] == [STABLE]
    for refused in (commands.resume, lambda r, now: commands.promote(r, seen, now)):
        with pytest.raises(RolloutRefused, match="waits for consent"):
            refused(rollout, now)
    agreed = commands.approve(rollout, now)
    assert (agreed.held_for, agreed.approved) == ((), False)
    again, now = run_until(agreed, Phase.PAUSED, seen, now)
    assert again.held_for == (removed,), "nobody had been told of it"
    with pytest.raises(RolloutRefused, match="consent: route GET /notes was removed"):
        commands.promote(again, seen, now)
    assert run_until(commands.approve(again, now), Phase.SUCCEEDED, seen, now)[0].approved


def test_a_yes_beforehand_is_one_to_further_permissions_too() -> None:
    seen = replace(HEALTHY, further=("new permission: keeps data in volume two",))
    assert Phase.PAUSED not in {advance(start(approved=True), seen, 1.0).phase}
    run_until(start(approved=True), Phase.SUCCEEDED, seen)


def test_pause_suspends_deadlines() -> None:
    steps = (Step(weight=10, seconds=30), Step(weight=50, seconds=None))
    plan = Plan(strategy=Strategy.CANARY, steps=steps)
    rollout, now = run_until(start(plan=plan), Phase.CANARY)
    paused = commands.pause(rollout, now + 12)
    assert advance(paused, HEALTHY, now + 100_000) == paused
    resumed = commands.resume(paused, now + 100_000)
    assert resumed.deadline == pytest.approx(now + 100_000 + 18)
    manual, later = run_until(resumed, Phase.PAUSED, HEALTHY, now + 100_000)
    assert manual.step == 1
    assert {s.release_id: s.weight for s in shape(manual, HEALTHY)} == {STABLE: 50, CANDIDATE: 50}
    assert commands.resume(manual, later).phase is Phase.PROMOTING


def test_a_step_that_waits_for_someone_is_entered_before_it_waits() -> None:
    plan = Plan(
        strategy=Strategy.CANARY, steps=(Step(weight=20, seconds=None), Step(weight=60, seconds=None))
    )
    entered, now = run_until(start(plan=plan), Phase.CANARY)
    assert entered.exposed
    waits = advance(entered, HEALTHY, now)
    assert (waits.phase, waits.effective) == (Phase.PAUSED, Phase.CANARY)
    assert "20 % of new sessions" in waits.reason
    assert advance(waits, HEALTHY, now + 100_000) == waits
    second = commands.resume(waits, now + 100_000)
    assert (second.phase, second.step) == (Phase.CANARY, 1)
    assert advance(second, HEALTHY, now + 100_000).phase is Phase.PAUSED


def test_commands_twice_get_one_clear_refusal() -> None:
    rollout, now = run_until(start(), Phase.BAKING)
    with pytest.raises(RolloutRefused, match="promoted before"):
        commands.promote(rollout, HEALTHY, now)
    aborting = commands.abort(rollout, HEALTHY, now)
    with pytest.raises(RolloutRefused, match="going back already"):
        commands.abort(aborting, HEALTHY, now)
    with pytest.raises(RolloutRefused, match="cannot begin"):
        commands.supersede(rollout, now)
    with pytest.raises(RolloutRefused, match="not paused"):
        commands.resume(rollout, now)


def test_no_progress_is_an_end_not_a_state() -> None:
    never = replace(HEALTHY, findings=None)
    rollout, _ = run_until(start(plan=Plan(timing=Timing(progress=60))), Phase.ABORTING, never)
    assert "No progress for 60 s" in rollout.reason


class RandomEvents(RuleBasedStateMachine):
    """Any order of looks, commands and pauses of the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.rollout = start()
        self.seen = Seen()
        self.phases: list[Phase] = [Phase.PENDING]

    @initialize(
        steps=st.lists(
            st.builds(Step, weight=st.integers(1, 99), seconds=st.none() | st.floats(0, 50)),
            max_size=3,
        )
    )
    def choose(self, steps: list[Step]) -> None:
        self.rollout = start(plan=Plan(strategy=Strategy.CANARY, steps=tuple(steps)))

    def become(self, rollout: Rollout) -> None:
        if rollout.phase is not self.rollout.phase:
            self.phases.append(rollout.phase)
        self.before, self.rollout = self.rollout, rollout

    @rule(
        seen=st.builds(
            Seen,
            candidate_launched=st.booleans(),
            candidate_healthy=st.booleans(),
            healthy_for=st.sampled_from([0.0, 9.0, 11.0]),
            failure=st.sampled_from(["", "", "", "died"]),
            further=st.sampled_from([(), (), ("gained",)]),
            findings=st.sampled_from([None, (), (), ("removed",)]),
            verdict=st.sampled_from(["", "", "errors"]),
            stable_up=st.booleans(),
            candidate_routed=st.booleans(),
            stable_drained=st.booleans(),
            candidate_drained=st.booleans(),
            one_way=st.booleans(),
        ),
        passed=st.floats(0, 100),
    )
    def look(self, seen: Seen, passed: float) -> None:
        self.now += passed
        self.seen = seen
        after = advance(self.rollout, seen, self.now)
        assert advance(self.rollout, seen, self.now) == after, "looking twice is looking once"
        self.become(after)

    @precondition(lambda self: self.rollout.live)
    @rule(
        name=st.sampled_from(["pause", "resume", "approve", "promote", "abort", "supersede"]),
        yes=st.booleans(),
    )
    def command(self, name: str, yes: bool) -> None:
        with contextlib.suppress(RolloutRefused):
            match name:
                case "promote":
                    self.become(commands.promote(self.rollout, self.seen, self.now, consent=yes))
                case "abort":
                    self.become(commands.abort(self.rollout, self.seen, self.now, force=yes))
                case _:
                    self.become(getattr(commands, name)(self.rollout, self.now))

    @invariant()
    def weights_add_up(self) -> None:
        assert sum(share.weight for share in shape(self.rollout, self.seen)) == 100

    @invariant()
    def a_drained_release_gets_nothing(self) -> None:
        assert all(share.weight == 0 for share in shape(self.rollout, self.seen) if share.draining)

    @invariant()
    def an_end_is_an_end(self) -> None:
        for phase in self.phases[:-1]:
            assert phase not in TERMINAL

    @invariant()
    def nothing_is_exposed_without_consent_or_a_clean_diff(self) -> None:
        if self.rollout.held_for and self.rollout.phase in EXPOSED:
            assert self.rollout.approved

    @invariant()
    def no_candidate_runs_that_waits_for_a_first_consent(self) -> None:
        rollout = self.rollout
        if rollout.paused_from is Phase.PENDING and rollout.held_for and not rollout.approved:
            assert not any(share.candidate for share in shape(rollout, self.seen))

    @invariant()
    def a_pause_has_no_deadline(self) -> None:
        if self.rollout.phase is Phase.PAUSED:
            assert self.rollout.deadline is None
            assert self.rollout.progress_deadline is None

    @invariant()
    def going_back_never_passes_canary_steps(self) -> None:
        if Phase.ABORTING in self.phases:
            after = self.phases[self.phases.index(Phase.ABORTING) + 1 :]
            assert set(after) <= {Phase.ROLLED_BACK}

    def teardown(self) -> None:
        """Whatever happened, a dead candidate and a standing stable release come to an end."""
        if self.rollout.phase in (Phase.PAUSED, Phase.ROLLBACK_PAUSED):
            return
        seen = Seen(failure="died", candidate_drained=True, stable_drained=True, one_way=False)
        for _ in range(5):
            self.now += 31
            self.rollout = advance(self.rollout, seen, self.now)
        assert not self.rollout.live


TestRandomEvents = RandomEvents.TestCase
TestRandomEvents.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
