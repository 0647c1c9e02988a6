"""The way to each service principal under the settings in force."""

from __future__ import annotations

from plugway_sdk.web.connections import Connections

from power_bi.problems import NotConfigured
from power_bi.service import Service
from power_bi.settings import Connection, Settings


class Links(Connections[Connection]):
    """Services by connection. The cloud may be away when the plugin starts, and come and go later."""

    def __init__(self) -> None:
        super().__init__(Settings(), "Power BI", NotConfigured)
        self._open: dict[tuple[str, bool], Service] = {}

    async def use(self, settings: Settings) -> None:
        """Take new settings. Calls that run finish under the old ones."""
        self.settings = settings
        await self.close()

    async def close(self) -> None:
        while self._open:
            await self._open.popitem()[1].close()

    def reader(self, name: str) -> Service:
        """For looking."""
        return self._service(*self.pick(name), writing=False)

    def writer(self, name: str) -> Service:
        """For changing; raises ReadOnly while the connection's switch is on."""
        return self._service(*self.pick_writable(name), writing=True)

    def fresh(self, name: str) -> Service:
        """With a token and connections of its own, to find out whether the settings work now; close it."""
        return Service(*self.pick(name), writing=False)

    def _service(self, name: str, connection: Connection, *, writing: bool) -> Service:
        service = self._open.get((name, writing))
        if service is None:
            service = self._open[name, writing] = Service(name, connection, writing=writing)
        return service
