"""Which file names a UI bundle may have."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.contract.errors import GarbageAnswer
from gateway.file_names import unfit_names

MAX_FILES = 2000


def check_bundle_names(names: Iterable[str]) -> None:
    """Raises :class:`GarbageAnswer` on a name that could lead out of the bundle or hide another file."""
    if reason := unfit_names(names):
        raise GarbageAnswer(f"The file names of its UI bundle do not hold: {reason}.")
