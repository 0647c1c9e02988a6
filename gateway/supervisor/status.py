"""How a plugin and its instances are doing, and which voice said so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.egress.relay import RelayStatus
from gateway.model import InstanceId, InstanceState, Ownership, PluginState, ReleaseId, Voice
from gateway.runtimes.base import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStatus:
    """One instance. ``started_at`` is Unix time, 0 where unknown; ``weight`` its release's share.

    ``sandbox`` is None where nobody here can know it, ``relay`` where it has none. ``failures`` counts its
    faults and ``failed_calls`` the calls without a fit answer, since the gateway began.
    """

    id: InstanceId
    release_id: ReleaseId
    state: InstanceState
    healthy: bool
    reason: str
    voice: Voice
    runtime: str
    ownership: Ownership
    started_at: float = 0.0
    address: str = ""
    weight: int = 100
    sandbox: Sandbox | None = None
    relay: RelayStatus | None = None
    failures: int = 0
    failed_calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginStatus:
    """``since`` and ``retry_at`` are Unix times; ``restarts`` counts since the gateway began.

    ``reason`` is empty only where there is nothing to say; ``retry_at`` is None where
    nothing is planned. The calls of the users in ``personal`` go to copies of their own, those of
    ``recorded`` (a user, or ``*``) are written down.
    """

    state: PluginState
    reason: str
    voice: Voice
    since: float = 0.0
    restarts: int = 0
    retry_at: float | None = None
    instances: tuple[InstanceStatus, ...] = ()
    progress: str = ""
    personal: tuple[str, ...] = ()
    recorded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of one wanted instance, for the judgement of its plugin.

    A ``warm`` one has no share of the calls and takes them where those with a share cannot.
    """

    weight: int
    healthy: bool
    ready: bool
    reason: str
    voice: Voice
    quarantine: str = ""
    waiting: bool = False
    warm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    state: PluginState
    reason: str
    voice: Voice


DISABLED = Judgement(
    state=PluginState.DISABLED, reason="It is switched off by an operator.", voice=Voice.RUNTIME
)


def judge(findings: Sequence[Finding]) -> Judgement:
    """The state of an enabled plugin. The best of the instances that carry calls decides."""
    serving = [finding for finding in findings if finding.weight > 0] or list(findings)
    for finding in serving:
        if finding.healthy:
            return Judgement(state=PluginState.HEALTHY, reason=finding.reason, voice=finding.voice)
    if any(finding.warm and finding.healthy for finding in findings):
        reason = "The stable release serves, as the new one does not."
        return Judgement(state=PluginState.HEALTHY, reason=reason, voice=Voice.RUNTIME)
    for finding in serving:
        if not finding.quarantine:
            state = PluginState.UNHEALTHY if finding.ready or finding.waiting else PluginState.STARTING
            return Judgement(state=state, reason=finding.reason, voice=finding.voice)
    for finding in serving:
        return Judgement(state=PluginState.QUARANTINED, reason=finding.quarantine, voice=finding.voice)
    return Judgement(state=PluginState.STARTING, reason="It is about to be started.", voice=Voice.RUNTIME)
