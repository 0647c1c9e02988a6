"""Keeps secrets out of what leaves the process as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

_HIDDEN = "******"
_KEEP = 256


class Mask:
    """Replaces secrets, and the spellings under which they turn up, in texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Old secrets stay: a line about a connection made with one may come late.
        self._secrets: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        before = len(self._secrets)
        for secret in secrets:
            if secret:
                self._secrets[secret] = None
        if len(self._secrets) == before:
            return
        for old in list(self._secrets)[:-_KEEP]:
            del self._secrets[old]
        spellings = {spelling for secret in self._secrets for spelling in _spellings(secret)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        return self._pattern.sub(_HIDDEN, text) if self._pattern is not None else text

    def deep(self, value: Any) -> Any:
        """The same for every text inside a JSON-like value; anything else becomes text first."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {self(str(key)): self.deep(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.deep(item) for item in value]
        return self(value if isinstance(value, str) else str(value))


def _spellings(secret: str) -> Iterable[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    # A key in PEM form is printed line by line.
    yield from (line for line in secret.splitlines() if len(line) >= 8)


log_mask = Mask()
"""Of this process: secrets come in through Configure, lines go out through the log."""
