"""Judging one instance's health from what the voices say. Pure; time comes in as a value."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``reason`` is empty where all is well; a healthy instance may carry a warning in it."""

    healthy: bool
    reason: str = ""
    voice: Voice = Voice.ACTIVE


class Judge:
    """Remembers what was heard of one incarnation.

    ``threshold`` unanswered checks in a row make it unhealthy, so that one lost answer
    does not; its own word that it is not serving counts at once. ``patience`` is the
    silence in seconds after which it has to be replaced.
    """

    def __init__(self, *, threshold: int, patience: float, healthy: bool) -> None:
        self._threshold = threshold
        self._patience = patience
        self._misses = 0
        self._silent_since: float | None = None
        self._verdict = Verdict(healthy=healthy, reason="" if healthy else "It has not answered yet.")
        self._warning = ""

    @property
    def verdict(self) -> Verdict:
        if self._verdict.healthy and self._warning:
            return Verdict(healthy=True, reason=self._warning, voice=Voice.PASSIVE)
        return self._verdict

    @property
    def misses(self) -> int:
        return self._misses

    def serving(self) -> None:
        self._misses = 0
        self._silent_since = None
        self._verdict = Verdict(healthy=True)

    def refused(self, reason: str) -> None:
        """It answered, and the answer was no."""
        self._misses = 0
        self._silent_since = None
        self._verdict = Verdict(healthy=False, reason=reason)

    def missed(self, reason: str, now: float) -> None:
        """It gave no answer, or none that makes sense."""
        self._misses += 1
        if self._silent_since is None:
            self._silent_since = now
        if self._misses >= self._threshold:
            self._verdict = Verdict(healthy=False, reason=reason)

    def silent_too_long(self, now: float) -> bool:
        silent = self._silent_since is not None and now - self._silent_since >= self._patience
        return silent and self._misses >= self._threshold

    def calls_failed(self, count: int, reason: str) -> None:
        """The passive voice. It warns and never ejects: the only instance is better than none."""
        self._warning = (
            f"The last {count} calls failed ({reason}), yet it answers its health checks;"
            " it goes on serving, as there is no other instance."
            if count
            else ""
        )
