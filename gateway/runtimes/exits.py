"""How an instance ended, in a sentence for operators."""

from __future__ import annotations

import signal

from gateway.model import ExitInfo


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def exit_info(
    *,
    code: int | None = None,
    killed_by: int | None = None,
    words: str = "",
    out_of_memory: bool = False,
    memory_limit: int = 0,
) -> ExitInfo:
    """Sentence and facts. Neither ``code`` nor ``killed_by`` means that nobody saw how it ended."""
    said = f" Its last words: {words}" if words else ""
    if out_of_memory:
        limit = f" of {memory_limit // 2**20} MiB" if memory_limit else ""
        reason = f"It ran out of memory: it needed more than its limit{limit}, and was killed."
    elif killed_by is not None:
        name = _signal_name(killed_by)
        who = " (from outside, or by the system for want of memory)" if killed_by == signal.SIGKILL else ""
        reason = f"It was killed by {name}{who}.{said}"
    elif code is None:
        reason = f"It ended while no gateway was there to see how.{said}"
    elif code == 0:
        reason = f"It ended by itself with exit code 0.{said}"
    else:
        reason = f"It ended with exit code {code}.{said}"
    return ExitInfo(reason=reason, code=code, signal=killed_by, out_of_memory=out_of_memory)
