"""Files that were read and judged once, and have not changed since by what the file system says of them.

Reading every byte of a large plugin again at each start takes longer than the start. What is compared
instead is what no program can set by itself: the time of the last change (ctime) beside size, inode and
mode. Damage below the file system is found by ``plugway verify``, which reads everything.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

SETTLED = 2.0
"""Seconds: a file changed later than this before it was read could change once more unnoticed,
as the clock of a file system ticks in steps (4 ms on Linux, 2 s on the coarsest)."""
_MOST = 2000


class Unchanged:
    """What is known, kept in ``file`` over restarts. Constructing touches nothing; blocking."""

    def __init__(self, file: Path, settled: float = SETTLED) -> None:
        self._file = file
        self._settled = int(settled * 1e9)
        self._known: dict[str, str] | None = None
        self._lock = threading.Lock()

    def holds(self, key: str, files: Callable[[], Iterable[str | Path]], check: Callable[[], bool]) -> bool:
        """What ``check`` says of the files, which is not asked where they are as they were when it said yes.

        ``key`` names both the files and what was checked. Raises what ``files`` and ``check`` raise.
        """
        began = time.time_ns()
        now, newest = _fingerprint(files())
        if self._table().get(key) == now:
            return True
        if not check():
            self._forget(key)
            return False
        # The same before and after: what was read is what was looked at.
        if newest + self._settled < began and _fingerprint(files())[0] == now:
            self._remember(key, now)
        return True

    def _table(self) -> dict[str, str]:
        with self._lock:
            if self._known is None:
                self._known = {}
                # Lost or damaged, it costs one reading of each file.
                with suppress(OSError, ValueError, AttributeError):
                    found = json.loads(self._file.read_text()).items()
                    self._known = {str(key): str(value) for key, value in found}
            return self._known

    def _remember(self, key: str, fingerprint: str) -> None:
        table = self._table()
        with self._lock:
            table.pop(key, None)
            table[key] = fingerprint
            while len(table) > _MOST:
                del table[next(iter(table))]
            self._write(table)

    def _forget(self, key: str) -> None:
        table = self._table()
        with self._lock:
            if table.pop(key, None) is not None:
                self._write(table)

    def _write(self, table: dict[str, str]) -> None:
        temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        # A full disk costs time at the next start and nothing else.
        with suppress(OSError):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(table, file)
            temporary.replace(self._file)


def _fingerprint(files: Iterable[str | Path]) -> tuple[str, int]:
    """Of all of them together, and when the last one changed; a file that is gone counts as such."""
    seen, newest = hashlib.sha256(), 0
    # As texts: thousands of paths take longer to compare than to look at.
    for path in sorted(map(str, files)):
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            seen.update(f"{path}\0gone\n".encode())
            continue
        newest = max(newest, found.st_ctime_ns, found.st_mtime_ns)
        facts = (
            found.st_dev,
            found.st_ino,
            found.st_mode,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
        )
        seen.update(f"{path}\0{facts}\n".encode())
    return seen.hexdigest(), newest
