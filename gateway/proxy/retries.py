"""When a call is tried again: where that is safe, and from a budget."""

from __future__ import annotations

from gateway.proxy.failures import CallFailed, Failure

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST = 10.0
_EARNED = 0.1


def may_retry(failed: CallFailed, method: str) -> bool:
    """Any call that never reached the plugin, and safe ones whose connection was lost."""
    return failed.failure is Failure.REFUSED or (failed.failure is Failure.LOST and method in _SAFE)


class RetryBudget:
    """Each retry costs ten good calls, so that retries never become the load."""

    __slots__ = ("_tokens",)

    def __init__(self) -> None:
        self._tokens = _MOST

    def earn(self) -> None:
        if self._tokens < _MOST:
            self._tokens += _EARNED

    def spend(self) -> bool:
        """Whether there is one to spend."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
