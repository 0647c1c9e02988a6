"""Secrets that are made once, at the first start, and only read from then on."""

from __future__ import annotations

import contextlib
import logging
import secrets
from pathlib import Path

from gateway.durable import write_whole
from gateway.errors import Internal

_log = logging.getLogger(__name__)

# Shorter than anything written here; catches an emptied or truncated file.
_SHORTEST = 20


class SecretFileUnusable(Internal):
    """A secret file exists, but what is in it cannot be used. It is never overwritten."""

    key, title = "secret-file-unusable", "A secret file cannot be used"


def read_or_make(path: Path) -> str:
    """The secret in ``path``; 256 random bits, mode 0600, where there is none yet.

    Raises :class:`SecretFileUnusable` for a file that is empty or too short to be safe.
    """
    if not path.exists():
        _make(path)
    return _read(path)


def _make(path: Path) -> None:
    # Another process may have made one in the meantime, which counts.
    with contextlib.suppress(FileExistsError):
        write_whole(path, f"{secrets.token_urlsafe(32)}\n".encode(), replace=False)


def _read(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        _log.warning("%s was open to other users; its mode is now 0600", path.name)
        path.chmod(0o600)
    secret = path.read_text().strip()
    if len(secret) < _SHORTEST or not secret.isascii():
        raise SecretFileUnusable(
            f"{path} does not hold a usable secret (fewer than {_SHORTEST} characters, or not ASCII).",
            hint="Put your own back from a backup, or delete the file: the next start makes a new one.",
        )
    return secret
