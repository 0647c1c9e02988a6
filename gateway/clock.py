"""Time that neither a jump of the wall clock nor a restart of the gateway disturbs."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Names this boot of the machine; the monotonic clock begins anew with each."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        # Rounded, as it is computed from the wall clock on such systems.
        return f"boot-{round(psutil.boot_time() / 60)}"


class SteadyClock:
    """Seconds that only grow, by the time that really passed while the machine was up.

    Deadlines in these seconds can be stored: a gateway that starts again on the same boot
    goes on counting, as the monotonic clock belongs to the machine. After a reboot it goes
    on from the last value that was stored (see :meth:`stored`).
    """

    def __init__(self, stored: str = "") -> None:
        self._boot = boot_id()
        self._offset = 0.0
        if stored:
            boot, offset, last = stored.rsplit(" ", 2)
            self._offset = float(offset) if boot == self._boot else float(last) - time.monotonic()

    def now(self) -> float:
        return self._offset + time.monotonic()

    def wall(self) -> float:
        """Unix time, only to be shown."""
        return time.time()

    @property
    def stored(self) -> str:
        """What to keep for the next start."""
        return f"{self._boot} {self._offset!r} {self.now()!r}"
