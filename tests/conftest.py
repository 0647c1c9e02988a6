"""What holds for every test: a blocked event loop is a failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx


@pytest.fixture(autouse=True)
def _loop_is_never_blocked() -> Iterator[None]:
    """Blocking calls made by the gateway's own code inside the event loop raise."""
    with blockbuster_ctx(scanned_modules=["gateway"]):
        yield
