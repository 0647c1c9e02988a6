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

pytestmark = [pytest.mark.minio, pytest.mark.timeout(280)]
PLUGIN = Path(__file__).resolve().parents[1]
ID = "minio-management"
SETTINGS = f"/api/v1/plugins/{ID}/settings"
LATER = '''
"""The next release: times for an answer are in milliseconds."""

from pydantic import Field
from plugway_sdk import serve

from minio_management import plugin as release
from plugway_sdk.web.connection_settings import Name

from minio_management.settings import Connection, Settings


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
    target = place / "minio-later"
    shutil.copytree(PLUGIN / "minio_management", target / "minio_management")
    (target / "minio_later.py").write_text(LATER)
    manifest = (PLUGIN / "plugway.toml").read_text()
    manifest = manifest.replace('version = "1.0.0"', 'version = "1.1.0"')
    (target / "plugway.toml").write_text(manifest.replace('"minio_management"]', '"minio_later"]'))


async def works(running: RunningGateway, version: str) -> None:
    """The release that is meant answers, from the server and with the secret key."""
    assert (await running.plugin(ID))["version"] == version
    answer = await running.client.get(f"/plugins/{ID}/api/buckets")
    assert answer.raise_for_status().json()["total"] == 1


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


async def test_settings_migrate_to_a_later_release_and_back(minio: Any, tmp_path: Path) -> None:
    await asyncio.to_thread(minio.raw.make_bucket, "photos")
    await asyncio.to_thread(write_later, tmp_path / "releases")
    place = {"PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases")}
    async with gateway(tmp_path / "home", "process", place) as running:
        answer = await running.client.post("/api/v1/plugins", json={"id": ID, "version": "1.0.0"})
        assert answer.status_code == 201, answer.text
        await running.healthy(ID, 120)
        first = {"url": minio.url, "accessKey": minio.connection["accessKey"], "answerTimeout": 7}
        await configure(running, **first, secretKey=minio.connection["secretKey"])
        await works(running, "1.0.0")

        # Over: 1.1.0 refuses what it does not know, so it runs only with what was migrated.
        await update(running)
        await works(running, "1.1.0")
        # And back, with nothing changed meanwhile.
        await back(running)
        await works(running, "1.0.0")
        assert (await values(running))["answerTimeout"] == 7

        # Over again, and settings of the new form, the secret key as it was.
        await update(running)
        second = {"url": minio.url, "accessKey": minio.connection["accessKey"], "answerMilliseconds": 9000}
        await configure(running, **second)
        await works(running, "1.1.0")
        assert (await values(running))["answerMilliseconds"] == 9000
        await back(running)
        await works(running, "1.0.0")
        assert (await values(running))["answerTimeout"] == 7


async def test_kill_9_of_minio_and_its_return_need_no_restart_of_the_plugin(
    minio: Any, tmp_path: Path
) -> None:
    await asyncio.to_thread(minio.raw.make_bucket, "photos")
    async with gateway(tmp_path / "home", "process", {"PLUGWAY_INSTALL": ID}) as running:
        await running.healthy(ID, 120)
        await configure(running, **minio.connection)
        await works(running, "1.0.0")
        before = [process.pid for process in running.instances()]
        await asyncio.to_thread(minio.kill)
        answer = await running.client.get(f"/plugins/{ID}/api/buckets")
        assert answer.status_code == 503
        assert "nothing listens there" in answer.json()["detail"]
        await asyncio.to_thread(minio.start)
        await works(running, "1.0.0")
        accounts = await running.client.get(f"/plugins/{ID}/api/accounts/policies")
        assert accounts.raise_for_status().json()["total"] >= 5
        assert [process.pid for process in running.instances()] == before
        assert (await running.plugin(ID))["state"] == "healthy"
