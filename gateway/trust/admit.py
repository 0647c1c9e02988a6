"""The two questions that the rest of the gateway asks of trust, with the reading done in a thread.

    verdict = await admit(home, release, envelope)                             # install: raises Refused
    now_is = await review(home, release, envelope, accepted_at=when)           # each later start

``envelope`` is the bytes that lay beside the release, None where there were none. They, and the time of
acceptance, have to be kept with the release: the verdict is found anew each time, from the policy as it
is then. Neither asks anyone outside this machine.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from gateway.model import Release
from gateway.trust.facts import Facts, facts_of
from gateway.trust.judge import Verdict, judge
from gateway.trust.policy import load_policy
from gateway.trust.refusal import Refused, Rule
from gateway.trust.standing import Standing, standing
from gateway.trust.subjects import Subjects


async def admit(
    home: Path,
    release: Release,
    envelope: bytes | None,
    *,
    subjects: Subjects | None = None,
    floor: str = "",
    claimed: str = "",
) -> Verdict:
    """Whether a release that is not here yet may be installed.

    ``subjects`` are the artefacts as fetched, where the release names them in another form (see
    :func:`gateway.trust.facts.facts_of`); ``floor`` is the lowest version that may be installed, empty
    for any; ``claimed`` the definition's ``signature`` where it is a digest.
    Raises :class:`Refused`, and :class:`gateway.trust.policy.BadPolicy` where ``policy.toml`` does not hold.
    """

    def decide() -> Verdict:
        found = _facts(release, subjects=subjects, floor=floor, claimed=claimed)
        return judge(load_policy(home), envelope, found, datetime.now(UTC))

    return await asyncio.to_thread(decide)


async def review(
    home: Path,
    release: Release,
    envelope: bytes | None,
    *,
    accepted_at: datetime,
    subjects: Subjects | None = None,
) -> Standing:
    """How a release stands now that was admitted at ``accepted_at`` (aware).

    Raises :class:`gateway.trust.policy.BadPolicy`; that it is trusted no more is part of the answer.
    """

    def decide() -> Standing:
        policy = load_policy(home)
        try:
            found = _facts(release, subjects=subjects, accepted_at=accepted_at)
        except Refused as refusal:
            return Standing.of_refused(policy, refusal)
        return standing(policy, envelope, found, datetime.now(UTC))

    return await asyncio.to_thread(decide)


def _facts(
    release: Release,
    *,
    subjects: Subjects | None,
    floor: str = "",
    claimed: str = "",
    accepted_at: datetime | None = None,
) -> Facts:
    try:
        return facts_of(release, subjects=subjects, floor=floor, claimed=claimed, accepted_at=accepted_at)
    except OSError as error:
        raise Refused(
            Rule.FILE_MISSING,
            f"The files of {release.plugin_id} {release.version} cannot be read: {error.strerror}.",
            hint="Install the release again.",
            plugin=release.plugin_id,
        ) from error
