"""Sockets in a directory where the plugin may write: reached as what they are, never as what they lead to.

A plugin in a container makes its socket in a directory of this machine that is mounted into it. There
it could put a link to another plugin's socket in place of its own, and have its callers answered by
that one: past the other's rules of access, and with their identity.
"""

from __future__ import annotations

import os
import sys

_NOWHERE = "/proc/self/fd/none"


def hold(path: str) -> int | None:
    """A descriptor for what lies at ``path`` itself, be it a link; None where nothing is there.

    The caller closes it. Only Linux has such descriptors, and mounted sockets.
    """
    if sys.platform != "linux":
        raise OSError("mounted sockets are for Linux")
    try:
        return os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def path_of(held: int | None) -> str:
    """Where to connect: the same socket whatever is put at its path later. A link refuses connections."""
    return _NOWHERE if held is None else f"/proc/self/fd/{held}"


def is_same(held: int | None, path: str) -> bool:
    """Whether what is held still lies there; where nothing was there, whether that is still so."""
    try:
        there = os.lstat(path)
    except OSError:
        # Gone: what is held is as good as nothing.
        return True
    if held is None:
        return False
    kept = os.fstat(held)
    return (kept.st_dev, kept.st_ino) == (there.st_dev, there.st_ino)
