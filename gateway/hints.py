"""What was perhaps meant: hints for names that nothing bears."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A sentence with the nearest names, or all where they are few; ``otherwise`` where there is none."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=2, cutoff=0.6)
    close = close or [other for other in names if name and (other.startswith(name) or name.startswith(other))]
    if close:
        return f"Did you mean {' or '.join(repr(other) for other in close[:2])}?"
    if names and len(names) <= 10:
        return f"There are: {', '.join(names)}."
    return otherwise
