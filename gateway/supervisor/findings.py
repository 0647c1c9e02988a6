"""What a candidate takes away, known for each rollout under way: made once, and not in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.model import Manifest, ReleaseId
from gateway.registry.store import RegistryStore
from gateway.supervisor.contract_diff import contract_findings
from gateway.supervisor.rollout import Rollout


@dataclass(frozen=True, slots=True)
class _Made:
    old: Manifest
    new: Manifest
    findings: tuple[str, ...]


class Findings:
    """A large OpenAPI document takes longer to compare than any call should wait."""

    def __init__(self, store: RegistryStore) -> None:
        self._store = store
        self._made: dict[tuple[ReleaseId, ReleaseId], _Made] = {}

    def of(self, rollout: Rollout) -> tuple[str, ...] | None:
        """None until the candidate has said what it is, and :meth:`make` has compared it."""
        old, new = self._manifests(rollout)
        if new is None:
            return None
        # An old release that never came up made no promise that could be broken.
        if old is None or old is new:
            return ()
        made = self._made.get((rollout.stable, rollout.candidate))
        return made.findings if made and made.old is old and made.new is new else None

    async def make(self, rollout: Rollout) -> None:
        """Compare, where that can be done and was not."""
        old, new = self._manifests(rollout)
        if old is not None and new is not None and self.of(rollout) is None:
            before, after = self._granted(rollout.stable, old), self._granted(rollout.candidate, new)
            findings = await asyncio.to_thread(contract_findings, before, after)
            self._made[rollout.stable, rollout.candidate] = _Made(old, new, findings)

    def _granted(self, release: ReleaseId, manifest: Manifest) -> Manifest:
        """With all that its release is granted, which it need not speak of."""
        permissions = self._store.release(release).release.permissions | manifest.permissions
        return replace(manifest, permissions=permissions)

    def keep(self, rollouts: Iterable[Rollout]) -> None:
        """Forget all but these."""
        wanted = {(rollout.stable, rollout.candidate) for rollout in rollouts}
        for gone in self._made.keys() - wanted:
            del self._made[gone]

    def _manifests(self, rollout: Rollout) -> tuple[Manifest | None, Manifest | None]:
        release = self._store.release
        return release(rollout.stable).manifest, release(rollout.candidate).manifest
