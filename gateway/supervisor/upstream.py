"""What a registry says today about an image that is installed: told, never taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.definition import PluginDefinition
from gateway.errors import PlugwayError
from gateway.model import ImageArtifact, Release
from gateway.supervisor.verification import Check

if TYPE_CHECKING:
    from gateway.sources.offer import Offer

WHAT = "tag"


class Offers(Protocol):
    async def offer(self, definition: PluginDefinition, release: Release) -> Offer | None: ...


class Upstream:
    """Whether the tag still names what it named. A registry that is away is no fault of the plugin."""

    def __init__(self, offers: Offers) -> None:
        self._offers = offers

    async def check(self, definition: PluginDefinition, release: Release) -> tuple[Check, ...]:
        """Nothing for what does not come from a registry, or was installed by digest."""
        artifact = release.artifact
        if not isinstance(artifact, ImageArtifact) or "@" in definition.source_url:
            return ()
        try:
            offer = await self._offers.offer(definition, release)
        except PlugwayError as error:
            return (Check(what=WHAT, ok=None, words=error.detail),)
        if offer is None:
            return ()
        if not offer.changed:
            return (Check(what=WHAT, ok=True, words=f"{offer.reference} still names what is installed."),)
        if offer.version == release.version:
            words = (
                f"{offer.reference} names {offer.digest} now, under the same version. "
                f"What is installed stays {artifact.digest}; "
                f"to move: plugway rollout {release.plugin_id} {offer.version}"
            )
            return (Check(what=WHAT, ok=False, words=words),)
        words = (
            f"{offer.reference} names version {offer.version} now; {release.version} stays installed. "
            f"To move: plugway rollout {release.plugin_id} {offer.version}"
        )
        return (Check(what=WHAT, ok=None, words=words),)
