"""Settings of the release before go to this one and back, through a real gateway, with their password.

The earlier release is this plugin with settings of the form 1: one Redis, its fields at the top.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.parts import need_docker
from tests.running import RunningGateway, gateway
from tests.shipped.managed import Managed, write_release

pytestmark = [pytest.mark.redis, pytest.mark.timeout(280)]
PLUGIN = Path(__file__).resolve().parents[1]
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


def write_earlier(place: Path) -> None:
    """The plugin's own code with the settings of the release before."""
    manifest = write_release(place, PLUGIN, "1.0.0", EARLIER)
    manifest.write_text(re.sub(r"egress = .*", 'egress = ["settings:/url"]', manifest.read_text()))


def redis_on(running: RunningGateway) -> Managed:
    return Managed(running, "redis-management", "/keys", lambda found: found["total"], held=1)


async def test_settings_migrate_from_the_earlier_release_and_back(start_redis: Any, tmp_path: Path) -> None:
    redis = await asyncio.to_thread(start_redis, "--requirepass", "hunter2")
    await asyncio.to_thread(redis.raw.set, "k", "v")
    await asyncio.to_thread(write_earlier, tmp_path / "releases")
    place = {"PLUGWAY_PLUGIN_PATH": f"{PLUGIN.parent}:{tmp_path / 'releases'}"}
    async with gateway(tmp_path / "home", "process", place) as running:
        plugin = redis_on(running)
        await plugin.install("1.0.0")
        await plugin.configure({"url": redis.url, "commandTimeout": 7, "password": "hunter2"})
        await plugin.works("1.0.0")

        # Over, with nothing but what was migrated, and back. It may reach what the new form names: agreed to,
        # as an operator is asked to.
        await plugin.update("1.1.0", yes=True)
        shown = await plugin.command("configure")
        assert "In force are settings in the form of an earlier release" in shown
        assert {f'  /url  "{redis.url}"', "  /password  (a secret)"} <= set(shown.splitlines()), shown
        await plugin.back()
        assert (await plugin.values())["commandTimeout"] == 7

        # Over again, and settings of the new form.
        await plugin.update("1.1.0", yes=True)
        one = {"url": redis.url, "password": "hunter2"}
        # By command, a word of the new form is not mixed with those of the old one.
        await plugin.command("configure", "connections={}")
        await plugin.configure({"connections": {"first": one, "second": one}})
        await plugin.works("1.1.0")
        assert "earlier release" not in await plugin.command("configure")
        assert sorted((await plugin.values())["connections"]) == ["first", "second"]
        await plugin.kill_and_return(redis, "1.1.0", lambda: redis.raw.set("k", "v"))
        await plugin.back()
        assert (await plugin.values())["commandTimeout"] == 7


async def granted(plugin: Managed) -> list[str]:
    (instance,) = (await plugin.running.plugin(plugin.id))["instances"]
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
    await asyncio.to_thread(write_release, tmp_path / "releases", PLUGIN, "1.2.0", GREEDY % other.url)
    place = {"PLUGWAY_PLUGIN_PATH": f"{PLUGIN.parent}:{tmp_path / 'releases'}"}
    async with gateway(tmp_path / "home", "docker", place) as running:
        plugin = redis_on(running)
        await plugin.install("1.0.0")
        await plugin.configure({"url": redis.url, "commandTimeout": 7, "password": "hunter2"})
        await plugin.works("1.0.0")
        for later in ("1.1.0", "1.2.0"):
            await plugin.update(later, yes=True)
            assert await granted(plugin) == [f"127.0.0.1:{redis.port}"]
            if later == "1.1.0":
                await plugin.back()
                assert await granted(plugin) == [f"127.0.0.1:{redis.port}"]
                assert (await plugin.values())["commandTimeout"] == 7
        # The migration's own server is known to the plugin, and not to be reached before it is entered.
        url = f"/plugins/{plugin.id}/api/keys?connection=surplus"
        answer = await running.client.get(url)
        assert answer.status_code == 503
        assert "not granted" in answer.json()["detail"]
        entered = {"redis": {"url": redis.url, "password": "hunter2"}, "surplus": {"url": other.url}}
        await plugin.configure({"connections": entered})
        assert (await running.client.get(url)).raise_for_status().json()["total"] == 0
        await plugin.back()
        assert await granted(plugin) == [f"127.0.0.1:{redis.port}"]
