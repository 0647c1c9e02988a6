"""A supervisor over real processes, and plugins that misbehave on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from gateway.definition import PluginDefinition
from gateway.digests import make_release, tree_digest
from gateway.home import Home
from gateway.model import (
    DirectoryArtifact,
    PluginId,
    PluginState,
    Release,
    RemoteArtifact,
    Source,
    Tier,
    UiType,
)
from gateway.registry.boards import EventBoard, OutcomeBoard, SnapshotBoard
from gateway.registry.records import PluginRecord
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.routing import Route
from gateway.runtimes.base import Runtime
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from gateway.sources.store import ContentStore
from gateway.supervisor.clock import Clock
from gateway.supervisor.egress import RelaySet
from gateway.supervisor.lifecycle import Lifecycle
from gateway.supervisor.loop import Supervisor
from gateway.supervisor.status import PluginStatus
from gateway.trust.verify import verify_release
from tests.fakes.management import AcceptsAll

ODD = Path(__file__).resolve().parents[1] / "fakes" / "plugins" / "odd"
ODD_DIGEST = tree_digest(ODD)
T = TypeVar("T")


def quick(**changes: object) -> Settings:
    """Settings with times that suit tests; reads nothing from the environment of the machine."""
    values: dict[str, object] = {
        "start_timeout": 15.0,
        "check_interval": 0.2,
        "check_timeout": 0.5,
        "restart_after": 1.0,
        "backoff_first": 0.05,
        "backoff_max": 0.2,
        "quarantine_after": 3,
        "stop_grace": 2.0,
        **changes,
    }
    return Settings.model_validate(values)


def odd(behaviour: str, plugin: str = "", artifact: RemoteArtifact | None = None) -> Release:
    """A release of the odd plugin, under an id of its own."""
    id_ = PluginId(plugin or f"odd-{behaviour}")
    directory = DirectoryArtifact(
        path=str(ODD), digest=ODD_DIGEST, command=("{python}", "-m", "odd", behaviour, id_), image="odd"
    )
    version = "" if artifact else "1.0.0"
    source = Source.REMOTE if artifact else Source.BUILT_IN
    used = artifact or directory
    return make_release(
        plugin_id=id_,
        version=version,
        name=id_,
        source=source,
        tier=Tier.BUILT_IN,
        artifact=used,
        ui_type=UiType.STATIC,
    )


class OddCatalog:
    """Resolves ``odd-BEHAVIOUR``."""

    async def resolve(self, definition: PluginDefinition) -> Release:
        return odd(definition.id.removeprefix("odd-"))


@dataclass
class Supervised:
    """One gateway's supervisor and what it works on."""

    store: RegistryStore
    runtime: Runtime
    supervisor: Supervisor
    lifecycle: Lifecycle
    snapshots: SnapshotBoard
    events: EventBoard
    outcomes: OutcomeBoard
    states: dict[str, list[PluginState]] = field(default_factory=dict)

    async def add(self, behaviour: str, plugin: str = "", artifact: RemoteArtifact | None = None) -> PluginId:
        release = odd(behaviour, plugin, artifact)
        definition = PluginDefinition(id=release.plugin_id)
        record = PluginRecord(id=release.plugin_id, definition=definition, release_id=release.id)
        await self.store.add_plugin(record, release)
        return release.plugin_id

    def status(self, plugin: PluginId) -> PluginStatus:
        return self.supervisor.status(plugin)

    def route(self, plugin: PluginId) -> Route:
        return self.snapshots.current.routes[plugin]

    async def state(self, plugin: PluginId, state: PluginState, reason: str = "") -> PluginStatus:
        """Wait until the plugin is in ``state``, with ``reason`` as a part of its reason."""

        def look() -> PluginStatus | None:
            status = self.status(plugin)
            return status if status.state is state and reason in status.reason else None

        return await until(look, lambda: f"{plugin} to be {state} ({reason}); it is {self.status(plugin)}")

    async def pid(self, plugin: PluginId) -> int:
        """The process of the plugin's only running instance."""
        (found,) = [one for one in await self.runtime.list() if one.plugin_id == plugin]
        return int(found.handle)


async def until(look: Callable[[], T | None], what: Callable[[], str], seconds: float = 25.0) -> T:
    end = asyncio.get_running_loop().time() + seconds
    while (found := look()) is None or found is False:
        assert asyncio.get_running_loop().time() < end, f"waited in vain for {what()}"
        await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def supervised(
    home: Home,
    settings: Settings,
    runtime: Runtime | None = None,
    *,
    keep: bool = False,
    clock: Clock | None = None,
    relays: RelaySet | None = None,
) -> AsyncIterator[Supervised]:
    """A started supervisor; at the end it stops, and its instances with it unless ``keep``."""
    cipher = await asyncio.to_thread(SecretCipher, home.path / "keys" / "settings.key")
    store = await RegistryStore.open(f"sqlite+aiosqlite:///{home.path / 'plugway.db'}", cipher)
    running = runtime or ProcessRuntime(home, settings)
    snapshots, events, outcomes = SnapshotBoard(epoch=store.epoch), EventBoard(), OutcomeBoard()
    supervisor = Supervisor(
        store=store,
        snapshots=snapshots,
        events=events,
        outcomes=outcomes,
        runtime=running,
        content=ContentStore(home.path / "store"),
        settings=settings,
        clock=clock,
        relays=relays,
    )
    lifecycle = Lifecycle(
        store=store,
        supervisor=supervisor,
        catalog=OddCatalog(),
        admission=AcceptsAll(),
        verify=verify_release,
        events=events,
        runtime=running,
    )
    await supervisor.start()
    try:
        yield Supervised(store, running, supervisor, lifecycle, snapshots, events, outcomes)
    finally:
        await supervisor.stop(keep=keep)
        await running.close()
        await store.close()
