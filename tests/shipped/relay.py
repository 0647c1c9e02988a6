"""The way out of a plugin that has no network: the gateway's relay, without the gateway."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.egress.destinations import Destination
from gateway.egress.dial import Dialer
from gateway.egress.relay import Relay, RelayLimits
from gateway.model import InstanceId


@pytest.fixture
async def relay(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Relay]:
    """All that the plugin reaches; nothing is granted yet."""
    # Not pytest's own directory: the path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="pw-relay-") as directory:
        place = Path(directory) / "egress" / "relay.sock"
        monkeypatch.setenv("PLUGWAY_EGRESS", f"unix:{place}")
        limits = RelayLimits(connections=64, idle=60)
        owner = (os.getuid(), os.getgid())
        opened = Relay(InstanceId("plugin.1"), place, owner=owner, dialer=Dialer(5), limits=limits)
        await opened.open()
        yield opened
        await opened.close()


async def grant(relay: Relay, *to: Destination) -> None:
    """These, and nothing that was granted before."""
    await relay.grant(frozenset(to))
