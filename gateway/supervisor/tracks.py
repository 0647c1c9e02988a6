"""What the supervisor remembers of each instance between two looks at the runtime."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace

from gateway.model import InstanceId, InstanceState, Ownership, PluginId, ReleaseId, Voice
from gateway.runtimes.base import RuntimeInstance
from gateway.supervisor.backoff import Attempts, Patience, failed
from gateway.supervisor.monitor import Monitor
from gateway.supervisor.plan import Observed


@dataclass(slots=True, kw_only=True)
class Track:
    """One instance, wanted or only found. Times on the steady clock.

    ``cut`` counts calls and streams that did not end by themselves when it was stopped.
    ``seen`` is the runtime's word; ``doing`` what an action under way is at;
    ``counted`` that the end of the present incarnation is in ``attempts`` already. ``failures`` and
    ``failed_calls`` only grow, unlike ``attempts``.
    """

    id: InstanceId
    plugin_id: PluginId
    release_id: ReleaseId
    ownership: Ownership = Ownership.MANAGED
    seen: RuntimeInstance | None = None
    monitor: Monitor | None = None
    watching: asyncio.Task[None] | None = None
    busy: asyncio.Task[None] | None = None
    preparing: bool = False
    stopping: bool = False
    finished_at: float = 0.0
    attempts: Attempts = Attempts()
    failure: str = ""
    failure_voice: Voice = Voice.RUNTIME
    counted: bool = False
    starts: int = 0
    failures: int = 0
    failed_calls: int = 0
    restart_asked: bool = False
    cut: int = 0
    doing: str = ""

    @property
    def alive(self) -> bool:
        return self.seen is not None and self.seen.state is not InstanceState.EXITED

    @property
    def launched(self) -> bool:
        """Made ready and handed to the runtime, by this gateway or one before it."""
        return self.alive or (self.starts > 0 and not self.preparing)

    @property
    def condemned(self) -> str:
        if self.restart_asked:
            return "A restart was asked for."
        return self.monitor.condemned.reason if self.monitor and self.monitor.condemned else ""

    @property
    def leaving(self) -> bool:
        """It gets no new calls, however healthy it is."""
        return self.stopping or bool(self.condemned)

    @property
    def observed(self) -> Observed:
        return Observed(
            id=self.id,
            ownership=self.ownership,
            state=self.seen.state if self.seen else None,
            attached=self.monitor is not None,
            busy=self.busy is not None,
            held_until=self.attempts.held_until,
            quarantined=bool(self.attempts.quarantine),
            condemned=self.condemned,
        )


def same_incarnation(before: RuntimeInstance, after: RuntimeInstance) -> bool:
    """False only where both are known and differ: the runtime may learn an endpoint late."""
    if before.endpoint is None or after.endpoint is None:
        return True
    return before.endpoint.incarnation == after.endpoint.incarnation


def end_of(track: Track, after: RuntimeInstance | None) -> str:
    """Why an instance that was alive is not so any more; "" where it is, or never was."""
    if not track.alive or (after is not None and after.state is not InstanceState.EXITED):
        return ""
    if after is None:
        return "It disappeared: something other than the gateway removed it."
    return after.exit.reason if after.exit else "It ended."


def count_failure(
    track: Track, reason: str, voice: Voice, *, now: float, permanent: bool, patience: Patience
) -> None:
    """Note why it failed, and hold the next start back or end the trying; ``now`` in steady seconds."""
    if track.ownership is not Ownership.MANAGED:
        # What nobody here starts costs nothing to wait for, however long.
        patience = replace(patience, give_up_after=sys.maxsize)
    track.failure, track.failure_voice = reason, voice
    track.failures += 1
    track.attempts = failed(
        track.attempts,
        reason,
        plugin=track.plugin_id,
        now=now,
        healthy_for=track.monitor.healthy_for(now) if track.monitor else 0.0,
        permanent=permanent,
        patience=patience,
    )
