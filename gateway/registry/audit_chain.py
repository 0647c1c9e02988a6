"""The chain of the audit log: each entry has the hash of the one before. Pure.

The hash is SHA-256 over the entry as JSON without ``hash``: keys sorted, no spaces, UTF-8. An entry that was
changed, taken out or put between others does not fit its neighbours. Whoever may write the database can
make a whole new chain; what shows that is a number and hash noted elsewhere, see :func:`check_chain`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

START = "0" * 64
"""What the first entry has in place of the hash of the one before."""

Entry = Mapping[str, Any]


def entry_hash(entry: Entry) -> str:
    """The hash of an entry, whether it has one already or not."""
    content = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def linked(content: Entry, last: Entry | None) -> dict[str, Any]:
    """``content`` as the entry after ``last``, None for the first."""
    entry = {
        **content,
        "seq": int(last["seq"]) + 1 if last else 1,
        "previous": str(last["hash"]) if last else START,
    }
    return {**entry, "hash": entry_hash(entry)}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: ``problem`` is a sentence, empty where the chain holds; ``head`` the last entry."""

    entries: int
    problem: str = ""
    head: int = 0
    head_hash: str = START


def check_chain(entries: Iterable[Entry], noted: Mapping[int, str] | None = None) -> Checked:
    """Whether these, oldest first and without a gap, are a chain; it may begin anywhere.

    ``noted`` are hashes by number that were noted elsewhere before: they must be in the chain.
    """
    missing, last, count = dict(noted or {}), None, 0
    for entry in entries:
        problem = _problem(entry, last)
        seq = entry.get("seq")
        if not problem and isinstance(seq, int) and missing.pop(seq, entry["hash"]) != entry["hash"]:
            problem = f"Entry {seq} is not the one that was noted."
        if problem:
            head, head_hash = (int(last["seq"]), str(last["hash"])) if last else (0, START)
            return Checked(count, problem, head, head_hash)
        last, count = entry, count + 1
    head, head_hash = (int(last["seq"]), str(last["hash"])) if last else (0, START)
    problem = f"Entry {min(missing)}, which was noted, is missing." if missing else ""
    return Checked(count, problem, head, head_hash)


def _problem(entry: Entry, last: Entry | None) -> str:
    seq = entry.get("seq")
    if not isinstance(seq, int) or entry.get("hash") != entry_hash(entry):
        return f"Entry {seq} was changed: its hash does not hold."
    if last is None:
        return "" if seq > 1 or entry.get("previous") == START else "The first entry is not the first."
    if seq != last["seq"] + 1:
        return f"After entry {last['seq']} comes {seq}: what was between is missing."
    return (
        "" if entry.get("previous") == last["hash"] else f"Entry {seq} does not follow entry {last['seq']}."
    )
