"""An answer as it comes in, part by part: how much of it is kept, and how long it may take."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from gateway.replay.recording import Answer

WITHIN = 60.0
"""Seconds for one call to its end."""

LATE = f"it did not come to its end within {WITHIN:g} s"

_MOST = 8 * 2**20


class Body:
    """Of more than 8 MiB only the size and the digest are kept."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._size = 0
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        self._size += len(part)
        self._digest.update(part)
        if self._size <= _MOST:
            self._parts.append(part)

    def answer(self, status: int, headers: Mapping[str, str]) -> Answer:
        """To be compared, now that all of it is here."""
        return Answer(
            status=status, headers=headers, size=self._size, sha256=self._digest.hexdigest(),
            content=b"".join(self._parts) if self._size <= _MOST else None,
        )  # fmt: skip
