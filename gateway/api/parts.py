"""Everything the routes work with, in one value."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property

from gateway.access.gatekeeper import Gatekeeper
from gateway.access.tokens import Tokens
from gateway.api.ports import Audit, Lifecycle, Store, Supervisor, Trust, Verification
from gateway.api.streams import Streams
from gateway.api.trail import Trail
from gateway.catalogue.market import Market
from gateway.figures.history import History
from gateway.oidc.provider import OidcProvider
from gateway.registry.boards import EventBoard, SnapshotBoard
from gateway.registry.circuits import CircuitBoard
from gateway.runtimes.base import Runtime
from gateway.settings import Settings
from gateway.supervisor.bundles import Bundles
from gateway.supervisor.rollout_acts import RolloutActs
from gateway.supervisor.source_watch import SourceWatch


@dataclass(frozen=True, kw_only=True)
class Parts:
    """``runtime_choice`` says in words why this runtime was taken; ``started_at`` is Unix time."""

    store: Store
    supervisor: Supervisor
    lifecycle: Lifecycle
    market: Market
    trust: Trust
    verification: Verification
    bundles: Bundles
    sources: SourceWatch
    snapshots: SnapshotBoard
    events: EventBoard
    gatekeeper: Gatekeeper
    tokens: Tokens
    audit: Audit
    oidc: OidcProvider
    settings: Settings
    runtime: Runtime
    runtime_choice: str
    rollouts: RolloutActs
    history: History = field(default_factory=History)
    circuits: CircuitBoard = field(default_factory=CircuitBoard)
    streams: Streams = field(default_factory=Streams)
    started_at: float = field(default_factory=time.time)

    @cached_property
    def trail(self) -> Trail:
        """Writes acts into the audit log."""
        return Trail(self.audit)
