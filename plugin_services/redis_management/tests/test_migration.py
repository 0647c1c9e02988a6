"""Settings of the release before go to this one and back, through a real gateway, with their password.

The earlier release is this plugin with settings of the form 1: one Redis, its fields at the top.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.command import plugway
from tests.moving import QUICK, ended
from tests.parts import need_docker
from tests.running import RunningGateway, gateway

pytestmark = [pytest.mark.redis, pytest.mark.timeout(280)]
PLUGIN = Path(__file__).resolve().parents[1]
ID = "redis-management"
SETTINGS = f"/api/v1/plugins/{ID}/settings"
EARLIER = '''
"""The release before: one Redis, its fields at the top."""

from plugway_sdk import Permissions, serve

from redis_management import plugin as release
from redis_management.settings import Connection, Settings


class EarlierSettings(Connection):
    url: str = "redis://127.0.0.1:6379/0"


earlier = release.create_plugin()
take = earlier.on_configure


async def configure(settings):
    await take(Settings(connections={"redis": Connection(**settings.model_dump())}))


earlier.version, earlier.settings_class, earlier.settings_version = "1.0.0", EarlierSettings, 1
earlier.migrate, earlier.on_configure = None, configure
earlier.permissions = Permissions(egress=("settings:/url",))
serve(earlier)
'''


GREEDY = '''
"""A release whose migration adds a server that nobody has named."""

from plugway_sdk import serve

from redis_management import plugin as release

OTHER = "%s"
greedy = release.create_plugin()
moderate = greedy.migrate


def migrate(values, version):
    migrated = moderate(values, version)
    migrated["connections"]["surplus"] = {"url": OTHER}
    return migrated


greedy.version, greedy.migrate = "1.2.0", migrate
serve(greedy)
'''


def write_greedy(place: Path, other: str) -> None:
    """The plugin's own code with a migration that names more than was entered."""
    target = place / "redis-greedy"
    shutil.copytree(PLUGIN / "redis_management", target / "redis_management")
    (target / "redis_greedy.py").write_text(GREEDY % other)
    manifest = (PLUGIN / "plugway.toml").read_text().replace('version = "1.1.0"', 'version = "1.2.0"')
    (target / "plugway.toml").write_text(manifest.replace('"redis_management"]', '"redis_greedy"]'))


def write_earlier(place: Path) -> None:
    """The plugin's own code with the settings of the release before."""
    target = place / "redis-earlier"
    shutil.copytree(PLUGIN / "redis_management", target / "redis_management")
    (target / "redis_earlier.py").write_text(EARLIER)
    manifest = (PLUGIN / "plugway.toml").read_text()
    manifest = manifest.replace('version = "1.1.0"', 'version = "1.0.0"')
    manifest = re.sub(r"egress = .*", 'egress = ["settings:/url"]', manifest)
    (target / "plugway.toml").write_text(manifest.replace('"redis_management"]', '"redis_earlier"]'))


async def works(running: RunningGateway, version: str) -> None:
    """The release that is meant answers, from Redis and with the password."""
    assert (await running.plugin(ID))["version"] == version
    answer = await running.client.get(f"/plugins/{ID}/api/keys")
    assert answer.status_code == 200, (answer.text, await running.plugin(ID))
    assert answer.json()["total"] == 1


async def configure(running: RunningGateway, values: dict[str, Any]) -> None:
    answer = await running.client.put(SETTINGS, json={"values": values})
    assert answer.status_code == 200, answer.text


async def values(running: RunningGateway) -> Any:
    return (await running.client.get(SETTINGS)).raise_for_status().json()["values"]


async def update(running: RunningGateway, version: str = "1.1.0") -> None:
    # It may reach what the new form names: agreed to, as an operator is asked to.
    body = {"version": version, **QUICK, "startup": 90, "yes": True}
    answer = await running.client.post(f"/api/v1/plugins/{ID}/rollouts", json=body)
    assert answer.status_code == 201, answer.text
    view = await ended(running, answer.json()["id"], 150)
    assert view["phase"] == "succeeded", view


def place_of(running: RunningGateway) -> dict[str, str]:
    return {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(running.home)}


async def shown(running: RunningGateway) -> str:
    """What a person is shown of the settings."""
    ran = await plugway("configure", ID, **place_of(running))
    assert ran.code == 0, ran
    return ran.out


async def back(running: RunningGateway) -> None:
    ran = await plugway("rollback", ID, "--watch", **place_of(running))
    assert ran.code == 0, ran


