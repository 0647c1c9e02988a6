"""Which releases and rollouts stay, and which are let go of."""

from __future__ import annotations

from dataclasses import replace

from gateway.model import ReleaseId, UiType
from gateway.registry.records import PluginRecord, PluginSettings, ReleaseRecord, RolloutRecord
from gateway.supervisor.collector import (
    KEPT_ROLLOUTS,
    KEPT_STABLE,
    content_digests,
    needed_releases,
    spent_rollouts,
)
from gateway.supervisor.rollout import Phase, Plan, Rollout
from gateway.supervisor.rollout_codec import encode
from gateway.supervisor.rollout_history import Before, step_back
from gateway.ui_bundles import PackedUi, UiBundle
from tests.samples import make_record, make_release

RELEASE = make_release("notes")


def at(release: str) -> PluginRecord:
    record = make_record(RELEASE)
    return PluginRecord(id=record.id, definition=record.definition, release_id=ReleaseId(release))


def move(
    number: int, stable: str, candidate: str, phase: Phase = Phase.SUCCEEDED, *, back: bool = False
) -> RolloutRecord:
    rollout = Rollout(
        id=f"r{number}",
        plugin_id=RELEASE.plugin_id,
        stable=ReleaseId(stable),
        candidate=ReleaseId(candidate),
        plan=Plan(),
        phase=phase,
        is_rollback=back,
    )
    document = encode(rollout)
    return RolloutRecord(
        id=rollout.id, plugin_id=rollout.plugin_id, live=rollout.live, document=document, created_at=number
    )


def newest_first(*records: RolloutRecord) -> list[RolloutRecord]:
    return list(reversed(records))


def test_the_release_in_use_and_the_last_stable_ones_stay() -> None:
    history = newest_first(*(move(n, f"v{n}", f"v{n + 1}") for n in range(1, 10)))
    assert needed_releases(at("v10"), history) == {"v10", "v9", "v8", "v7"}
    assert KEPT_STABLE == 3


def test_a_failed_candidate_goes_and_a_live_one_stays() -> None:
    failed = move(1, "v1", "bad", Phase.ROLLED_BACK)
    assert needed_releases(at("v1"), [failed]) == {"v1"}
    for phase in (Phase.PENDING, Phase.CANARY, Phase.ABORTING, Phase.ROLLBACK_PAUSED):
        live = move(2, "v1", "new", phase)
        assert needed_releases(at("v1"), newest_first(failed, live)) == {"v1", "new"}


def test_a_rollback_leads_only_to_what_is_still_known() -> None:
    history = newest_first(
        move(1, "v1", "v2"), move(2, "v2", "v3"), move(3, "v3", "v2", back=True), move(4, "v2", "v4")
    )
    assert needed_releases(at("v4"), history) == {"v4", "v2", "v1"}
    now = PluginSettings()
    assert step_back(ReleaseId("v4"), now, history, {ReleaseId("v2")}) == Before(release=ReleaseId("v2"))
    assert step_back(ReleaseId("v4"), now, history, ()) is None


def test_history_is_long_but_not_endless_and_keeps_the_way_back() -> None:
    moves = [move(n, f"v{n}", f"v{n + 1}") for n in range(1, 4)]
    failures = [move(n, "v4", f"bad{n}", Phase.ROLLED_BACK) for n in range(4, 4 + 2 * KEPT_ROLLOUTS)]
    history = newest_first(move(0, "v0", "v1"), *moves, *failures)
    needed = needed_releases(at("v4"), history)
    assert needed == {"v4", "v3", "v2", "v1"}
    spent = spent_rollouts(history, needed)
    assert "r0" in spent
    assert not {"r1", "r2", "r3"} & set(spent), "they lead back"
    left = [record for record in history if record.id not in spent]
    assert needed_releases(at("v4"), left) == needed


def test_failures_do_not_pile_up_at_one_stable_release() -> None:
    failures = [move(n, "v1", f"bad{n}", Phase.ROLLED_BACK) for n in range(3 * KEPT_ROLLOUTS)]
    spent = spent_rollouts(newest_first(*failures), {ReleaseId("v1")})
    assert len(failures) - len(spent) == KEPT_ROLLOUTS


def test_what_a_page_was_packed_into_stays_with_its_files() -> None:
    packed = PackedUi(version=1, entry="e", modules={"page.js": "m"}, styles={"a.css": "s"})
    files = {"page.js": "p", "a.css": "a"}
    ui = UiBundle(digest="d", type=UiType.STATIC, entry="page.js", files=files, packed=packed)
    known = ReleaseRecord(release=RELEASE, ui=ui)
    assert content_digests([known, replace(known, ui=None)]) == {"p", "a", "e", "m", "s"}
