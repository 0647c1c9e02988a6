"""What runs plugins: all parts of a gateway that no caller meets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from gateway.access.gatekeeper import Gatekeeper
from gateway.access.tokens import Tokens
from gateway.home import Home
from gateway.model import Source
from gateway.registry.boards import EventBoard, OutcomeBoard, SnapshotBoard
from gateway.registry.circuits import CircuitBoard
from gateway.registry.image_logins import ImageLogins
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.runtimes.base import Runtime
from gateway.runtimes.choose import choose_runtime
from gateway.settings import Settings
from gateway.sources.built_in import BuiltInSource
from gateway.sources.catalog import SourceCatalog
from gateway.sources.remote import RemoteSource
from gateway.sources.store import ContentStore
from gateway.supervisor.admission import Admission
from gateway.supervisor.egress import open_relays
from gateway.supervisor.lifecycle import Lifecycle
from gateway.supervisor.loop import Supervisor
from gateway.supervisor.refresh import Refresh
from gateway.supervisor.rollout_acts import RolloutActs
from gateway.trust.verify import verify_release
from gateway.unchanged import Unchanged

Announce = Callable[[str, str], None]
"""Told a label and a text for the operator's terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """The parts, open and not yet acting."""

    settings: Settings
    home: Home
    logins: ImageLogins
    gatekeeper: Gatekeeper
    tokens: Tokens
    store: RegistryStore
    runtime: Runtime
    runtime_choice: str
    content: ContentStore
    catalog: SourceCatalog
    snapshots: SnapshotBoard
    events: EventBoard
    outcomes: OutcomeBoard
    circuits: CircuitBoard
    refresh: Refresh
    admission: Admission
    supervisor: Supervisor
    lifecycle: Lifecycle
    rollouts: RolloutActs

    @property
    def external(self) -> Path:
        """Where plugins that were fetched lie, each under its digest."""
        return self.home.path / "external"


async def open_back(
    stack: AsyncExitStack, settings: Settings, announce: Announce, home: Home | None = None
) -> Back:
    """Open home, registry and runtime, which ``stack`` closes, and put the rest on top of them.

    A ``home`` that is open already stays so.
    """
    if home is None:
        home = await asyncio.to_thread(Home(settings.home).open)
        stack.callback(home.close)
    gatekeeper = await asyncio.to_thread(Gatekeeper.open, home, settings)
    await gatekeeper.roll_call_keys(settings.call_key_hours * 3600)
    rolling = asyncio.create_task(gatekeeper.keep_rolling(settings.call_key_hours * 3600))
    stack.callback(rolling.cancel)
    cipher = await asyncio.to_thread(SecretCipher, home.path / "keys" / "secrets.key")
    store = await RegistryStore.open(settings.database, cipher)
    stack.push_async_callback(store.close)
    tokens = Tokens(store.tokens, gatekeeper)
    await tokens.open()
    stack.push_async_callback(tokens.close)
    logins = ImageLogins(home.path, cipher, settings.docker_config)
    runtime, why = await choose_runtime(settings, home, logins.find)
    stack.push_async_callback(runtime.close)
    announce("runtime", why)
    unchanged = Unchanged(home.path / "unchanged.json")
    content = ContentStore(home.path / "store", unchanged)
    # Those that fetch are added by gateway.outside: what is here suffices for a start.
    catalog = SourceCatalog(
        {Source.BUILT_IN: BuiltInSource(settings.plugin_directories()), Source.REMOTE: RemoteSource()}
    )
    snapshots, events, outcomes = SnapshotBoard(epoch=store.epoch), EventBoard(), OutcomeBoard()
    refresh = Refresh(
        store=store, catalog=catalog, runtime=runtime, events=events, announce=announce, unchanged=unchanged
    )
    admission = Admission(home=home.path, store=store, catalog=catalog, verify=refresh.verify)
    supervisor = Supervisor(
        store=store, snapshots=snapshots, events=events, outcomes=outcomes,
        runtime=runtime, content=content, settings=settings, verify=admission.verify,
        relays=await open_relays(stack, runtime, home, settings),
        call_keys=lambda: gatekeeper.call_keys.public,
    )  # fmt: skip
    lifecycle = Lifecycle(
        store=store, supervisor=supervisor, catalog=catalog, admission=admission, verify=verify_release,
        events=events, runtime=runtime,
    )  # fmt: skip
    rollouts = RolloutActs(
        store=store, rollouts=supervisor.rollouts, catalog=catalog, admission=admission,
        verify=verify_release, events=events, turn=lifecycle.turn,
    )  # fmt: skip
    return Back(
        settings=settings, home=home, logins=logins, gatekeeper=gatekeeper, tokens=tokens, store=store,
        runtime=runtime, runtime_choice=why, content=content, catalog=catalog, snapshots=snapshots,
        events=events, outcomes=outcomes, circuits=CircuitBoard(), refresh=refresh, admission=admission,
        supervisor=supervisor, lifecycle=lifecycle, rollouts=rollouts,
    )  # fmt: skip
