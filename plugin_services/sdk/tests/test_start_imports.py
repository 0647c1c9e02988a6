"""What the SDK must not import before it is asked for: every start of every plugin would pay for it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("fastapi", "http.server", "prometheus_client", "starlette", "uvloop")


def imported(module: str) -> list[str]:
    """Which of them a fresh interpreter has after importing ``module``."""
    code = f"import sys, {module}; print(*(name for name in sys.argv[1:] if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, timeout=50, check=True
    )
    return done.stdout.split()


def test_the_sdk_imports_no_more_than_a_start_needs() -> None:
    assert imported("plugway_sdk") == []


def test_the_look_sees_what_is_imported() -> None:
    assert imported("plugway_sdk.exposition") == ["http.server", "prometheus_client"]
