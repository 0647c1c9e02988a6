"""What the API says of rollouts, and how that comes of the stored ones."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from gateway.api.convert import moment
from gateway.api.view_base import Body, View
from gateway.model import ReleaseId
from gateway.registry.records import RolloutRecord
from gateway.supervisor.rollout import Phase, Rollout, Seen, Strategy
from gateway.supervisor.rollout_acts import RolloutActs
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.rollout_request import RolloutOptions, StepRequest
from gateway.supervisor.rollout_shape import Share, shape
from gateway.windows import Window


class RolloutRequest(RolloutOptions):
    """Ask for a move to a version. What is left out comes from the plugin, then from the defaults."""

    version: str = Field(description="The version to move to.", examples=["2.0.0"], max_length=100)
    catalogue: str = Field(
        default="",
        description="The catalogue that has the version, where the plugin was installed from one.",
        max_length=63,
    )
    yes: bool = Field(default=False, description="Agree beforehand to what the contract diff may find.")
    allow_downgrade: bool = Field(
        default=False,
        description="Go there though a newer version was in use here before. Goes into the audit log.",
    )


class ConsentBody(Body):
    """Whether to go over what holds the rollout."""

    yes: bool = False


class ForceBody(Body):
    """Whether to go back even where that harms data."""

    force: bool = False


class PinBody(Body):
    pinned: bool


class TimelineEntry(View):
    """One transition."""

    at: datetime
    phase: Phase
    step: int
    reason: str


class SideView(View):
    """One of the two releases, and the calls measured on it since the rollout compares them."""

    release_id: str
    version: str
    weight: int = Field(description="Share of new sessions, in percent.")
    draining: bool = Field(description="Takes no new call any more, not even of pages loaded from it.")
    calls: int
    errors: int
    median_seconds: float = Field(description="Upper bound of the median time to the answer's begin.")


class RolloutView(View):
    """A move of one plugin from its stable release to a candidate."""

    id: str
    plugin: str
    phase: Phase
    effective: Phase = Field(
        description="The phase that counts for weights: a pause keeps what it interrupted."
    )
    live: bool
    reason: str
    strategy: Strategy
    step: int = Field(description="Index of the canary step it is in.")
    steps: list[StepRequest]
    stable: SideView
    candidate: SideView
    held_for: list[str] = Field(description="Findings that wait for someone's consent.")
    approved: bool
    is_rollback: bool
    changes_settings: bool = Field(description="Both sides are the same release, with other settings.")
    seconds_left: float | None = Field(description="Until the present phase ends by itself or is given up.")
    cut: int = Field(description="Calls and streams that were cut because they outlasted the drain.")
    created_at: datetime | None
    updated_at: datetime | None
    timeline: list[TimelineEntry]


class RolloutList(View):
    """Newest first."""

    rollouts: list[RolloutView]


def rollout_view(record: RolloutRecord, acts: RolloutActs) -> RolloutView:
    rollout = decode(record)
    windows = acts.rollouts.windows(rollout) if record.live else (Window(), Window())
    seen = acts.rollouts.seen(rollout)
    shares = {share.candidate: share for share in shape(rollout, seen)}

    def side(release_id: ReleaseId, version: str, share: Share | None, window: Window) -> SideView:
        return SideView(
            release_id=release_id,
            version=version,
            weight=share.weight if share else 0,
            draining=bool(share and share.draining),
            calls=window.calls,
            errors=window.errors,
            median_seconds=window.quantile(0.5) if window.calls else 0.0,
        )

    return RolloutView(
        id=record.id,
        plugin=record.plugin_id,
        phase=rollout.phase,
        effective=rollout.effective,
        live=record.live,
        reason=rollout.reason,
        strategy=rollout.plan.strategy,
        step=rollout.step,
        steps=[StepRequest(weight=step.weight, seconds=step.seconds) for step in rollout.plan.steps],
        candidate=side(rollout.candidate, rollout.candidate_version, shares.get(True), windows[0]),
        stable=side(rollout.stable, rollout.stable_version, shares.get(False), windows[1]),
        held_for=list(rollout.held_for),
        approved=rollout.approved,
        is_rollback=rollout.is_rollback,
        changes_settings=rollout.changes_settings,
        seconds_left=_left(rollout, seen, acts.rollouts.now),
        cut=rollout.cut,
        created_at=moment(record.created_at),
        updated_at=moment(record.updated_at),
        timeline=[TimelineEntry.model_validate(entry) for entry in record.timeline],
    )


def _left(rollout: Rollout, seen: Seen, now: float) -> float | None:
    if rollout.phase is Phase.VERIFYING and seen.candidate_healthy:
        return max(0.0, rollout.plan.timing.min_healthy - seen.healthy_for)
    return None if rollout.deadline is None else max(0.0, rollout.deadline - now)
