"""Recorded calls made again, one after the other in the order of the recording."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.replay.compare import Difference, Ignored, differences
from gateway.replay.recording import SAFE, Answer, Call, Recording

_AGAIN = (429, 503)
_TRIES = 3
_LONGEST_WAIT = 10.0


class Unanswered(Exception):
    """No answer came, or not all of it; the text says why."""


class Ask(Protocol):
    """Makes a call; raises :class:`Unanswered`."""

    async def __call__(self, call: Call, /) -> Answer: ...


def sent(call: Call, host: str = "localhost") -> list[tuple[str, str]]:
    """The headers to make it with: its own, but for those that are about the one who calls."""
    headers = [(name, value) for name, value in call.headers if name not in ("host", "content-length")]
    if call.body or any(name == "content-length" for name, _ in call.headers):
        headers.append(("content-length", str(len(call.body or b""))))
    return [("host", host), *headers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What came of one call: the differences, or why it was not made."""

    call: Call
    differences: tuple[Difference, ...] = ()
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    entries: tuple[Entry, ...]

    @property
    def made(self) -> int:
        return sum(not entry.skipped for entry in self.entries)

    @property
    def different(self) -> int:
        return sum(bool(entry.differences) for entry in self.entries)

    @property
    def skipped(self) -> Counter[str]:
        return Counter(entry.skipped for entry in self.entries if entry.skipped)

    @property
    def holds(self) -> bool:
        """Something was compared, and nothing differs."""
        return self.made > 0 and not self.different


async def replay(
    recording: Recording,
    ask: Ask,
    *,
    every_method: bool,
    ignored: Ignored,
    told: Callable[[Entry], None] = lambda entry: None,
) -> Report:
    """``every_method`` makes also those calls that may change something."""
    entries = []
    for call in recording.calls:
        reason = _left_out(call, every_method=every_method)
        entry = (
            Entry(call=call, skipped=reason)
            if reason
            else Entry(call=call, differences=tuple(await _compared(call, ask, ignored)))
        )
        told(entry)
        entries.append(entry)
    return Report(entries=tuple(entries))


def _left_out(call: Call, *, every_method: bool) -> str:
    if call.method not in SAFE and not every_method:
        return "its method may change something"
    if call.broken or not call.answer.status:
        return "its answer had no end while it was recorded"
    if call.body is None:
        return "its body was too long to be kept"
    if call.cleared - {"answer"}:
        return "it held a secret, which was cleared"
    return ""


async def _compared(call: Call, ask: Ask, ignored: Ignored) -> list[Difference]:
    try:
        answer = await ask(call)
        for _ in range(_TRIES):
            if answer.status not in _AGAIN or answer.status == call.answer.status:
                break
            # A limit of the gateway, or a plugin that is about to come: no word of the new release.
            await asyncio.sleep(_wait(answer))
            answer = await ask(call)
    except Unanswered as why:
        return [Difference(where="answer", was=str(call.answer.status), now=f"none: {why}")]
    return differences(call.answer, answer, ignored)


def _wait(answer: Answer) -> float:
    said = answer.headers.get("retry-after", "")
    return min(float(said), _LONGEST_WAIT) if said.isdecimal() else 1.0


def document(report: Report) -> dict[str, Any]:
    """For machines: docs/record.md has the fields."""
    return {
        "made": report.made,
        "same": report.made - report.different,
        "different": report.different,
        "skipped": dict(report.skipped),
        "calls": [
            {
                "line": entry.call.line,
                "method": entry.call.method,
                "target": entry.call.target,
                "differences": [
                    {"where": one.where, "was": one.was, "now": one.now} for one in entry.differences
                ],
            }
            for entry in report.entries
            if entry.differences
        ],
    }
