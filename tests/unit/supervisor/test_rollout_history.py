"""The way that rollbacks go, one step after the other."""

from __future__ import annotations

from dataclasses import replace

from gateway.model import PluginId, ReleaseId
from gateway.registry.records import PluginSettings, RolloutRecord
from gateway.supervisor.rollout import Phase, Plan, Rollout
from gateway.supervisor.rollout_codec import encode
from gateway.supervisor.rollout_history import Before, stable_steps, step_back

A, B = ReleaseId("notes-a"), ReleaseId("notes-b")
KNOWN = (A, B)


def said(word: str, revision: int = 1) -> PluginSettings:
    return PluginSettings(values={"greeting": word}, revision=revision)


def move(
    stable: ReleaseId, candidate: ReleaseId, before: PluginSettings | None, *, back: bool = False
) -> RolloutRecord:
    rollout = Rollout(
        id="r", plugin_id=PluginId("notes"), stable=stable, candidate=candidate, plan=Plan(),
        phase=Phase.SUCCEEDED, is_rollback=back,
    )  # fmt: skip
    return RolloutRecord(
        id="r", plugin_id=rollout.plugin_id, live=False, document=encode(rollout), before=before
    )


def back(current: ReleaseId, now: PluginSettings, *history: RolloutRecord) -> Before | None:
    return step_back(current, now, list(reversed(history)), KNOWN)


TO_B = move(A, B, said("one"))
TO_TWO = move(B, B, said("one"))
UNDO_TWO = move(B, B, said("two"), back=True)


def test_each_rollback_goes_one_step_further() -> None:
    assert back(B, said("two"), TO_B, TO_TWO) == Before(release=B, settings=said("one"))
    assert back(B, said("one", 3), TO_B, TO_TWO, UNDO_TWO) == Before(release=A)
    gone_back = move(B, A, said("one"), back=True)
    assert back(A, said("one", 4), TO_B, TO_TWO, UNDO_TWO, gone_back) is None


def test_settings_of_another_release_or_the_same_ones_are_no_step() -> None:
    assert back(A, said("two"), TO_TWO) is None
    assert back(B, said("one", 9), TO_B, TO_TWO) == Before(release=A), "they are in force already"


def test_a_release_that_went_back_takes_its_settings_along() -> None:
    earlier = move(A, A, said("zero"))
    gone_back = move(B, A, said("two"), back=True)
    assert back(A, said("one"), earlier, TO_B, TO_TWO, gone_back) == Before(release=A, settings=said("zero"))


def test_settings_that_nobody_kept_cannot_come_back() -> None:
    assert back(B, said("two"), TO_B, move(B, B, None)) == Before(release=A)


def test_settings_keep_no_release_at_hand() -> None:
    history = [TO_TWO, replace(TO_B)]
    assert stable_steps(B, history) == [A]
    assert stable_steps(B, [UNDO_TWO, *history]) == [A]
