"""The release lock: everything a release is, in one canonical document."""

from __future__ import annotations

from typing import Any

from gateway.digests import release_contents
from gateway.model import Release

LOCK_FORMAT = 1


def release_lock(release: Release) -> dict[str, Any]:
    """The lock of a release; :func:`gateway.digests.canonical_json` gives its one spelling."""
    contents = release_contents(release)
    return {"lock": LOCK_FORMAT, "id": release.id, "signer": release.signer, **contents}
