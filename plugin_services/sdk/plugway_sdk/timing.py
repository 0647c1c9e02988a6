"""The figures that decide how an answer travels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Sizes in bytes, times in seconds. The defaults are the contract's; tests shorten them."""

    # An answer up to this size goes back in one message, by agreement.
    unary_bytes: int = 2**20
    # How long a body in parts may take to end and still go back in one message.
    patience: float = 0.002
    # The same where a Content-Length promises that it will end and fit.
    patience_sized: float = 0.05
    # A continuation that nobody reads is given up after this.
    continuation: float = 30.0
    # What an app may send, or a client upload, ahead of the other side.
    window: int = 256 * 2**10
    # How long an app may go on sending to a client that left before its send raises.
    after_leaving: float = 1.0
    # How long an answered upload is still read, so that the client sees the answer's end first.
    linger: float = 2.0
    # SIGTERM without a Drain before it.
    drain_on_signal: float = 5.0
