"""A process of its own that uses the store, to be killed or starved by the tests.

usage: registry_child.py HOME stuck|write|starve
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from sqlalchemy import delete

from gateway.errors import PlugwayError
from gateway.model import PluginId
from gateway.registry import tables
from gateway.registry.records import PluginSettings
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from tests.samples import make_record, make_release

NOTES = PluginId("notes")


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def stuck(store: RegistryStore) -> None:
    """Changes much, then never commits."""
    async with store._database.write() as connection:
        await connection.execute(delete(tables.plugins))
        await connection.execute(delete(tables.releases))
        say(inside=True)
        await asyncio.sleep(600)


async def write(store: RegistryStore) -> None:
    """Commits without end and says each number once it is committed."""
    revision = 0
    while True:
        revision += 1
        settings = PluginSettings(values={"filler": "x" * 2000}, revision=revision)
        await store.update_plugin(NOTES, settings=settings)
        say(committed=revision)


async def starve(store: RegistryStore, database: Path) -> None:
    """No file may grow any more, then it may again."""
    before = store.plugins()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (database.stat().st_size, hard))
    big = PluginSettings(values={"filler": "x" * 2_000_000})
    try:
        await store.update_plugin(NOTES, settings=big, enabled=False)
    except PlugwayError as error:
        say(key=error.key, detail=error.detail, hint=error.hint, unchanged=store.plugins() == before)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await store.update_plugin(NOTES, pinned=True)
    say(pinned=store.plugin(NOTES).pinned, enabled=store.plugin(NOTES).enabled)


async def main(home: Path, what: str) -> None:
    database = home / "plugway.db"
    store = await RegistryStore.open(f"sqlite:///{database}", SecretCipher(home / "key"))
    if not store.plugins():
        release = make_release()
        await store.add_plugin(make_record(release), release)
    if what == "stuck":
        await stuck(store)
    elif what == "write":
        await write(store)
    else:
        await starve(store, database)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
