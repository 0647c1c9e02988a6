"""How much one plugin may add to the document, and that what it adds can be written as JSON at all. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.api.openapi.schemas import BrokenDocument

MOST_BYTES = 2 * 2**20
"""Of JSON. Large documents of single programs have half of this."""
MOST_VALUES = 50_000
"""Values of all kinds in a plugin's own document, enough for some hundreds of operations: 42 have 4,900,
which take 60 ms of a thread's time, once for each release."""
DEEPEST = 200


def check_size(document: Mapping[str, Any]) -> None:
    """Before anything is read, as reading is what takes long; raises :class:`BrokenDocument`."""
    count, level = 0, [document]
    for _ in range(DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
        count += len(level)
        if count > MOST_VALUES:
            raise BrokenDocument(f"it has more than {MOST_VALUES} values")
        if not level:
            return
    raise BrokenDocument(f"it is nested more than {DEEPEST} deep")


def _inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def check_writable(value: Any) -> None:
    """Numbers that JSON lacks and halves of characters would cost every client the whole document.

    Raises :class:`BrokenDocument`.
    """
    try:
        size = len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise BrokenDocument("it holds text that is not valid Unicode") from None
    except (ValueError, RecursionError):
        raise BrokenDocument("it holds values that JSON does not have") from None
    if size > MOST_BYTES:
        raise BrokenDocument(f"it takes more than {MOST_BYTES // 2**20} MiB")
