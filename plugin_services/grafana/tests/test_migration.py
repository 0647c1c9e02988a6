"""Settings go to a release with another form of them and back, through a real gateway, with their secrets.

The later release is this plugin with one field of each connection in another unit.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.command import plugway
from tests.moving import QUICK, ended
from tests.running import RunningGateway, gateway

pytestmark = pytest.mark.timeout(280)
PLUGIN = Path(__file__).resolve().parents[1]
ID = "grafana"
SETTINGS = f"/api/v1/plugins/{ID}/settings"
LATER = '''
"""The next release: times for an answer are in milliseconds."""

from pydantic import Field
from plugway_sdk import serve

from grafana_management import plugin as release
from plugway_sdk.web.connection_settings import Name

from grafana_management.settings import Connection, Settings


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


def write_later(place: Path) -> None:
    """The plugin's own code with a later release over it."""
    target = place / "grafana-later"
    shutil.copytree(PLUGIN / "grafana_management", target / "grafana_management")
    (target / "grafana_later.py").write_text(LATER)
    manifest = (PLUGIN / "plugway.toml").read_text()
    manifest = manifest.replace('version = "1.0.0"', 'version = "1.1.0"')
    (target / "plugway.toml").write_text(manifest.replace('"grafana_management"]', '"grafana_later"]'))


async def works(running: RunningGateway, version: str) -> None:
    """The release that is meant answers, from the server and with the token."""
    assert (await running.plugin(ID))["version"] == version
    answer = await running.client.get(f"/plugins/{ID}/api/dashboards")
    assert [one["title"] for one in answer.raise_for_status().json()["dashboards"]] == ["Production"]


async def configure(running: RunningGateway, **connection: Any) -> None:
    answer = await running.client.put(SETTINGS, json={"values": {"connections": {"local": connection}}})
    assert answer.status_code == 200, answer.text


async def values(running: RunningGateway) -> Any:
    stored = (await running.client.get(SETTINGS)).raise_for_status().json()["values"]
    return stored["connections"]["local"]


async def update(running: RunningGateway) -> None:
    body = {"version": "1.1.0", **QUICK, "startup": 90}
    answer = await running.client.post(f"/api/v1/plugins/{ID}/rollouts", json=body)
    assert answer.status_code == 201, answer.text
    view = await ended(running, answer.json()["id"], 150)
    assert view["phase"] == "succeeded", view


async def back(running: RunningGateway) -> None:
    words = {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(running.home)}
    ran = await plugway("rollback", ID, "--watch", **words)
    assert ran.code == 0, ran


async def test_settings_migrate_to_a_later_release_and_back_and_grafana_may_die_meanwhile(
    grafana: Any, tmp_path: Path
) -> None:
    await asyncio.to_thread(write_later, tmp_path / "releases")
    place = {"PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases")}
    async with gateway(tmp_path / "home", "process", place) as running:
        answer = await running.client.post("/api/v1/plugins", json={"id": ID, "version": "1.0.0"})
        assert answer.status_code == 201, answer.text
        await running.healthy(ID, 120)
        await configure(running, **grafana.by_token, answerTimeout=7)
        await works(running, "1.0.0")

        # A kill -9 of Grafana and its return need no restart of the plugin.
        before = [process.pid for process in running.instances()]
        await asyncio.to_thread(grafana.kill)
        answer = await running.client.get(f"/plugins/{ID}/api/dashboards")
        assert (answer.status_code, "nothing listens there" in answer.json()["detail"]) == (503, True)
        await asyncio.to_thread(grafana.start)
        await works(running, "1.0.0")
        assert [process.pid for process in running.instances()] == before
        assert (await running.plugin(ID))["state"] == "healthy"

        # Over: 1.1.0 refuses what it does not know, so it runs only with what was migrated.
        await update(running)
        await works(running, "1.1.0")
        # And back, with nothing changed meanwhile.
        await back(running)
        await works(running, "1.0.0")
        assert (await values(running))["answerTimeout"] == 7

        # Over again, and settings of the new form, the token as it was.
        await update(running)
        await configure(running, url=grafana.url, answerMilliseconds=9000)
        await works(running, "1.1.0")
        assert (await values(running))["answerMilliseconds"] == 9000
        await back(running)
        await works(running, "1.0.0")
        assert (await values(running))["answerTimeout"] == 7
