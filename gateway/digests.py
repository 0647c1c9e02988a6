"""What a release is reduced to: canonical JSON, the digest of a directory, a release's id.

Below sources and trust, which may not know each other but must agree here.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gateway.errors import BadInput
from gateway.model import (
    Artifact,
    DirectoryArtifact,
    ImageArtifact,
    Permissions,
    PluginId,
    Release,
    ReleaseId,
    RemoteArtifact,
    Source,
    Tier,
    UiType,
)

# What programs leave beside their source; none of it is shipped or run.
LEFT_OUT = frozenset(
    {"__pycache__", ".git", ".venv", "node_modules", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
)


class UnfitTree(BadInput):
    """The directory holds something that a release cannot consist of."""

    key, title = "unfit-plugin-directory", "The plugin's directory cannot be used"


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """One spelling for equal documents: sorted keys, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def tree_digest(root: Path) -> str:
    """``sha256:...`` over path, executable bit and content of every file under ``root``.

    Blocking. Raises :class:`UnfitTree` on links and devices: what they lead to is not in the tree.
    """
    return listing_digest(tree_listing(root))


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file of a tree; ``content`` is its sha256 in hexadecimal."""

    name: str
    content: str
    executable: bool


def tree_listing(root: Path) -> list[ListedFile]:
    """Every file under ``root`` that a release consists of. Blocking; raises as :func:`tree_digest`."""
    listing = []
    for name, mode in _files(os.fspath(root)):
        path = Path(name)
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        listing.append(ListedFile(path.relative_to(root).as_posix(), content, bool(mode & stat.S_IXUSR)))
    return listing


def tree_files(root: Path) -> list[str]:
    """The files that count for :func:`tree_digest`. Blocking; raises as that does."""
    return [path for path, _ in _files(os.fspath(root))]


def listing_digest(listing: Iterable[ListedFile]) -> str:
    """``sha256:...`` of a tree by its listing, in any order."""
    lines = sorted(f"{f.content} {'x' if f.executable else '-'} {json.dumps(f.name)}\n" for f in listing)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _files(root: str) -> Iterator[tuple[str, int]]:
    with os.scandir(root) as entries:
        for entry in entries:
            mode = entry.stat(follow_symlinks=False).st_mode
            if entry.name in LEFT_OUT or stat.S_ISSOCK(mode):
                continue
            if stat.S_ISDIR(mode):
                yield from _files(entry.path)
            elif stat.S_ISREG(mode):
                yield entry.path, mode
            else:
                raise UnfitTree(
                    f"{entry.path} is a link or a device.",
                    hint="Put a plain file in its place: a release consists of plain files only.",
                )


def release_contents(release: Release) -> dict[str, Any]:
    """What makes a release the one it is. Where its files lie on this machine does not."""
    return {
        "plugin": release.plugin_id,
        "version": release.version,
        "source": release.source.value,
        "artifact": _artifact_contents(release.artifact),
        "permissions": {
            "egress": sorted(release.permissions.egress),
            "volumes": sorted(release.permissions.volumes),
            # Left out where there are none, so that ids from before there could be any stay what they are.
            **({"origins": sorted(release.permissions.origins)} if release.permissions.origins else {}),
        },
        "uiType": release.ui_type.value,
    }


def _artifact_contents(artifact: Artifact) -> dict[str, Any]:
    match artifact:
        case DirectoryArtifact():
            return {
                "kind": artifact.kind,
                "digest": artifact.digest,
                "command": list(artifact.command),
                "image": artifact.image,
            }
        case ImageArtifact() | RemoteArtifact():
            return asdict(artifact)


def release_id(release: Release) -> ReleaseId:
    """The id that follows from the contents: plugin id, then 12 hexadecimal digits of their sha256."""
    contents = canonical_json(release_contents(release))
    return ReleaseId(f"{release.plugin_id}-{hashlib.sha256(contents).hexdigest()[:12]}")


def identified(release: Release) -> Release:
    """The release under the id that follows from the rest of it."""
    return replace(release, id=release_id(release))


def make_release(
    *,
    plugin_id: PluginId,
    version: str,
    name: str,
    source: Source,
    tier: Tier,
    artifact: Artifact,
    permissions: Permissions = Permissions(),
    ui_type: UiType,
) -> Release:
    """A release under the id that follows from the rest of it; nobody has signed it yet."""
    release = Release(
        id=ReleaseId(""),
        plugin_id=plugin_id,
        version=version,
        name=name,
        source=source,
        tier=tier,
        artifact=artifact,
        permissions=permissions,
        ui_type=ui_type,
    )
    return identified(release)
