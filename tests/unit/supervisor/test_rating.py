"""A rating never rises with a further permission or fault, stays in its bounds, and says why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.runtimes.base import UNPROTECTED, Sandbox
from gateway.supervisor.rating import GRADES, Declared, Observed, Rating, rate

WHOLE = Sandbox(level="docker", network="none", holds=("init",))
words = st.lists(st.text("abc:", min_size=1, max_size=4), max_size=9).map(tuple)
sandboxes = st.builds(
    Sandbox, level=st.sampled_from(["none", "docker", "runsc"]),
    network=st.sampled_from(["none", "bridge x", "this machine's"]), lacks=words,
)  # fmt: skip
declarations = st.builds(
    Declared, shipped=st.booleans(), signer=st.sampled_from(["", "acme"]), offered=st.booleans(),
    refusal=st.sampled_from(["", "The key was revoked."]), remote=st.booleans(),
    identity=st.sampled_from(["", "notes.example"]), egress=words, volumes=words, origins=words, public=words,
)  # fmt: skip
counts = st.integers(0, 10_000)
observations = st.builds(
    Observed, sandboxes=st.lists(sandboxes, max_size=4).map(tuple), failures=counts, failed_calls=counts,
    refusals=counts, quarantined=st.booleans(),
)  # fmt: skip
seen_or_not = st.none() | observations


def badness(rating: Rating) -> tuple[int, int]:
    """Grows as a rating falls, in its grade and in its points."""
    return [name for name, _ in GRADES].index(rating.grade), -rating.points


@given(declarations, seen_or_not)
def test_it_is_bounded_and_follows_from_its_reasons(it: Declared, seen: Observed | None) -> None:
    rating = rate(it, seen)
    assert 0 <= rating.points <= 100
    assert rating.grade == next(name for name, least in GRADES if rating.points >= least)
    assert all(reason.words.endswith(".") for reason in rating.reasons)
    given_ = sum(reason.points for reason in rating.reasons)
    if rating.final:
        assert rating.points == min(100, max(0, given_))
    else:
        assert min(100, max(0, given_)) <= rating.points


@given(declarations, seen_or_not, st.sampled_from(["egress", "volumes", "origins", "public"]))
def test_a_further_permission_never_raises_it(it: Declared, seen: Observed | None, what: str) -> None:
    more = replace(it, **{what: (*getattr(it, what), "one-more")})  # type: ignore[arg-type]
    assert badness(rate(more, seen)) >= badness(rate(it, seen))


@given(
    declarations, observations, st.sampled_from(["failures", "failed_calls", "refusals"]), st.integers(1, 200)
)
def test_a_further_fault_never_raises_it(it: Declared, seen: Observed, what: str, more: int) -> None:
    worse = replace(seen, **{what: getattr(seen, what) + more})
    assert badness(rate(it, worse)) >= badness(rate(it, seen))
    assert badness(rate(it, replace(seen, quarantined=True))) >= badness(rate(it, seen))


@given(declarations, observations, sandboxes)
def test_a_further_instance_or_a_hole_in_the_sandbox_never_raises_it(
    it: Declared, seen: Observed, one: Sandbox
) -> None:
    beside = replace(seen, sandboxes=(*seen.sandboxes, one))
    assert badness(rate(it, beside)) >= badness(rate(it, seen))
    holed = replace(seen, sandboxes=(*seen.sandboxes, replace(one, lacks=(*one.lacks, "one more"))))
    assert badness(rate(it, holed)) >= badness(rate(it, beside))


@given(declarations, observations)
def test_what_was_promised_before_it_ran_is_the_most_it_comes_to(it: Declared, seen: Observed) -> None:
    assert badness(rate(it, seen)) >= badness(rate(it))
    assert not rate(it).final


@given(declarations, seen_or_not)
def test_to_be_trusted_no_more_is_the_lowest_grade(it: Declared, seen: Observed | None) -> None:
    refused = rate(replace(it, refusal="The key was revoked."), seen)
    assert refused.grade == "E"
    assert "The key was revoked." in refused.reasons[0].words


CASES: dict[str, tuple[Declared, Observed | None, str, bool]] = {
    "shipped, whole sandbox": (Declared(shipped=True), Observed(sandboxes=(WHOLE,)), "A", True),
    "shipped, a process": (Declared(shipped=True), Observed(sandboxes=(UNPROTECTED,)), "C", True),
    "signed, whole": (Declared(signer="acme"), Observed(sandboxes=(WHOLE,)), "A", True),
    "signed, three ways out": (
        Declared(signer="acme", egress=("a:1", "b:1", "c:1")), Observed(sandboxes=(WHOLE,)), "B", True,
    ),
    "unsigned, whole": (Declared(), Observed(sandboxes=(WHOLE,)), "C", True),
    "unsigned, a process": (Declared(), Observed(sandboxes=(UNPROTECTED,)), "E", True),
    "remote": (Declared(remote=True), Observed(), "E", True),
    "signed, not seen": (Declared(signer="acme"), None, "A", False),
    "disabled": (Declared(signer="acme"), Observed(), "A", False),
    "quarantined": (Declared(signer="acme"), Observed(sandboxes=(WHOLE,), quarantined=True), "B", True),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_plugins_come_to(name: str) -> None:
    declared, observed, grade, final = CASES[name]
    rating = rate(declared, observed)
    assert (rating.grade, rating.final) == (grade, final), rating


def test_the_instance_that_is_worst_off_counts() -> None:
    holed = Sandbox(level="docker", network="bridge default", lacks=("memory limit",))
    seen = [reason.words for reason in rate(Declared(), Observed(sandboxes=(WHOLE, holed))).reasons]
    assert "Its sandbox (docker) lacks: memory limit." in seen
    assert any("bridge default" in words for words in seen)
