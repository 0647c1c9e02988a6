"""A shipped plugin on a real gateway: its settings, its releases, and its server's end and return."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command import plugway
from tests.moving import QUICK, ended
from tests.running import RunningGateway
from tests.shipped.servers import Server

# One field of each connection is in another unit.
LATER = '''
"""The next release: times for an answer are in milliseconds."""

from pydantic import Field
from plugway_sdk import serve
from plugway_sdk.web.connection_settings import Name

from PACKAGE import plugin as release
from PACKAGE.settings import Connection, Settings


class LaterConnection(Connection):
    answer_timeout: None = None
    answer_milliseconds: int = Field(default=20_000, ge=100, le=60_000)


class LaterSettings(Settings):
    connections: dict[Name, LaterConnection] = Field(default_factory=dict)


def migrate(values, version):
    assert version == 1
    for connection in values.get("connections", {}).values():
        connection["answerMilliseconds"] = int(connection.pop("answerTimeout", 20) * 1000)
    return values


later = release.create_plugin()
take = later.on_configure


async def configure(settings):
    plain = {"connections": {}}
    for name, one in settings.connections.items():
        fields = one.model_dump(exclude={"answer_timeout", "answer_milliseconds"})
        plain["connections"][name] = {**fields, "answer_timeout": one.answer_milliseconds / 1000}
    await take(Settings.model_validate(plain))


later.version, later.settings_class, later.settings_version = "1.1.0", LaterSettings, 2
later.migrate, later.on_configure = migrate, configure
serve(later)
'''


def write_release(place: Path, plugin: Path, version: str, code: str) -> Path:
    """The plugin's own code with another release over it; returns its manifest's path."""
    (module,) = plugin.glob("*/plugin.py")
    package, target = module.parent.name, place / f"{plugin.name}-{version}"
    shutil.copytree(module.parent, target / package)
    (target / "other_release.py").write_text(code.replace("PACKAGE", package))
    manifest = re.sub("(?m)^version = .*", f'version = "{version}"', (plugin / "plugway.toml").read_text())
    (target / "plugway.toml").write_text(manifest.replace(f'"{package}"]', '"other_release"]'))
    return target / "plugway.toml"


@dataclass(frozen=True)
class Managed:
    """``reads`` takes from the plugin's answer at ``path`` what its server holds, which is ``held``."""

    running: RunningGateway
    id: str
    path: str
    reads: Callable[[Any], Any]
    held: Any

    async def install(self, version: str) -> None:
        body = {"id": self.id, "version": version}
        answer = await self.running.client.post("/api/v1/plugins", json=body)
        assert answer.status_code == 201, answer.text
        await self.running.healthy(self.id, 180)

    async def works(self, version: str) -> None:
        """The release that is meant answers, from its server and with the secret."""
        assert (await self.running.plugin(self.id))["version"] == version
        answer = await self.running.client.get(f"/plugins/{self.id}/api{self.path}")
        assert answer.status_code == 200, (answer.text, await self.running.plugin(self.id))
        assert self.reads(answer.json()) == self.held

    async def configure(self, values: dict[str, Any]) -> None:
        path = f"/api/v1/plugins/{self.id}/settings"
        answer = await self.running.client.put(path, json={"values": values})
        assert answer.status_code == 200, answer.text

    async def values(self) -> Any:
        answer = await self.running.client.get(f"/api/v1/plugins/{self.id}/settings")
        return answer.raise_for_status().json()["values"]

    async def update(self, version: str, **more: Any) -> None:
        body = {"version": version, **QUICK, "startup": 90, **more}
        answer = await self.running.client.post(f"/api/v1/plugins/{self.id}/rollouts", json=body)
        assert answer.status_code == 201, answer.text
        view = await ended(self.running, answer.json()["id"], 150)
        assert view["phase"] == "succeeded", view
        await self.works(version)

    async def command(self, verb: str, *words: str) -> str:
        """What ``plugway VERB ID ...`` shows."""
        place = {"PLUGWAY_URL": self.running.base, "PLUGWAY_HOME": str(self.running.home)}
        ran = await plugway(verb, self.id, *words, **place)
        assert ran.code == 0, ran
        return ran.out

    async def back(self) -> None:
        await self.command("rollback", "--watch")
        await self.works("1.0.0")

    async def kill_and_return(
        self, server: Server, version: str, restore: Callable[[], Any] = lambda: None
    ) -> None:
        """The server killed and started anew: told meanwhile, and no restart of the plugin."""
        before = [process.pid for process in self.running.instances()]
        await asyncio.to_thread(server.kill)
        try:
            answer = await self.running.client.get(f"/plugins/{self.id}/api{self.path}")
            assert answer.status_code == 503
            assert "nothing listens there" in answer.json()["detail"]
        finally:
            await asyncio.to_thread(server.start)
        await asyncio.to_thread(restore)
        await self.works(version)
        assert [process.pid for process in self.running.instances()] == before
        assert (await self.running.plugin(self.id))["state"] == "healthy"


async def over_and_back(managed: Managed, name: str, connection: dict[str, Any], secret: str) -> None:
    """From 1.0.0 to :data:`LATER` and back, twice; ``secret`` is the field that is set but once."""

    async def value(field: str) -> Any:
        return (await managed.values())["connections"][name][field]

    await managed.configure({"connections": {name: {**connection, "answerTimeout": 7}}})
    await managed.works("1.0.0")
    # Over: 1.1.0 refuses what it does not know, so it runs only with what was migrated.
    await managed.update("1.1.0")
    # And back, with nothing changed meanwhile.
    await managed.back()
    assert await value("answerTimeout") == 7
    # Over again, and settings of the new form, the secret as it was.
    await managed.update("1.1.0")
    plain = {field: value for field, value in connection.items() if field != secret}
    await managed.configure({"connections": {name: {**plain, "answerMilliseconds": 9000}}})
    await managed.works("1.1.0")
    assert await value("answerMilliseconds") == 9000
    await managed.back()
    assert await value("answerTimeout") == 7
