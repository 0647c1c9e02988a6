"""What an install would bring: found, fetched and judged before anybody has to decide."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.definition import PluginDefinition
from gateway.errors import Conflict
from gateway.model import PluginId, Release, RemoteArtifact, Source
from gateway.page_origins import page_origin_words
from gateway.registry.boards import EventBoard
from gateway.registry.records import Acceptance
from gateway.sources.steps import step, steps_told
from gateway.trust.refusal import Refused

REMEMBERED = 600.0
"""Seconds for which what was shown is taken without being fetched again."""

_MOST = 16


class Catalog(Protocol):
    """Finds the release that a definition names."""

    async def resolve(self, definition: PluginDefinition) -> Release: ...


class Admission(Protocol):
    """Says why a release may be installed, or raises."""

    async def accept(
        self, definition: PluginDefinition, release: Release, *, downgrade: bool = False
    ) -> Acceptance: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A release that could be installed: why it may be, or why it may not."""

    release: Release
    acceptance: Acceptance | None = None
    refusal: Refused | None = None

    def accepted(self) -> Acceptance:
        """Raises the refusal."""
        if self.acceptance is None:
            assert self.refusal is not None
            raise self.refusal
        return self.acceptance


class ConsentNeeded(Conflict):
    """Somebody has to see what the release may do before it is installed."""

    key, title = "consent-needed", "The install needs consent"

    def __init__(self, candidate: Candidate) -> None:
        release, acceptance = candidate.release, candidate.accepted()
        permissions = release.permissions
        wants = [*permissions.egress, *(f"the volume {name}" for name in permissions.volumes)]
        pages = "".join(f" Its page may {page_origin_words(one)}." for one in permissions.origins)
        super().__init__(
            f"{release.plugin_id} {release.version} comes from elsewhere. {acceptance.words} "
            f"It may use: {', '.join(wants) or 'nothing outside its container'}.{pages}",
            hint=f"If that is wanted, install it with consent={release.id} (plugway install asks, or --yes).",
            plugin=release.plugin_id,
        )
        self.release_id = release.id

    def problem(self) -> dict[str, Any]:
        """As every problem; ``consent`` is what to give."""
        return super().problem() | {"consent": self.release_id}


class Candidates:
    """Remembers for a while what was shown, so that consent is to these bytes and not to later ones."""

    def __init__(self, catalog: Catalog, admission: Admission) -> None:
        self._catalog = catalog
        self._admission = admission
        self._shown: dict[str, tuple[float, Release]] = {}

    async def find(self, definition: PluginDefinition, *, downgrade: bool = False) -> Candidate:
        """Raises what the source raises; a refusal by the policy is part of the answer."""
        key = definition.model_dump_json()
        at, release = self._shown.get(key, (0.0, None))
        if release is None or time.monotonic() - at > REMEMBERED:
            release = await resolve(self._catalog, definition)
        if needs_consent(release):
            self._shown = dict(list(self._shown.items())[-_MOST:]) | {key: (time.monotonic(), release)}
        if needs_consent(release):
            step("judging", "judging by the policy")
        try:
            accepted = await self._admission.accept(definition, release, downgrade=downgrade)
            return Candidate(release=release, acceptance=accepted)
        except Refused as refusal:
            return Candidate(release=release, refusal=refusal)

    def forget(self, definition: PluginDefinition) -> None:
        """It is installed: whoever installs it again wants what is there by then."""
        self._shown.pop(definition.model_dump_json(), None)


def steps_as_events(events: EventBoard, plugin: PluginId) -> AbstractContextManager[None]:
    """What is done in here to get the plugin is told as ``plugin.install``."""

    def tell(name: str, words: str) -> None:
        events.emit("plugin.install", plugin, step=name, text=words)

    return steps_told(tell)


async def resolve(catalog: Catalog, definition: PluginDefinition) -> Release:
    """As the catalog does, told as the first step where it may take a while."""
    if definition.source is not Source.BUILT_IN:
        step("finding", "looking up the version")
    return await catalog.resolve(definition)


def needs_consent(release: Release) -> bool:
    """Whatever the gateway fetched. Shipped plugins and endpoints were put there by the operator."""
    return release.source is not Source.BUILT_IN and not isinstance(release.artifact, RemoteArtifact)
