"""A candidate that wants to reach more than the release in use, before and after somebody agrees."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.egress.destinations import Destination
from gateway.egress.relay import RelayStatus
from gateway.egress.relays import Relays
from gateway.home import Home
from gateway.model import Permissions
from gateway.registry.records import RolloutRecord
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.settings import Settings
from gateway.supervisor.egress import Egress
from gateway.supervisor.plan import instance_id
from gateway.supervisor.rollout import Phase, Plan, Rollout
from gateway.supervisor.rollout_codec import encode
from tests.samples import make_record, make_release
from tests.unit.egress.kit import OWNER, answered, ask, echo


@pytest.fixture
def home() -> Iterator[Home]:
    # Not under pytest's directories: the path of a socket has to be short.
    directory = Path(tempfile.mkdtemp(prefix="pw-consent-"))
    home = Home(directory)
    yield home
    shutil.rmtree(home.run_root, ignore_errors=True)
    shutil.rmtree(directory)


@pytest.fixture
def relays(home: Home) -> Iterator[Relays]:
    started = Relays(home, Settings.model_validate({"home": home.path}), OWNER)
    started.start()
    yield started
    started.close()


@pytest.fixture
async def store(home: Home) -> AsyncIterator[RegistryStore]:
    cipher = SecretCipher(home.path / "secrets.key")
    opened = await RegistryStore.open(f"sqlite+aiosqlite:///{home.path}/registry.db", cipher)
    yield opened
    await opened.close()


async def listening() -> tuple[asyncio.Server, Destination]:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await echo(reader, writer)
        except OSError:
            pass  # Cut by the other side.
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    return server, Destination("127.0.0.1", server.sockets[0].getsockname()[1])


async def put(store: RegistryStore, rollout: Rollout) -> None:
    record = RolloutRecord(
        id=rollout.id,
        plugin_id=rollout.plugin_id,
        live=rollout.live,
        document=encode(rollout),
        before=store.plugin(rollout.plugin_id).settings,
    )
    await store.put_rollout(record, "")


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < end, "it did not come true in time"
        await asyncio.sleep(0.01)


async def test_a_held_candidate_reaches_only_what_the_stable_release_may(
    home: Home, relays: Relays, store: RegistryStore
) -> None:
    """One that runs, as a gateway before this one may have left it; today's starts it later."""
    (first, shared), (second, further) = await listening(), await listening()
    old = replace(make_release("notes"), permissions=Permissions(egress=(str(shared),)))
    more = Permissions(egress=(str(shared), str(further)))
    new = replace(make_release("notes", "2.0.0"), permissions=more)
    candidate = instance_id(new.id, 0)
    held = Rollout(
        id="r", plugin_id=old.plugin_id, stable=old.id, candidate=new.id, plan=Plan(), phase=Phase.PAUSED
    )
    await store.add_plugin(make_record(old), old)
    await store.add_release(new)
    await put(store, held)
    egress = Egress(store, relays)

    def status() -> RelayStatus:
        return egress.status(candidate) or RelayStatus()

    async def tried(to: Destination) -> str:
        reader, writer = await ask(home.egress_socket(candidate), to)
        said = await answered(reader)
        writer.close()
        await writer.wait_closed()
        return said

    try:
        egress.follow([(candidate, new.plugin_id, new.id)])
        await until(lambda: status().granted == (str(shared),) and home.egress_socket(candidate).exists())
        assert (await tried(shared)).startswith("200 ")
        assert (await tried(further)).startswith("403 Forbidden")
        await until(lambda: status().forbidden == 1)
        assert str(further) in status().last_refusal
        assert status().unmet == (f"{further}: nobody has agreed to it yet",)
        await put(store, replace(held, approved=True))
        egress.refresh()
        await until(lambda: len(status().granted) == 2)
        assert (await tried(further)).startswith("200 ")
        assert status().unmet == ()
    finally:
        egress.close()
        for server in (first, second):
            server.close()
            await server.wait_closed()
