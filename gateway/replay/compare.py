"""How an answer differs from the one that was recorded: by status, headers, structure of JSON. Pure.

Other bodies are the same where their digests are. What was cleared may be anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gateway.registry.recordings import CLEARED
from gateway.replay.recording import Answer

HEADERS = (
    "content-type", "content-disposition", "content-range", "location", "allow", "link", "cache-control",
    "www-authenticate",
)  # fmt: skip
"""Those that matter to a client beyond one moment; dates, ids and validators differ each time."""

_MOST = 100
_SHOWN = 120
_NOTHING = object()

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """``where``: ``status``, ``header NAME``, ``body``, or a JSON Pointer. The values are for people."""

    where: str
    was: str
    now: str


class Ignored:
    """Places whose differences do not count: a JSON Pointer in which ``*`` is any one part (and what lies
    below it), a name that is ignored wherever it stands, or ``header NAME``.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        given = [pattern.strip() for pattern in patterns]
        self._headers = {p.partition(" ")[2].strip().lower() for p in given if p.startswith("header ")}
        self._pointers = [_parts(p) for p in given if p.startswith("/")]
        self._names = {p for p in given if not p.startswith(("/", "header "))}

    def header(self, name: str) -> bool:
        return name in self._headers

    def path(self, path: Path) -> bool:
        if not self._names.isdisjoint(path):
            return True
        return any(
            len(pointer) <= len(path)
            and all(part in ("*", own) for part, own in zip(pointer, path, strict=False))
            for pointer in self._pointers
        )


def differences(old: Answer, new: Answer, ignored: Ignored) -> list[Difference]:
    """In the order in which a reader wants them; at most 100."""
    return list(islice(_differences(old, new, ignored), _MOST))


def _differences(old: Answer, new: Answer, ignored: Ignored) -> Iterator[Difference]:
    if old.status != new.status:
        yield Difference(where="status", was=str(old.status), now=str(new.status))
    for name in HEADERS:
        was, now = old.headers.get(name, ""), new.headers.get(name, "")
        if not ignored.header(name) and not _same_text(was, now):
            yield Difference(where=f"header {name}", was=was or "none", now=now or "none")
    if old.content is not None and new.content is not None:
        left, right = _json(old), _json(new)
        if left is not _NOTHING and right is not _NOTHING:
            yield from _walk((), left, right, ignored)
            return
        if CLEARED.encode() in old.content:
            if not _same_text(old.content.decode(), new.content.decode(errors="replace")):
                yield Difference(where="body", was=_body(old), now=_body(new))
            return
    # Without a digest it held a secret, and nothing of it is known.
    if old.sha256 and old.sha256 != new.sha256:
        yield Difference(where="body", was=_body(old), now=_body(new))


def _walk(path: Path, old: Any, new: Any, ignored: Ignored) -> Iterator[Difference]:
    if ignored.path(path):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in (*old, *(key for key in new if key not in old)):
            yield from _walk((*path, key), old.get(key, _NOTHING), new.get(key, _NOTHING), ignored)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            was = old[index] if index < len(old) else _NOTHING
            now = new[index] if index < len(new) else _NOTHING
            yield from _walk((*path, str(index)), was, now, ignored)
    elif not _same(old, new):
        yield Difference(where=_pointer(path), was=_shown(old), now=_shown(new))


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, str) and isinstance(new, str):
        return _same_text(old, new)
    # In Python 1 is True; in JSON it is not.
    return isinstance(old, bool) == isinstance(new, bool) and old == new


def _same_text(old: str, new: str) -> bool:
    if old == new or CLEARED not in old:
        return old == new
    pattern = ".*".join(map(re.escape, old.split(CLEARED)))
    return re.fullmatch(pattern, new, re.DOTALL) is not None


def _json(answer: Answer) -> Any:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return _NOTHING
    try:
        return json.loads(answer.content or b"")
    except (ValueError, RecursionError):
        return _NOTHING


def _body(answer: Answer) -> str:
    if answer.content is not None and len(answer.content) <= _SHOWN:
        try:
            return json.dumps(answer.content.decode(), ensure_ascii=False)
        except UnicodeDecodeError:
            pass
    return f"{answer.size} bytes, sha256 {answer.sha256[:12]}"


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _pointer(path: Path) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path) or "body"


def _parts(pointer: str) -> Path:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
