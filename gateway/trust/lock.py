"""The release lock: everything a release is, in one canonical document."""

from __future__ import annotations

from typing import Any

from gateway.digests import release_contents, release_id
from gateway.model import Release, ReleaseId

LOCK_FORMAT = 1


def release_lock(release: Release) -> dict[str, Any]:
    """The lock of a release; :func:`gateway.digests.canonical_json` gives its one spelling."""
    contents = release_contents(
        plugin_id=release.plugin_id,
        version=release.version,
        source=release.source,
        artifact=release.artifact,
        permissions=release.permissions,
        ui_type=release.ui_type,
    )
    return {"lock": LOCK_FORMAT, "id": release.id, "signer": release.signer, **contents}


def expected_id(release: Release) -> ReleaseId:
    """The id that the release's own contents lead to."""
    return release_id(
        plugin_id=release.plugin_id,
        version=release.version,
        source=release.source,
        artifact=release.artifact,
        permissions=release.permissions,
        ui_type=release.ui_type,
    )
