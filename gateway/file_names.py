"""Which names the files of a bundle or an archive may have: plain, relative, no two the same anywhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_MAX_NAME_BYTES = 1024
_MAX_PART_BYTES = 255
_DRIVE = re.compile(r"[A-Za-z]:")


def unfit_names(names: Iterable[str]) -> str:
    """What is wrong with the first unfit name, as a sentence without its end, or "".

    A name is unfit where it could lead out of its directory, or is another one on some system.
    """
    seen: dict[str, str] = {}
    for name in names:
        if reason := unfit(name):
            return f"{name[:80]!r} {reason}"
        folded = unicodedata.normalize("NFKC", name).casefold()
        if folded in seen:
            return f"{seen[folded]!r} and {name!r} are the same on some systems"
        seen[folded] = name
    for folded, name in seen.items():
        parents = folded.split("/")[:-1]
        if any("/".join(parents[:depth]) in seen for depth in range(1, len(parents) + 1)):
            return f"a directory of {name!r} is also the name of a file"
    return ""


def unfit(name: str) -> str:
    """Why one name by itself cannot be, or ""."""
    if not name or len(name.encode("utf-8", "replace")) > _MAX_NAME_BYTES:
        return "is empty or too long"
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in name):
        return "has control or invisible characters"
    if "\\" in name or _DRIVE.match(name):
        return "has a backslash or a drive letter"
    if unicodedata.normalize("NFC", name) != name:
        return "is not in Unicode normal form C"
    for part in name.split("/"):
        if part in ("", ".", ".."):
            return "is absolute or has an empty, '.' or '..' part"
        if len(part.encode()) > _MAX_PART_BYTES:
            return "has a part of more than 255 bytes"
    return ""
