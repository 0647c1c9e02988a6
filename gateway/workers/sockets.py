"""Where the control process and its workers meet."""

from __future__ import annotations

from pathlib import Path

from gateway.home import Home


def control_socket(home: Home) -> Path:
    """Workers follow the control process here."""
    return home.workers_root / "control.sock"


def front_socket(home: Home) -> Path:
    """Workers pass on here what they do not carry themselves."""
    return home.workers_root / "front.sock"
