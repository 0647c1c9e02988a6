"""Carrying out a start or a stop. Each may be repeated after a crash at any point of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from gateway.contract.errors import ContractError
from gateway.errors import BadInput, Conflict
from gateway.model import InstanceId, Ownership, Release, VerifiedRelease
from gateway.registry.records import InstanceRecord
from gateway.registry.store import RegistryStore
from gateway.runtimes.base import InstanceSpec, Progress, ReleaseNotRunnable, Runtime, RuntimeInstance
from gateway.supervisor.clock import Clock
from gateway.supervisor.monitor import Monitor

Verify = Callable[[Release], Awaitable[VerifiedRelease]]

HOPELESS = (ReleaseNotRunnable, Conflict, BadInput)
"""Errors of a start that the next one would meet as well."""

_KILL_GRACE = 2.0
"""Seconds for an instance that does not answer anyway: enough for one that is merely slow to end."""


async def prepare(
    store: RegistryStore,
    runtime: Runtime,
    verify: Verify,
    id_: InstanceId,
    release: Release,
    progress: Progress,
) -> InstanceSpec:
    """All that takes long and leaves nothing running, then the intent in the registry."""
    progress("It is being made ready.")
    verified = await verify(release)
    await runtime.prepare(verified, progress)
    await store.put_instance(
        InstanceRecord(
            id=id_,
            plugin_id=release.plugin_id,
            release_id=release.id,
            ownership=Ownership.MANAGED,
            runtime=runtime.name,
        )
    )
    return InstanceSpec(id=id_, release=verified)


async def start(runtime: Runtime, spec: InstanceSpec) -> RuntimeInstance:
    """Not to be cancelled half-way: what was started must be known to whoever stops everything."""
    starting = asyncio.ensure_future(runtime.start(spec))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(Exception):
            await starting
        raise


async def stop(
    store: RegistryStore,
    runtime: Runtime,
    id_: InstanceId,
    *,
    monitor: Monitor | None,
    grace: float,
    reason: str,
    clock: Clock,
) -> int:
    """Drain what is healthy, end it, forget it. ``grace`` in seconds is for all of it.

    Returns how many calls and streams were cut.
    """
    began, cut = clock.steady(), 0
    client = monitor.client if monitor is not None and monitor.verdict.healthy else None
    if client is not None:
        with suppress(ContractError):
            cut = (await client.drain(grace, grace, reason)).cut
        left = max(1.0, grace - (clock.steady() - began))
    else:
        left = min(grace, _KILL_GRACE)
    await runtime.stop(id_, left)
    await store.remove_instance(id_)
    return cut
