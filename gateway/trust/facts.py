"""What the gateway itself found out about a release, against which a statement is held."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway.model import (
    DirectoryArtifact,
    ImageArtifact,
    Permissions,
    PluginId,
    Release,
    ReleaseId,
    RemoteArtifact,
    Source,
    UiType,
)
from gateway.trust.subjects import Subjects, directory_subjects, image_subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A resolved release, seen with the gateway's own eyes.

    ``subjects`` are the artefacts that lie here, by the names of :mod:`gateway.trust.subjects`.
    ``unseen`` are roles (``ui``) that cannot be seen before the plugin runs; they are checked then.
    ``contract`` and ``floor`` are empty where unknown. ``floor`` is the lowest version that may be
    installed. ``accepted_at`` is when this gateway accepted the release, None for a new one.
    ``claimed`` is the definition's ``signature`` where it is a digest, which proves nothing.
    """

    plugin: PluginId
    version: str
    source: Source
    release: ReleaseId = ReleaseId("")
    subjects: Subjects = field(default_factory=dict)
    unseen: frozenset[str] = frozenset({"ui"})
    permissions: Permissions = Permissions()
    ui_type: UiType | None = None
    contract: str = ""
    floor: str = ""
    accepted_at: datetime | None = None
    claimed: str = ""


def facts_of(
    release: Release,
    *,
    subjects: Subjects | None = None,
    floor: str = "",
    accepted_at: datetime | None = None,
    claimed: str = "",
) -> Facts:
    """The facts of a release whose artefact is here. Blocking: reads every file of an external directory.

    ``subjects`` are the artefacts as they were fetched, where the release itself names them in
    another form: those of :func:`gateway.trust.subjects.archive_subjects` for a package that was unpacked.
    Raises OSError and :class:`gateway.digests.UnfitTree`.
    """
    return Facts(
        plugin=release.plugin_id,
        version=release.version,
        source=release.source,
        release=release.id,
        subjects=_own(release) if subjects is None else subjects,
        permissions=release.permissions,
        ui_type=release.ui_type,
        floor=floor,
        accepted_at=accepted_at,
        claimed=claimed,
    )


def _own(release: Release) -> dict[str, str]:
    match release.artifact:
        case DirectoryArtifact(digest=digest) if release.source is Source.BUILT_IN:
            return {"plugin": digest}
        case DirectoryArtifact(path=path):
            return directory_subjects(Path(path))
        case ImageArtifact(digest=digest):
            return image_subjects(digest)
        case RemoteArtifact():
            return {}
