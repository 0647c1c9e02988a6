"""The way to each service principal under the settings in force."""

from __future__ import annotations

from power_bi.problems import NoSuchConnection, NotConfigured, ReadOnly
from power_bi.service import Service
from power_bi.settings import Connection, Settings


class Links:
    """Services by connection. The cloud may be away when the plugin starts, and come and go later."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._open: dict[tuple[str, bool], Service] = {}

    @property
    def settings(self) -> Settings:
        return self._settings

    async def use(self, settings: Settings) -> None:
        """Take new settings. Calls that run finish under the old ones."""
        self._settings = settings
        await self.close()

    async def close(self) -> None:
        while self._open:
            await self._open.popitem()[1].close()

    def pick(self, name: str) -> tuple[str, Connection]:
        """The connection of that name, or the default; raises NotConfigured or NoSuchConnection."""
        known = self._settings.connections
        if not known:
            raise NotConfigured(
                "The plugin does not know yet which Power BI to manage.",
                hint="Add a connection in the plugin's settings.",
            )
        chosen = name or self._settings.first
        if chosen not in known:
            raise NoSuchConnection(
                f"There is no connection named '{chosen}'.", hint=f"There are: {', '.join(sorted(known))}."
            )
        return chosen, known[chosen]

    def reader(self, name: str) -> Service:
        """For looking."""
        return self._service(*self.pick(name), writing=False)

    def writer(self, name: str) -> Service:
        """For changing; raises ReadOnly while the connection's switch is on."""
        chosen, connection = self.pick(name)
        if connection.read_only:
            raise ReadOnly(
                f"The connection '{chosen}' is set to read only.",
                hint="An administrator can switch this off in the plugin's settings.",
            )
        return self._service(chosen, connection, writing=True)

    def fresh(self, name: str) -> Service:
        """With a token and connections of its own, to find out whether the settings work now; close it."""
        return Service(*self.pick(name), writing=False)

    def _service(self, name: str, connection: Connection, *, writing: bool) -> Service:
        service = self._open.get((name, writing))
        if service is None:
            service = self._open[name, writing] = Service(name, connection, writing=writing)
        return service
