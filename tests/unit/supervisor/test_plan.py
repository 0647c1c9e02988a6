"""The plan, over every mixture of what is wanted and what is there."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import InstanceId, InstanceState, Ownership, PluginId, ReleaseId
from gateway.supervisor.plan import (
    Action,
    Attach,
    DesiredInstance,
    DesiredPlugin,
    DesiredRelease,
    Detach,
    Observed,
    Start,
    Stop,
    desired_instances,
    instance_id,
    next_due,
    plan,
)

NOW = 1000.0
RELEASES = tuple(ReleaseId(f"plugin-{number}") for number in range(5))
IDS = tuple(instance_id(release) for release in RELEASES)
# Whether an instance is ours does not change while it exists: a release is remote or it is not.
OWNERS = {id_: Ownership.REMOTE if id_ == IDS[-1] else Ownership.MANAGED for id_ in IDS}

wishes = st.sets(st.sampled_from(RELEASES)).map(
    lambda chosen: desired_instances(
        [
            DesiredPlugin(
                id=PluginId("plugin"),
                releases=tuple(
                    DesiredRelease(release_id=release, ownership=OWNERS[instance_id(release)])
                    for release in sorted(chosen)
                ),
            )
        ]
    )
)


@st.composite
def worlds(draw: st.DrawFn) -> dict[InstanceId, Observed]:
    world = {}
    for id_ in draw(st.sets(st.sampled_from(IDS))):
        managed = OWNERS[id_] is Ownership.MANAGED
        state = draw(st.sampled_from([None, *InstanceState])) if managed else None
        alive = state in (InstanceState.STARTING, InstanceState.RUNNING)
        attached = draw(st.booleans()) and (alive or not managed)
        world[id_] = Observed(
            id=id_,
            ownership=OWNERS[id_],
            state=state,
            attached=attached,
            busy=draw(st.booleans()),
            held_until=draw(st.sampled_from([0.0, NOW, NOW + 5])),
            quarantined=draw(st.booleans()),
            condemned=draw(st.sampled_from(["", "It hangs."])) if attached else "",
        )
    return world


def carry_out(world: dict[InstanceId, Observed], actions: tuple[Action, ...]) -> dict[InstanceId, Observed]:
    """What the actions lead to where everything goes well."""
    after = dict(world)
    for action in actions:
        seen = after.get(action.id, Observed(id=action.id, ownership=OWNERS[action.id]))
        match action:
            case Start():
                after[action.id] = replace(seen, state=InstanceState.RUNNING, attached=True)
            case Attach():
                after[action.id] = replace(seen, attached=True, condemned="")
            case Detach():
                after[action.id] = replace(seen, attached=False, condemned="")
            case Stop():
                after[action.id] = replace(seen, state=None, attached=False, condemned="")
    return after


@given(wishes, worlds())
def test_one_action_for_an_instance_and_none_while_one_runs(
    wanted: tuple[DesiredInstance, ...], world: dict[InstanceId, Observed]
) -> None:
    actions = plan(wanted, world, NOW)
    ids = [action.id for action in actions]
    assert len(ids) == len(set(ids))
    assert not any(world[id_].busy for id_ in ids if id_ in world)
    assert plan(wanted, world, NOW) == actions


@given(wishes, worlds())
def test_what_is_not_ours_is_never_started_or_stopped(
    wanted: tuple[DesiredInstance, ...], world: dict[InstanceId, Observed]
) -> None:
    for action in plan(wanted, world, NOW):
        if isinstance(action, Start | Stop):
            assert OWNERS[action.id] is Ownership.MANAGED


@given(wishes, worlds())
def test_healthy_and_wanted_is_left_alone(
    wanted: tuple[DesiredInstance, ...], world: dict[InstanceId, Observed]
) -> None:
    ids = {instance.id for instance in wanted}
    touched = {action.id for action in plan(wanted, world, NOW)}
    for seen in world.values():
        if seen.id in ids and seen.alive and seen.attached and not seen.condemned and not seen.quarantined:
            assert seen.id not in touched


@given(wishes, worlds())
def test_it_converges_and_then_rests(
    wanted: tuple[DesiredInstance, ...], world: dict[InstanceId, Observed]
) -> None:
    world = {id_: replace(seen, busy=False) for id_, seen in world.items()}
    later = NOW + 60
    for _ in range(3):
        world = carry_out(world, plan(wanted, world, later))
    assert plan(wanted, world, later) == ()
    ids = {instance.id for instance in wanted}
    for id_ in ids:
        seen = world[id_]
        up = seen.attached and (seen.alive or OWNERS[id_] is not Ownership.MANAGED)
        assert up or seen.quarantined
    for seen in world.values():
        if seen.id not in ids:
            assert seen.state is None
            assert not seen.attached
    assert next_due(wanted, world, later) is None


@given(wishes, worlds())
def test_a_back_off_is_kept_and_woken_from(
    wanted: tuple[DesiredInstance, ...], world: dict[InstanceId, Observed]
) -> None:
    for action in plan(wanted, world, NOW):
        if isinstance(action, Start) and action.id in world:
            assert world[action.id].held_until <= NOW
    due = next_due(wanted, world, NOW)
    assert due is None or due == NOW + 5


def test_two_releases_of_one_plugin_run_side_by_side() -> None:
    plugin = DesiredPlugin(
        id=PluginId("plugin"),
        releases=(
            DesiredRelease(release_id=RELEASES[0], weight=90),
            DesiredRelease(release_id=RELEASES[1], weight=10),
        ),
    )
    assert [action.id for action in plan(desired_instances([plugin]), {}, NOW)] == [IDS[0], IDS[1]]
