"""Passwords in commands and in the configuration, which are never shown."""

from __future__ import annotations

HIDDEN = b"(hidden)"


def without_secrets(words: list[bytes]) -> list[bytes]:
    """A command's words with (hidden) for passwords, which servers write down in some places."""
    upper = [word.upper() for word in words]
    first, second = (*upper, b"", b"")[:2]
    if first == b"AUTH":
        return [words[0], *([HIDDEN] * (len(words) - 1))]
    if first in (b"HELLO", b"MIGRATE"):
        for name in (b"AUTH", b"AUTH2"):
            if name in upper:
                place = upper.index(name) + 1
                count = 1 if first == b"MIGRATE" and name == b"AUTH" else 2
                return [
                    *words[:place],
                    *([HIDDEN] * len(words[place : place + count])),
                    *words[place + count :],
                ]
    if (first, second) == (b"ACL", b"SETUSER"):
        return [HIDDEN if word[:1] in b"><#!" and word else word for word in words]
    if (first, second) == (b"CONFIG", b"SET"):
        return [
            HIDDEN if before.endswith((b"PASS", b"AUTH")) else word
            for before, word in zip([b"", *upper], words, strict=False)
        ]
    return words


def is_secret(setting: str) -> bool:
    """Whether a setting of Redis, by its name, is a password."""
    return setting.lower().endswith(("pass", "auth", "password"))
