"""Plugins from elsewhere that nobody signed, in a gateway whose policy lets them in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.running import RunningGateway


def allow_unsigned(home: Path, *plugins: str) -> None:
    """Write the policy before the gateway starts."""
    home.mkdir(parents=True, exist_ok=True)
    names = ", ".join(f'"{plugin}"' for plugin in plugins)
    (home / "policy.toml").write_text(f"policy = 1\n[[allow_unsigned]]\nplugins = [{names}]\n")


async def install_agreed(
    running: RunningGateway, definition: dict[str, Any], *, downgrade: bool = False
) -> None:
    """See what it would be, agree to that, and install it; with ``downgrade`` also below what was there."""
    shown = (await running.client.post("/api/v1/plugins/preview", json=definition)).raise_for_status().json()
    consent = {"consent": shown["releaseId"], "allowDowngrade": downgrade}
    (await running.client.post("/api/v1/plugins", json=definition, params=consent)).raise_for_status()
