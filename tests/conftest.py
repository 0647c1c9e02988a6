"""What holds for every test: a blocked event loop is a failure."""

from __future__ import annotations

import signal
from collections.abc import Iterator

# Its pytest plugin imports it only at the very end, which this Python's compiler cannot always
# bear that deep in the stack ("AST constructor recursion depth mismatch").
import hypothesis
import pytest
from blockbuster import blockbuster_ctx

# Started in the background by a shell, programs ignore Ctrl-C, and so would those that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow example on a busy machine is no failure; each test has its own time-out.
hypothesis.settings.register_profile("plugway", deadline=None)
hypothesis.settings.load_profile("plugway")


@pytest.fixture(autouse=True)
def _loop_is_never_blocked() -> Iterator[None]:
    """Blocking calls made by the gateway's own code inside the event loop raise."""
    with blockbuster_ctx(scanned_modules=["gateway"]) as guard:
        # Three small PEM files, once for each channel over TCP.
        guard.functions["io.BufferedReader.read"].can_block_in(
            "gateway/contract/channel.py", {"_credentials"}
        )
        # Whether they are there, once for each remote endpoint that is attached.
        guard.functions["os.stat"].can_block_in("gateway/supervisor/remote_tls.py", {"remote_tls"})
        # Answered by the kernel from memory.
        guard.functions["io.TextIOWrapper.read"].can_block_in("gateway/clock.py", {"boot_id"})
        yield
