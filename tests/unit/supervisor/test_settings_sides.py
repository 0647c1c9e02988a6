"""Which settings each side of a rollout has, and what comes back."""

from __future__ import annotations

from dataclasses import replace

from gateway.model import ReleaseId
from gateway.registry.records import PluginSettings, RolloutRecord
from gateway.supervisor.plan import desired_instances, instance_id
from gateway.supervisor.rollout import Phase, Plan, Rollout, Seen
from gateway.supervisor.rollout_codec import encode
from gateway.supervisor.rollout_desired import desired_by, instances
from gateway.supervisor.settings_sides import (
    free_slot,
    held_settings,
    restored,
    same_settings,
    settings_with,
)
from tests.samples import make_record, make_release

RELEASE = make_release("notes")
ONE = ReleaseId("notes-000000000001")
OLD = PluginSettings(values={"greeting": "old"}, secrets={"/secret": "s1"}, revision=3)
NEW = PluginSettings(values={"greeting": "new"}, secrets={"/secret": "s2"}, revision=4)


def settings_move(phase: Phase, slots: tuple[int, int] = (0, 1)) -> Rollout:
    return Rollout(
        id="move",
        plugin_id=RELEASE.plugin_id,
        stable=RELEASE.id,
        candidate=RELEASE.id,
        stable_slot=slots[0],
        candidate_slot=slots[1],
        plan=Plan(),
        phase=phase,
    )


def kept(rollout: Rollout, before: PluginSettings | None = OLD) -> RolloutRecord:
    return RolloutRecord(
        id=rollout.id, plugin_id=rollout.plugin_id, live=rollout.live, document=encode(rollout), before=before
    )


def test_two_settings_of_one_release_are_two_instances() -> None:
    for phase, weights in ((Phase.VERIFYING, (100, 0)), (Phase.BAKING, (0, 100))):
        rollout = settings_move(phase)
        wanted = desired_instances([desired_by(rollout, Seen())])
        by_id = {instance.id: instance.release.weight for instance in wanted}
        assert tuple(by_id[id_] for id_ in instances(rollout)) == weights


def test_the_stable_side_keeps_what_was_before_as_long_as_the_rollout_lives() -> None:
    for phase in Phase:
        rollout = settings_move(phase)
        stable, candidate = instances(rollout)
        history = [kept(rollout)]
        assert held_settings(history, stable) == (OLD if rollout.live else None)
        assert held_settings(history, candidate) is None
    assert held_settings([kept(settings_move(Phase.BAKING), None)], instance_id(RELEASE.id)) is None


def test_what_comes_back_has_a_number_of_its_own() -> None:
    back = restored(NEW, OLD)
    assert same_settings(back, OLD)
    assert back.revision == 5
    assert restored(NEW, None) is NEW
    unchanged = replace(NEW, revision=1)
    assert restored(NEW, unchanged) is NEW


def test_the_settings_of_a_release_are_those_it_was_left_with() -> None:
    left = replace(settings_move(Phase.SUCCEEDED), stable=ONE)
    earlier = kept(replace(left, id="earlier"), NEW)
    failed = kept(replace(left, phase=Phase.ROLLED_BACK), NEW)
    mere_settings = kept(settings_move(Phase.SUCCEEDED), NEW)
    assert settings_with(ONE, [mere_settings, failed, kept(left), earlier]) == OLD
    assert settings_with(RELEASE.id, [mere_settings]) is None


def test_a_slot_is_never_used_again() -> None:
    record = make_record(RELEASE)
    assert free_slot(record, []) == 1
    failed = kept(settings_move(Phase.ROLLED_BACK, (0, 4)))
    assert free_slot(record, [failed]) == 5
    assert free_slot(replace(record, slot=7), [failed]) == 8


def test_secrets_are_in_no_representation() -> None:
    assert "s1" not in repr(kept(settings_move(Phase.BAKING)))
