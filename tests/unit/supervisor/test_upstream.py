"""What is told of a tag that moved, or of a registry that is away."""

from __future__ import annotations

import pytest

from gateway.definition import PluginDefinition, parse_definition
from gateway.model import ImageArtifact, Release
from gateway.sources.base import SourceUnreadable
from gateway.sources.offer import Offer
from gateway.supervisor.upstream import Upstream
from tests.samples import DIGEST, make_release

INSTALLED = make_release(artifact=ImageArtifact(reference="registry.example/notes", digest=DIGEST))
OTHER = "sha256:" + "1" * 64


class Says:
    def __init__(self, version: str, digest: str) -> None:
        self._offer = Offer(
            reference="registry.example/notes:stable",
            digest=digest,
            installed=DIGEST,
            version=version,
            changed=digest != DIGEST,
        )

    async def offer(self, definition: PluginDefinition, release: Release) -> Offer:
        if not self._offer.version:
            raise SourceUnreadable("The registry cannot be reached.")
        return self._offer


def definition(which: str = ":stable") -> PluginDefinition:
    return parse_definition(
        {"id": "notes", "source": "oci", "sourceUrl": f"oci://registry.example/notes{which}"}
    )


@pytest.mark.parametrize(
    ("version", "digest", "ok", "words"),
    [
        ("1.0.0", DIGEST, True, "still names what is installed"),
        ("1.0.0", OTHER, False, "under the same version"),
        ("2.0.0", OTHER, None, "plugway rollout notes 2.0.0"),
        ("", OTHER, None, "cannot be reached"),
    ],
)
async def test_each_finding_is_told(version: str, digest: str, ok: bool | None, words: str) -> None:
    (check,) = await Upstream(Says(version, digest)).check(definition(), INSTALLED)
    assert (check.what, check.ok) == ("tag", ok)
    assert words in check.words


async def test_what_has_no_tag_is_not_asked_about() -> None:
    upstream = Upstream(Says("1.0.0", OTHER))
    assert await upstream.check(definition(f"@{DIGEST}"), INSTALLED) == ()
    assert await upstream.check(PluginDefinition(id="notes"), make_release()) == ()