async def kill_and_return(running: RunningGateway, redis: Any) -> None:
    """Redis killed and started anew: told meanwhile, and no restart of the plugin."""
    before = [process.pid for process in running.instances()]
    await asyncio.to_thread(redis.kill)
    answer = await running.client.get(f"/plugins/{ID}/api/keys")
    assert answer.status_code == 503
    assert "nothing listens there" in answer.json()["detail"]
    await asyncio.to_thread(redis.start)
    await asyncio.to_thread(redis.raw.set, "k", "v")
    await works(running, "1.1.0")
    assert [process.pid for process in running.instances()] == before
    assert (await running.plugin(ID))["state"] == "healthy"


async def test_settings_migrate_from_the_earlier_release_and_back(start_redis: Any, tmp_path: Path) -> None:
    redis = await asyncio.to_thread(start_redis, "--requirepass", "hunter2")
    await asyncio.to_thread(redis.raw.set, "k", "v")
    await asyncio.to_thread(write_earlier, tmp_path / "releases")
    place = {"PLUGWAY_PLUGIN_PATH": f"{PLUGIN.parent}:{tmp_path / 'releases'}"}
    async with gateway(tmp_path / "home", "process", place) as running:
        answer = await running.client.post("/api/v1/plugins", json={"id": ID, "version": "1.0.0"})
        assert answer.status_code == 201, answer.text
        await running.healthy(ID, 120)
        await configure(running, {"url": redis.url, "commandTimeout": 7, "password": "hunter2"})
        await works(running, "1.0.0")

        # Over, with nothing but what was migrated, and back.
        await update(running)
        await works(running, "1.1.0")
        assert "In force are settings in the form of an earlier release" in await shown(running)
        await back(running)
        await works(running, "1.0.0")
        assert (await values(running))["commandTimeout"] == 7

        # Over again, and settings of the new form.
        await update(running)
        one = {"url": redis.url, "password": "hunter2"}
        # By command, a word of the new form is not mixed with those of the old one.
        ran = await plugway("configure", ID, "connections={}", **place_of(running))
        assert ran.code == 0, ran
        await configure(running, {"connections": {"first": one, "second": one}})
        await works(running, "1.1.0")
        assert "earlier release" not in await shown(running)
        assert sorted((await values(running))["connections"]) == ["first", "second"]
        await kill_and_return(running, redis)
        await back(running)
        await works(running, "1.0.0")
        assert (await values(running))["commandTimeout"] == 7


async def granted(running: RunningGateway) -> list[str]:
    (instance,) = (await running.plugin(ID))["instances"]
    assert instance["sandbox"]["network"] == "none"
    return list(instance["relay"]["granted"])


@pytest.mark.docker
@pytest.mark.slow
async def test_in_a_container_what_was_migrated_is_reached_and_what_a_migration_adds_is_not(
    start_redis: Any, tmp_path: Path
) -> None:
    need_docker()
    redis = await asyncio.to_thread(start_redis, "--requirepass", "hunter2")
    other = await asyncio.to_thread(start_redis)
    await asyncio.to_thread(redis.raw.set, "k", "v")
    await asyncio.to_thread(write_earlier, tmp_path / "releases")
    await asyncio.to_thread(write_greedy, tmp_path / "releases", other.url)
    place = {"PLUGWAY_PLUGIN_PATH": f"{PLUGIN.parent}:{tmp_path / 'releases'}"}
    async with gateway(tmp_path / "home", "docker", place) as running:
        answer = await running.client.post("/api/v1/plugins", json={"id": ID, "version": "1.0.0"})
        assert answer.status_code == 201, answer.text
        await running.healthy(ID, 180)
        await configure(running, {"url": redis.url, "commandTimeout": 7, "password": "hunter2"})
        await works(running, "1.0.0")
        for later in ("1.1.0", "1.2.0"):
            await update(running, later)
            await works(running, later)
            assert await granted(running) == [f"127.0.0.1:{redis.port}"]
            if later == "1.1.0":
                await back(running)
                await works(running, "1.0.0")
                assert await granted(running) == [f"127.0.0.1:{redis.port}"]
                assert (await values(running))["commandTimeout"] == 7
        # The migration's own server is known to the plugin, and not to be reached before it is entered.
        url = f"/plugins/{ID}/api/keys?connection=surplus"
        answer = await running.client.get(url)
        assert answer.status_code == 503
        assert "not granted" in answer.json()["detail"]
        entered = {"redis": {"url": redis.url, "password": "hunter2"}, "surplus": {"url": other.url}}
        await configure(running, {"connections": entered})
        assert (await running.client.get(url)).raise_for_status().json()["total"] == 0
        await back(running)
        await works(running, "1.0.0")
        assert await granted(running) == [f"127.0.0.1:{redis.port}"]
