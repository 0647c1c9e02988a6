from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Voice
from gateway.supervisor.health import Judge


def judge(*, healthy: bool = True) -> Judge:
    return Judge(threshold=2, patience=15.0, healthy=healthy)


def test_one_lost_answer_is_not_a_failure() -> None:
    one = judge()
    one.missed("No answer in time.", now=0.0)
    assert one.verdict.healthy
    one.missed("No answer in time.", now=1.0)
    assert (one.verdict.healthy, one.verdict.reason) == (False, "No answer in time.")
    one.serving()
    assert one.verdict.healthy


def test_its_own_word_counts_at_once() -> None:
    one = judge()
    one.refused("It says that it is not serving.")
    assert not one.verdict.healthy
    assert not one.silent_too_long(now=1e9)


def test_silence_counts_from_its_first_miss_and_needs_several() -> None:
    """A gateway that itself stood still for a minute finds one late answer, not a silence of a minute."""
    one = judge()
    one.missed("No answer in time.", now=100.0)
    assert not one.silent_too_long(now=160.0)
    one.missed("No answer in time.", now=161.0)
    assert one.silent_too_long(now=161.0)
    one.serving()
    assert not one.silent_too_long(now=1e9)


def test_failing_calls_warn_and_never_eject() -> None:
    one = judge()
    one.calls_failed(7, "stream reset")
    assert one.verdict.healthy
    assert one.verdict.voice is Voice.PASSIVE
    assert "The last 7 calls failed (stream reset)" in one.verdict.reason
    one.calls_failed(0, "")
    assert one.verdict.reason == ""


@given(st.lists(st.sampled_from(["serving", "refused", "missed", "calls"])))
def test_a_healthy_word_always_heals(words: list[str]) -> None:
    one = judge(healthy=False)
    for now, word in enumerate(words):
        match word:
            case "serving":
                one.serving()
            case "refused":
                one.refused("no")
            case "missed":
                one.missed("silent", float(now))
            case _:
                one.calls_failed(3, "reset")
        assert one.verdict.healthy or one.verdict.reason
    one.serving()
    assert one.verdict.healthy
