"""The artefacts of a release by name and digest, as statements list them.

    image                 an image's manifest
    plugin, plugin/PATH   a plugin's directory as a whole, and each file in it
    archive               a package (.tgz, .zip) as its registry hands it out
    ui/PATH               each file of a UI that is fetched file by file, or handed out by the plugin

Signers and sources both come here, so that they agree. Digests are ``sha256:`` and 64 hexadecimal
digits; all but that of ``plugin`` (see ``gateway.digests.tree_digest``) are of the bytes themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from gateway.digests import listing_digest, tree_listing
from gateway.errors import BadInput

Subjects = Mapping[str, str]

MAX_SUBJECTS = 10_000
MAX_NAME = 512

_WHOLES = frozenset({"image", "plugin", "archive"})
_FOLDERS = frozenset({"plugin", "ui"})
_SEGMENT = re.compile(r"[^/\\\x00-\x1f\x7f]+")


class ArtefactUnreadable(BadInput):
    """An artefact cannot be read."""

    key, title = "artefact-unreadable", "The artefact cannot be read"


def is_subject_name(name: str) -> bool:
    """Whether ``name`` is one of the forms above, its path without ``..``, ``\\`` or control characters."""
    if name in _WHOLES:
        return True
    folder, slash, path = name.partition("/")
    return bool(slash) and folder in _FOLDERS and len(name) <= MAX_NAME and _is_plain(path)


def role_of(name: str) -> str:
    """``image``, ``plugin``, ``archive`` or ``ui``."""
    return name.partition("/")[0]


def image_subjects(digest: str) -> dict[str, str]:
    return {"image": digest}


def directory_subjects(root: Path) -> dict[str, str]:
    """A plugin's directory. Blocking; raises OSError and :class:`gateway.digests.UnfitTree`."""
    listing = tree_listing(root)
    files = {f"plugin/{file.name}": f"sha256:{file.content}" for file in listing}
    return {"plugin": listing_digest(listing), **files}


def ui_subjects(root: Path) -> dict[str, str]:
    """The files of a UI. Blocking; raises as above."""
    return {f"ui/{file.name}": f"sha256:{file.content}" for file in tree_listing(root)}


def archive_subjects(path: Path) -> dict[str, str]:
    """A package, whatever is in it. Blocking; raises :class:`ArtefactUnreadable`."""
    try:
        with path.open("rb") as file:
            return {"archive": f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"}
    except OSError as error:
        raise ArtefactUnreadable(
            f"{path} cannot be read: {error.strerror}.", hint="Check the path."
        ) from error


def _is_plain(path: str) -> bool:
    return all(_SEGMENT.fullmatch(part) and part not in (".", "..") for part in path.split("/"))
