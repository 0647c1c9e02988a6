"""What the present release and its settings took over from: the way that a rollback goes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.model import ReleaseId
from gateway.registry.records import PluginSettings, RolloutRecord
from gateway.supervisor.rollout import Phase, Rollout
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.settings_sides import same_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What one rollout took over from. ``settings`` are set where they were all that it moved."""

    release: ReleaseId
    settings: PluginSettings | None = None


def step_back(
    current: ReleaseId, now: PluginSettings, history: Sequence[RolloutRecord], known: Collection[ReleaseId]
) -> Before | None:
    """What ``current`` with the settings ``now`` took over from; None where it is not ``known`` any more.

    ``history`` is newest first. A rollback takes its step off, so it is never rolled back itself.
    """
    for step in reversed(_steps(history)):
        if _leads_away(step, current, now):
            return step if step.release in known else None
    return None


def stable_steps(current: ReleaseId, history: Sequence[RolloutRecord]) -> list[ReleaseId]:
    """Stable releases before ``current``, oldest first; ``history`` is newest first."""
    releases = [step.release for step in _steps(history) if step.settings is None]
    while releases and releases[-1] == current:
        releases.pop()
    return releases


def _leads_away(step: Before, current: ReleaseId, now: PluginSettings) -> bool:
    if step.settings is None:
        return step.release != current
    return step.release == current and not same_settings(step.settings, now)


def _steps(history: Sequence[RolloutRecord]) -> list[Before]:
    """Oldest first."""
    steps: list[Before] = []
    for record in reversed(history):
        rollout = decode(record)
        if rollout.phase is not Phase.SUCCEEDED:
            continue
        if rollout.is_rollback:
            _take_back(steps, rollout)
        elif not rollout.changes_settings:
            steps.append(Before(release=rollout.stable))
        elif record.before is not None:
            steps.append(Before(release=rollout.stable, settings=record.before))
    return steps


def _take_back(steps: list[Before], rollback: Rollout) -> None:
    """Drop the step that ``rollback`` went back by, and those after it."""
    for place in reversed(range(len(steps))):
        step = steps[place]
        if rollback.changes_settings == (step.settings is not None) and step.release == rollback.candidate:
            del steps[place:]
            return
    if not rollback.changes_settings:
        # Its step is forgotten, so whatever is older than the rollback does not count any more.
        steps.clear()
