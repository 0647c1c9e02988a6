"""Where the plugin that is checked runs: started by a runtime as the gateway would, or elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from gateway.egress.grants import granted
from gateway.errors import PlugwayError
from gateway.model import (
    Endpoint,
    ExitInfo,
    InstanceId,
    InstanceState,
    Manifest,
    Permissions,
    PluginId,
    VerifiedRelease,
)
from gateway.runtimes.base import InstanceSpec, Runtime
from gateway.supervisor.egress import NoRelays, RelaySet

_LOOK = 0.05
_LINES = 500
_STOP_GRACE = 2.0


class Place(Protocol):
    """One plugin, at one instance after the other. ``plugin`` and ``version`` are empty where unknown."""

    plugin: str
    version: str
    granted: Permissions | None
    """What its release may do; None where nothing here gives it anything."""
    renewable: bool
    """Whether :meth:`start` gives a fresh instance each time."""

    async def prepare(self) -> None:
        """All that takes long and is done once, such as an image; raises ``PlugwayError``."""
        ...

    async def start(self) -> Endpoint:
        """A fresh instance, the one before ended; raises ``PlugwayError``."""
        ...

    async def allow(self, manifest: Manifest, values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        """Let it reach what its permissions come to under these settings."""
        ...

    async def ended(self) -> str:
        """How the instance ended, in words; "" while it runs, or where nobody here can see it."""
        ...

    async def send(self, number: signal.Signals) -> bool:
        """Send its process a signal; False where that cannot be done here."""
        ...

    async def exit(self) -> ExitInfo:
        """Wait until it has ended."""
        ...

    async def log(self) -> Sequence[str] | None:
        """The last lines that the instance printed; None where nobody here has them."""
        ...

    async def close(self) -> None:
        """Leave nothing behind."""
        ...


class RuntimePlace:
    """In a runtime of its own home, which nothing else uses."""

    renewable = True

    def __init__(self, runtime: Runtime, release: VerifiedRelease, relays: RelaySet | None = None) -> None:
        self.plugin: str = release.plugin_id
        self.version: str = release.version
        self.granted: Permissions | None = release.permissions
        self._runtime = runtime
        self._relays = relays or NoRelays()
        self._release = release
        self._number = 0
        self._id = InstanceId("")

    async def prepare(self) -> None:
        await self._runtime.prepare(self._release, lambda text: None)

    async def start(self) -> Endpoint:
        await self._stop()
        self._number += 1
        self._id = InstanceId(f"{self.plugin}.check.{self._number}")
        instance = await self._runtime.start(InstanceSpec(id=self._id, release=self._release))
        assert instance.endpoint is not None
        return instance.endpoint

    async def allow(self, manifest: Manifest, values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        properties = (manifest.settings_schema or {}).get("properties", {})
        usual = {name: one["default"] for name, one in properties.items() if _has_default(one)}
        found = granted(self._release.permissions.egress, {**usual, **values}, secrets)
        self._relays.apply({self._id: found.destinations})

    async def ended(self) -> str:
        for instance in await self._runtime.list():
            if instance.id == self._id and instance.state is InstanceState.EXITED:
                return instance.exit.reason if instance.exit else "it ended"
        return ""

    async def send(self, number: signal.Signals) -> bool:
        for instance in await self._runtime.list():
            if instance.id == self._id and self._runtime.name == "process":
                os.kill(int(instance.handle), number)
                return True
        return False

    async def exit(self) -> ExitInfo:
        while True:
            for instance in await self._runtime.list():
                if instance.id == self._id and instance.exit is not None:
                    return instance.exit
            await asyncio.sleep(_LOOK)

    async def log(self) -> Sequence[str] | None:
        return [line.text async for line in self._runtime.logs(self._id, tail=_LINES, follow=False)]

    async def _stop(self) -> None:
        if self._id:
            await self._runtime.stop(self._id, _STOP_GRACE)

    async def close(self) -> None:
        with suppress(PlugwayError):
            await self._stop()
            await self._runtime.purge(PluginId(self.plugin))


def _has_default(schema: Any) -> bool:
    # A schema may also be true or false.
    return isinstance(schema, Mapping) and "default" in schema


class EndpointPlace:
    """Somebody else's to start and to end: it is only called."""

    renewable = False

    def __init__(self, endpoint: Endpoint, *, version: str = "") -> None:
        self.plugin = endpoint.plugin
        self.version = version
        self.granted: Permissions | None = None
        self._endpoint = endpoint

    async def prepare(self) -> None:
        pass

    async def start(self) -> Endpoint:
        return self._endpoint

    async def allow(self, manifest: Manifest, values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        pass

    async def ended(self) -> str:
        return ""

    async def send(self, number: signal.Signals) -> bool:
        return False

    async def exit(self) -> ExitInfo:
        raise NotImplementedError("nobody here sees how it ends")

    async def log(self) -> Sequence[str] | None:
        return None

    async def close(self) -> None:
        pass
