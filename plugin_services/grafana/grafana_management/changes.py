"""What is different between two JSON documents, as a person would name it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from plugway_sdk.web.models import ApiModel

LONGEST = 160
"""Characters of a value that are shown."""
_OWN = frozenset(("id", "version", "iteration"))
_ABSENT = object()


class Change(ApiModel):
    """One difference; ``before`` or ``after`` is null where it was not there."""

    path: str
    before: str | None
    after: str | None


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """All of them, in the order of the newer document."""
    return list(_different(_without(before), _without(after), ""))


def _without(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _OWN}


def _different(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*after, *(name for name in before if name not in after)]:
            inner = f"{path}.{name}" if path else name
            yield from _different(before.get(name, _ABSENT), after.get(name, _ABSENT), inner)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_lists(before, after, path)
    else:
        yield Change(path=path, before=_shown(before), after=_shown(after))


def _in_lists(before: list[Any], after: list[Any], path: str) -> Iterator[Change]:
    """Panels and the like by what they are called, so that one more does not change all after it."""
    old, new = _named(before), _named(after)
    for name in [*new, *(name for name in old if name not in new)]:
        yield from _different(old.get(name, _ABSENT), new.get(name, _ABSENT), f"{path}[{name}]")


def _named(entries: list[Any]) -> dict[str, Any]:
    names = [_name(entry, at) for at, entry in enumerate(entries)]
    if len(set(names)) < len(names):
        names = [str(at) for at in range(len(entries))]
    return dict(zip(names, entries, strict=True))


def _name(entry: Any, at: int) -> str:
    if isinstance(entry, dict):
        for key in ("refId", "name", "id", "uid"):
            if isinstance(entry.get(key), str | int):
                return str(entry[key])
    return str(at)


def _shown(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
