"""Versions in the order that https://semver.org (2.0.0, item 11) gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SEMVER = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)

Key = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def is_version(text: str) -> bool:
    return len(text) <= 128 and _SEMVER.fullmatch(text) is not None


def is_prerelease(version: str) -> bool:
    match = _SEMVER.fullmatch(version)
    return bool(match and match[4])


def version_key(version: str) -> Key:
    """Sorts versions from old to new; raises ValueError where :func:`is_version` says no."""
    match = _SEMVER.fullmatch(version)
    if not match:
        raise ValueError(f"{version!r} is not a version such as 1.2.3")
    pre = tuple(
        (False, int(part), "") if part.isdigit() else (True, 0, part)
        for part in (match[4] or "").split(".")
        if part
    )
    return int(match[1]), int(match[2]), int(match[3]), not pre, pre


def preference(version: str) -> tuple[bool, bool, Key | None]:
    """Greatest for the version to take where none is named: the newest, pre-releases after all others."""
    if not is_version(version):
        return False, False, None
    return True, not is_prerelease(version), version_key(version)


def later(than: str, versions: Iterable[str]) -> list[str]:
    """Those above ``than``, newest first; pre-releases only where that is one. Texts that are none go."""
    if not is_version(than):
        return []
    found = {
        one
        for one in versions
        if is_version(one)
        and version_key(one) > version_key(than)
        and (is_prerelease(than) or not is_prerelease(one))
    }
    return sorted(found, key=version_key, reverse=True)
