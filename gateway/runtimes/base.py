"""The Runtime protocol: what runs instances, and all that the supervisor knows of it.

Every method is idempotent by instance id. Implementations must pass
``tests/contract/test_runtime.py``; a fake gets no shorter one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import PlugwayError
from gateway.model import (
    Endpoint,
    ExitInfo,
    InstanceId,
    InstanceState,
    PluginId,
    Release,
    ReleaseId,
    VerifiedRelease,
)

Progress = Callable[[str], None]
"""Told one short line for people at each step that takes time."""


class RuntimeFailure(PlugwayError):
    """The runtime could not do what it was asked; ``detail`` says why in words."""

    key, title, status = "runtime-failure", "The runtime failed", 502


class ReleaseNotRunnable(RuntimeFailure):
    """This release can never start here (no image, no command); trying again is useless."""

    key, title = "release-not-runnable", "The release cannot run here"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSpec:
    """What to run. ``id`` is deterministic, so a second start of it is no second instance."""

    id: InstanceId
    release: VerifiedRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """What really surrounds an instance, as its runtime finds it applied.

    ``level`` is ``none``, ``docker`` or ``runsc``. ``network`` says in words what the
    instance reaches by itself, without the relay; ``lacks`` what belongs to the sandbox and is
    not there.
    """

    level: str
    network: str
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


UNPROTECTED = Sandbox(level="none", network="this machine's")
"""A process of this machine, which may do what the gateway's user may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeInstance:
    """What a runtime sees of an instance. ``started_at`` is Unix time in seconds."""

    id: InstanceId
    plugin_id: PluginId
    release_id: ReleaseId
    state: InstanceState
    endpoint: Endpoint | None = None
    started_at: float = 0.0
    exit: ExitInfo | None = None
    handle: str = ""
    sandbox: Sandbox = UNPROTECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Whether the runtime can be used here, and what isolation it really gives."""

    available: bool
    reason: str
    isolation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of output; ``at`` is Unix time in seconds, 0 where unknown."""

    at: float
    text: str


class Runtime(Protocol):
    """Starts, stops and lists instances. Adopting is listing: nothing is held only in memory."""

    @property
    def name(self) -> str: ...

    async def diagnose(self) -> Diagnosis:
        """Never raises: says in words what is missing."""
        ...

    def check_kind(self, release: Release) -> None:
        """Raises :class:`ReleaseNotRunnable` for a kind of release that this runtime never runs."""
        ...

    async def prepare(self, release: VerifiedRelease, progress: Progress) -> None:
        """Have everything at hand that a start needs (image built or pulled)."""
        ...

    async def start(self, spec: InstanceSpec) -> RuntimeInstance:
        """Start it, or return it where it runs already. An exited one of that id is replaced."""
        ...

    async def stop(self, instance: InstanceId, grace: float) -> None:
        """Ask it to end, kill it after ``grace`` seconds, remove all its traces but data and logs."""
        ...

    async def list(self) -> Sequence[RuntimeInstance]:
        """All instances of this gateway's home, running and exited, found by their marks."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yields whenever something may have changed. May end silently: list again, call again."""
        ...

    def logs(self, instance: InstanceId, *, tail: int, follow: bool) -> AsyncIterator[LogLine]:
        """The last ``tail`` lines, then, with ``follow``, what comes. Survives a restart of the plugin."""
        ...

    async def purge(self, plugin: PluginId) -> None:
        """Delete the plugin's volumes, logs and images. Only after all its instances are stopped."""
        ...

    async def collect(self, plugin: PluginId, keep: Collection[ReleaseId]) -> None:
        """Let go of images and old logs of the plugin's releases, but for ``keep``; volumes stay."""
        ...

    async def close(self) -> None:
        """Let go of everything; instances run on."""
        ...
