"""What the API of a plugin that looks after servers says and asks about its connections."""

from __future__ import annotations

from typing import Annotated, Generic, Protocol, TypeVar

from fastapi import Query

from plugway_sdk.web.connection_settings import ConnectionSettings
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import NotConfigured, Refusal

ConnectionName = Annotated[
    str, Query(alias="connection", max_length=63, description="Its name; without it, the default one.")
]


class NoSuchConnection(Refusal):
    key, title, status = "no-such-connection", "No such connection", 404


class ReadOnly(Refusal):
    key, title, status = "read-only", "Read only", 403


class ConnectionTest(ApiModel):
    """Whether a connection works, in words."""

    ok: bool
    message: str
    hint: str = ""
    milliseconds: float | None = None


class _HasSwitch(Protocol):
    @property
    def read_only(self) -> bool: ...


C = TypeVar("C", bound=_HasSwitch)


class Connections(Generic[C]):
    """The settings in force, and which connection of theirs a call is about.

    ``product`` is what the connections lead to, in words; ``not_configured`` the refusal where there is none.
    """

    def __init__(
        self, settings: ConnectionSettings[C], product: str, not_configured: type[NotConfigured]
    ) -> None:
        self.settings = settings
        self._product, self._not_configured = product, not_configured

    def pick(self, name: str) -> tuple[str, C]:
        """The connection of that name, or the default; raises ``not_configured`` or NoSuchConnection."""
        known = self.settings.connections
        if not known:
            raise self._not_configured(
                f"The plugin does not know yet which {self._product} to manage.",
                hint="Add a connection in the plugin's settings.",
            )
        chosen = name or self.settings.first
        if chosen not in known:
            raise NoSuchConnection(
                f"There is no connection named '{chosen}'.", hint=f"There are: {', '.join(sorted(known))}."
            )
        return chosen, known[chosen]

    def pick_writable(self, name: str) -> tuple[str, C]:
        """The same for changing; raises ReadOnly while the connection's switch is on."""
        chosen, connection = self.pick(name)
        if connection.read_only:
            raise ReadOnly(
                f"The connection '{chosen}' is set to read only.",
                hint="An administrator can switch this off in the plugin's settings.",
            )
        return chosen, connection
