"""Who may come in, and who may stay: the policy held against each release, at install and ever after."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from gateway.definition import PluginDefinition
from gateway.model import Release, Source, VerifiedRelease
from gateway.registry.floors import has_floor
from gateway.registry.records import Acceptance, ReleaseRecord
from gateway.registry.store import RegistryStore
from gateway.sources.evidence import Evidence
from gateway.supervisor.acts import Verify
from gateway.trust.admit import admit, review
from gateway.trust.judge import Verdict
from gateway.trust.refusal import Refused
from gateway.trust.standing import Course, Standing


class Shows(Protocol):
    """Who can say what there is to be judged of a release."""

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence: ...


class Admission:
    """Judges by the policy file as it is at that moment; whoever edits it need tell nobody."""

    def __init__(self, *, home: Path, store: RegistryStore, catalog: Shows, verify: Verify) -> None:
        self._home = home
        self._store = store
        self._catalog = catalog
        self._verify = verify

    async def accept(
        self, definition: PluginDefinition, release: Release, *, downgrade: bool = False
    ) -> Acceptance:
        """Why the release may be installed; raises :class:`Refused` where it may not.

        ``downgrade``: the operator wants it though a newer version was in use before.
        """
        evidence = await self._catalog.evidence(definition, release)
        return await self.judge(release, evidence, downgrade=downgrade)

    async def judge(self, release: Release, evidence: Evidence, *, downgrade: bool = False) -> Acceptance:
        """As :meth:`accept`, by what somebody has to show for the release."""
        floor = self._store.floor(release.plugin_id) if has_floor(release) and not downgrade else ""
        envelope, verdict = await self._first_good(release, evidence, floor)
        return Acceptance(
            at=time.time(),
            verified=verdict.verified,
            rule=verdict.rule.value,
            words=verdict.words,
            signer=verdict.signer,
            keys=verdict.keys,
            envelope=envelope or b"",
            subjects=evidence.subjects,
            claimed=evidence.claimed,
        )

    async def _first_good(
        self, release: Release, evidence: Evidence, floor: str
    ) -> tuple[bytes | None, Verdict]:
        """Several may have signed, each in an envelope of their own: one that is trusted is enough.

        Where none of them is, leave for unsigned releases does not help.
        """
        offered: Sequence[bytes | None] = evidence.envelopes or (None,)
        first: Refused | None = None
        for envelope in offered:
            try:
                verdict = await admit(
                    self._home,
                    release,
                    envelope,
                    subjects=evidence.subjects,
                    floor=floor,
                    claimed=evidence.claimed,
                )
            except Refused as refused:
                # Why a signature does not count says more than that there is none.
                first = first or refused
            else:
                return envelope, verdict
        assert first is not None
        raise first

    async def standing(self, record: ReleaseRecord) -> Standing:
        """How a release that was let in stands by the policy of now; raises :class:`BadPolicy`."""
        accepted = record.acceptance
        return await review(
            self._home,
            record.release,
            (accepted.envelope or None) if accepted else None,
            accepted_at=datetime.fromtimestamp(accepted.at if accepted else record.added_at, UTC),
            subjects=accepted.subjects if accepted else None,
        )

    async def verify(self, release: Release) -> VerifiedRelease:
        """Before each start: the files are what was installed, and the policy still lets them run.

        Raises as :func:`gateway.trust.verify.verify_release`, and :class:`Refused` where the policy
        stops what it trusts no more.
        """
        verified = await self._verify(release)
        if release.source is not Source.BUILT_IN:
            found = await self.standing(self._store.release(release.id))
            if found.course is Course.STOP and found.refusal is not None:
                raise found.refusal
        return verified
