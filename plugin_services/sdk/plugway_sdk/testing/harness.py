"""Starts a plugin as a gateway would meet it, in the test's own process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc

from plugway_sdk.callers import trusted_keys
from plugway_sdk.errors import SettingsRefused
from plugway_sdk.listen import Listen
from plugway_sdk.plugin import Plugin
from plugway_sdk.server import Server
from plugway_sdk.testing.client import PluginClient
from plugway_sdk.testing.proofs import RELEASE, ProofMaker
from plugway_sdk.timing import Timing

INSTANCE = "under-test"


@asynccontextmanager
async def harness(
    plugin: Plugin[Any],
    *,
    settings: Mapping[str, Any] | None = None,
    volumes: Path | None = None,
    user: str = "ann",
    role: str = "admin",
    timing: Timing = Timing(),
) -> AsyncIterator[PluginClient]:
    """A client of the running plugin; raises SettingsRefused where ``settings`` do not hold.

    ``volumes`` keeps the volumes' directories for a later harness; else they are thrown away.
    One harness at a time in a process, as the volumes' place is the process's. Logs stay with pytest.
    """
    in_force, plugin.in_force = plugin.in_force, None
    with tempfile.TemporaryDirectory(prefix="pw-") as place, _volumes(volumes or Path(place) / "volumes"):
        listen = Listen(address=f"unix:{place}/plugin.sock")
        server = Server(plugin, listen, instance_id=INSTANCE, timing=timing)
        try:
            await server.start()
            async with grpc.aio.insecure_channel(listen.address, options=_OPTIONS) as channel:
                base_path, proofs = f"/plugins/{plugin.id}/api", ProofMaker(plugin.id)
                trusted_keys.take(plugin.id, RELEASE, [proofs.key])
                client = PluginClient(channel, user=user, role=role, base_path=base_path, proofs=proofs)
                if settings is not None:
                    await _configure(client, settings)
                yield client
        finally:
            await server.stop()
            plugin.in_force = in_force
            trusted_keys.take("", "", ())


_OPTIONS = (("grpc.max_receive_message_length", -1),)


async def _configure(client: PluginClient, settings: Mapping[str, Any]) -> None:
    answer = await client.configure(settings)
    if not answer.accepted:
        raise SettingsRefused({error.field: error.message for error in answer.errors})


@contextmanager
def _volumes(directory: Path) -> Iterator[None]:
    before = os.environ.get("PLUGWAY_VOLUMES")
    os.environ["PLUGWAY_VOLUMES"] = str(directory)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PLUGWAY_VOLUMES"]
        else:
            os.environ["PLUGWAY_VOLUMES"] = before
