"""Whether the registry that a package came from signed it: told from what is kept here, without asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.definition import PluginDefinition
from gateway.model import Release, Source
from gateway.sources.lazy import Lazy
from gateway.supervisor.verification import Check

if TYPE_CHECKING:
    from gateway.sources.npm import NpmSource

WHAT = "registry"


class RegistryProof:
    """Of packages from npm; nothing of all others."""

    def __init__(self, npm: Lazy[NpmSource]) -> None:
        self._npm = npm

    async def check(self, definition: PluginDefinition, release: Release) -> tuple[Check, ...]:
        del definition  # What was signed is the release.
        if release.source is not Source.NPM:
            return ()
        ok, words = await (await self._npm.get()).check(release)
        return (Check(what=WHAT, ok=ok, words=words),)
