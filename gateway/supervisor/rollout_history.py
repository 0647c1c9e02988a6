"""Which releases were stable before the present one: the way that a rollback goes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gateway.model import ReleaseId
from gateway.registry.records import RolloutRecord
from gateway.supervisor.rollout import Phase
from gateway.supervisor.rollout_codec import decode


def stable_before(
    current: ReleaseId, history: Sequence[RolloutRecord], known: Collection[ReleaseId]
) -> ReleaseId | None:
    """The stable release that ``current`` took over from; None where it is not ``known`` any more.

    ``history`` is newest first. So a rollback is never rolled back to what it came from.
    """
    steps = stable_steps(current, history)
    return steps[-1] if steps and steps[-1] in known else None


def stable_steps(current: ReleaseId, history: Sequence[RolloutRecord]) -> list[ReleaseId]:
    """Stable releases, oldest first; a rollback takes its step back off the list."""
    steps: list[ReleaseId] = []
    for record in reversed(history):
        rollout = decode(record)
        if rollout.phase is not Phase.SUCCEEDED or rollout.changes_settings:
            continue
        if rollout.is_rollback:
            while steps and steps.pop() != rollout.candidate:
                pass
        else:
            steps.append(rollout.stable)
    while steps and steps[-1] == current:
        steps.pop()
    return steps
