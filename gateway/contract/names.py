"""Which file names a UI bundle may have: plain, relative, and no two the same anywhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gateway.contract.errors import GarbageAnswer

MAX_FILES = 2000
_MAX_NAME_BYTES = 1024
_MAX_PART_BYTES = 255
_DRIVE = re.compile(r"[A-Za-z]:")


def check_bundle_names(names: Iterable[str]) -> None:
    """Raises :class:`GarbageAnswer` on a name that could lead out of the bundle or hide another file."""
    seen: dict[str, str] = {}
    for name in names:
        if reason := _unsafe(name):
            raise GarbageAnswer(f"A file of its UI bundle, {name[:80]!r}, {reason}.")
        folded = unicodedata.normalize("NFKC", name).casefold()
        if folded in seen:
            raise GarbageAnswer(
                f"The files {seen[folded]!r} and {name!r} of its UI bundle are the same on some systems."
            )
        seen[folded] = name
    for folded, name in seen.items():
        parents = folded.split("/")[:-1]
        if any("/".join(parents[:depth]) in seen for depth in range(1, len(parents) + 1)):
            raise GarbageAnswer(f"A directory of {name!r} in its UI bundle is also the name of a file.")


def _unsafe(name: str) -> str:
    if not name or len(name.encode("utf-8", "replace")) > _MAX_NAME_BYTES:
        return "has an empty name or one that is too long"
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in name):
        return "has control or invisible characters in its name"
    if "\\" in name or _DRIVE.match(name):
        return "has a backslash or a drive letter in its name"
    if unicodedata.normalize("NFC", name) != name:
        return "has a name that is not in Unicode normal form C"
    for part in name.split("/"):
        if part in ("", ".", ".."):
            return "has a path that is absolute or has an empty, '.' or '..' part"
        if len(part.encode()) > _MAX_PART_BYTES:
            return "has a part of more than 255 bytes in its name"
    return ""
