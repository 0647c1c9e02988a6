"""The only maker of :class:`VerifiedRelease`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.digests import release_id, tree_digest, tree_files
from gateway.errors import Conflict
from gateway.model import DIGEST, DirectoryArtifact, ImageArtifact, Release, RemoteArtifact, VerifiedRelease
from gateway.unchanged import Unchanged


class ReleaseChanged(Conflict):
    """What lies here now is not what was installed."""

    key, title = "release-changed", "The release is not what was installed"


async def verify_release(release: Release, unchanged: Unchanged | None = None) -> VerifiedRelease:
    """Judge a release by what is there now; raises :class:`ReleaseChanged`.

    With ``unchanged``, files that were read before and have not changed since are not read again.

    A remote release has nothing to look at: its proof is the TLS identity, at connection.
    """
    if release.id != release_id(release):
        raise _changed(release, "its lock does not lead to its id")
    match release.artifact:
        case DirectoryArtifact() as artifact:
            await _verify_directory(release, artifact, unchanged)
        case ImageArtifact(digest=digest):
            if not DIGEST.fullmatch(digest):
                raise _changed(release, "its image is not named by digest")
        case RemoteArtifact():
            pass
    return VerifiedRelease(release)


async def _verify_directory(
    release: Release, artifact: DirectoryArtifact, unchanged: Unchanged | None
) -> None:
    try:
        same = await asyncio.to_thread(_same, Path(artifact.path), artifact.digest, unchanged)
    except OSError as error:
        raise _changed(release, f"{artifact.path} cannot be read ({error.strerror})") from error
    if not same:
        raise _changed(release, f"files in {artifact.path} differ")


def _same(root: Path, digest: str, unchanged: Unchanged | None) -> bool:
    def check() -> bool:
        return tree_digest(root) == digest

    return (
        check() if unchanged is None else unchanged.holds(f"{digest} {root}", lambda: tree_files(root), check)
    )


def _changed(release: Release, why: str) -> ReleaseChanged:
    return ReleaseChanged(
        f"{release.plugin_id} {release.version} is not what was installed: {why}.",
        hint=f"Put it back as it was, or install what is there now: "
        f"plugway uninstall {release.plugin_id}, then plugway install {release.plugin_id} (its data stays).",
        plugin=release.plugin_id,
    )
