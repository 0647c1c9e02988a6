"""A management API on a real registry and real boards, with a supervisor that only remembers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from gateway.access.gatekeeper import TOKEN_FILE, Gatekeeper
from gateway.access.tokens import Tokens
from gateway.api.app import create_api
from gateway.api.parts import Parts
from gateway.catalogue.catalogues import Catalogues
from gateway.catalogue.market import Market
from gateway.catalogue.pictures import Pictures
from gateway.clock import SteadyClock
from gateway.definition import PluginDefinition
from gateway.digests import make_release
from gateway.home import Home
from gateway.model import (
    InstanceId,
    InstanceState,
    Manifest,
    Ownership,
    PluginId,
    PluginState,
    Release,
    ReleaseId,
    RemoteArtifact,
    Source,
    Tier,
    UiType,
    Voice,
)
from gateway.oidc.provider import OidcProvider
from gateway.registry.boards import EventBoard, OutcomeBoard, SnapshotBoard
from gateway.registry.records import Acceptance, PluginRecord
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.runtimes.base import Diagnosis
from gateway.settings import Settings
from gateway.sources.addresses import read_allow_list
from gateway.sources.base import CatalogEntry
from gateway.sources.carried import Carried
from gateway.sources.carried_images import CarriedImages
from gateway.sources.evidence import Evidence
from gateway.sources.external import ExternalPlugins
from gateway.sources.fetch import Fetcher
from gateway.sources.lazy import Lazy
from gateway.sources.oci import OciSource
from gateway.sources.oci_registry import Registries
from gateway.sources.store import ContentStore
from gateway.supervisor.bundles import Bundles
from gateway.supervisor.candidates import Candidate
from gateway.supervisor.copies import CopyNews
from gateway.supervisor.limits import LimitOptions
from gateway.supervisor.plugin_metrics import Scrape
from gateway.supervisor.recordings import Wanted
from gateway.supervisor.rollout_acts import RolloutActs
from gateway.supervisor.rollouts import Rollouts
from gateway.supervisor.settings_moves import Configured
from gateway.supervisor.source_watch import SourceWatch
from gateway.supervisor.status import InstanceStatus, PluginStatus
from gateway.supervisor.verification import Check
from gateway.trust.standing import Standing
from gateway.trust.verify import verify_release

BASE = "http://127.0.0.1:8080"


ACCEPTED = Acceptance(at=1.0, verified=False, rule="remote-endpoint", words="Not verified.")


def release_of(plugin: str, version: str = "1.0.0") -> Release:
    artifact = RemoteArtifact(address=f"unix:/run/{plugin}.sock")
    return make_release(
        plugin_id=PluginId(plugin),
        version=version,
        name=plugin.title(),
        source=Source.REMOTE,
        tier=Tier.EXTERNAL,
        artifact=artifact,
        ui_type=UiType.STATIC,
    )


@dataclass(frozen=True)
class Line:
    at: float
    instance: str
    text: str


class NoCopies:
    """Says that every copy is away, once."""

    async def hold(self, plugin_id: PluginId, user: str, artifact: RemoteArtifact) -> AsyncIterator[CopyNews]:
        yield CopyNews(healthy=False, reason="It is away.")


class NoRecordings:
    """Begins to record, and ends at once."""

    async def hold(self, plugin_id: PluginId, wanted: Wanted) -> AsyncIterator[Mapping[str, Any]]:
        yield {"plugin": plugin_id}
        yield {"end": "It was enough.", "calls": 0, "missed": 0}


class RememberingSupervisor:
    """Says of every plugin that it is healthy, in one instance, unless told otherwise."""

    def __init__(self) -> None:
        self.copies = NoCopies()
        self.recordings = NoRecordings()
        self.states: dict[str, PluginState] = {}
        self.lines: list[Line] = []
        self.failure: Exception | None = None
        self.failure_after: Exception | None = None

    def status(self, plugin_id: PluginId) -> PluginStatus:
        state = self.states.get(plugin_id, PluginState.HEALTHY)
        instance = InstanceStatus(
            id=InstanceId(f"{plugin_id}.1"),
            release_id=release_of(plugin_id).id,
            state=InstanceState.RUNNING,
            healthy=state is PluginState.HEALTHY,
            reason="",
            voice=Voice.ACTIVE,
            runtime="process",
            ownership=Ownership.MANAGED,
            started_at=1_700_000_000.0,
            address="unix:/run/x.sock",
        )
        return PluginStatus(
            state=state, reason="", voice=Voice.ACTIVE, since=1.0, restarts=2, instances=(instance,)
        )

    async def metrics(self) -> tuple[Scrape, ...]:
        return ()

    async def logs(self, plugin_id: PluginId, *, tail: int, follow: bool) -> AsyncIterator[Line]:
        if self.failure is not None:
            raise self.failure
        for line in self.lines[-tail:] if tail else []:
            yield line
        if self.failure_after is not None:
            raise self.failure_after


@dataclass
class RegistryLifecycle:
    """Writes wishes into the registry; ``failure`` is raised by every act instead."""

    store: RegistryStore
    answer: Configured = field(default_factory=lambda: Configured(accepted=True))
    failure: Exception | None = None
    acts: list[tuple[str, str]] = field(default_factory=list)

    def check_kind(self, release: Release) -> None:
        """All kinds are run here."""

    async def preview(self, definition: PluginDefinition, *, downgrade: bool = False) -> Candidate:
        return Candidate(
            release=release_of(definition.id, definition.version or "1.0.0"), acceptance=ACCEPTED
        )

    async def install(
        self, definition: PluginDefinition, consent: str = "", *, downgrade: bool = False
    ) -> PluginRecord:
        self._act("install", definition.id)
        release = release_of(definition.id, definition.version or "1.0.0")
        record = PluginRecord(id=PluginId(definition.id), definition=definition, release_id=release.id)
        await self.store.add_plugin(record, release)
        return self.store.plugin(record.id)

    async def install_found(
        self, definition: PluginDefinition, candidate: Candidate, consent: str
    ) -> PluginRecord:
        return await self.install(definition, consent)

    async def uninstall(self, plugin_id: PluginId, purge: bool) -> None:
        self._act("purge" if purge else "uninstall", plugin_id)
        await self.store.remove_plugin(plugin_id)

    async def enable(self, plugin_id: PluginId) -> PluginRecord:
        self._act("enable", plugin_id)
        return await self.store.update_plugin(plugin_id, enabled=True)

    async def disable(self, plugin_id: PluginId) -> PluginRecord:
        self._act("disable", plugin_id)
        return await self.store.update_plugin(plugin_id, enabled=False)

    async def limit(self, plugin_id: PluginId, options: LimitOptions) -> PluginRecord:
        limits = options.model_dump(mode="json", exclude_defaults=True)
        return await self.store.update_plugin(plugin_id, limits=limits)

    async def restart(self, plugin_id: PluginId) -> None:
        self._act("restart", plugin_id)

    async def configure(self, plugin_id: PluginId, values: dict[str, Any], dry_run: bool) -> Configured:
        self._act("configure", plugin_id)
        if self.answer.accepted and not dry_run:
            old = self.store.plugin(plugin_id).settings
            settings = replace(old, values=values, revision=old.revision + 1)
            await self.store.update_plugin(plugin_id, settings=settings)
        return self.answer

    def _act(self, act: str, plugin_id: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.acts.append((act, plugin_id))


class OneEntryCatalog:
    async def available(self) -> Sequence[CatalogEntry]:
        return [CatalogEntry(id="notes", name="Notes", version="1.0.0", source=Source.BUILT_IN)]

    async def resolve(self, definition: PluginDefinition) -> Release:
        return release_of(definition.id, definition.version or "1.0.0")


class AcceptsAll:
    """The policy of an operator who trusts everybody."""

    async def accept(
        self, definition: PluginDefinition, release: Release, *, downgrade: bool = False
    ) -> Acceptance:
        return ACCEPTED

    async def judge(self, release: Release, evidence: Evidence, *, downgrade: bool = False) -> Acceptance:
        return ACCEPTED

    def standing(self, release_id: ReleaseId) -> Standing | None:
        return None

    async def check(self, plugin: PluginId) -> Sequence[Check]:
        return (Check(what="artefact", ok=True, words="As it was."),)


class Nowhere:
    """No plugin came from anywhere that could be looked at."""

    async def offer(self, definition: PluginDefinition, release: Release) -> None:
        return None


class IdleRuntime:
    """Runs nothing; a Runtime so far as the API asks."""

    name = "process"

    async def diagnose(self) -> Diagnosis:
        return Diagnosis(available=True, reason="always")


@dataclass
class Bed:
    """One management API with what stands around it."""

    app: FastAPI
    home: Path
    store: RegistryStore
    supervisor: RememberingSupervisor
    lifecycle: RegistryLifecycle
    events: EventBoard
    snapshots: SnapshotBoard
    gatekeeper: Gatekeeper
    tokens: Tokens
    oidc: OidcProvider

    @property
    def token(self) -> str:
        return (self.home / TOKEN_FILE).read_text().strip()

    def client(self, *, token: str | None = None, base_url: str = BASE, **headers: str) -> httpx.AsyncClient:
        """An HTTP client without a session; ``token`` None sends the right one, "" none."""
        token = self.token if token is None else token
        if token:
            headers["authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers)

    async def install(self, plugin: str, manifest: Manifest | None = None, **changes: Any) -> None:
        record = await self.lifecycle.install(PluginDefinition(id=plugin))
        if changes:
            await self.store.update_plugin(record.id, **changes)
        if manifest is not None:
            await self.store.record_facts(record.release_id, manifest, None)


def _carried(home: Path, fetcher: Fetcher) -> Carried:
    source = OciSource(Registries(fetcher, lambda host: None, timeout=10))
    kept = CarriedImages(home, source, limit=2**24)
    return Carried(ExternalPlugins(home / "external", fetcher), {}, kept, {})


@asynccontextmanager
async def management(
    home: Path, *, settings: Settings | None = None, console: ASGIApp | None = None
) -> AsyncIterator[Bed]:
    settings = settings or Settings.model_validate({"home": home})
    store = await RegistryStore.open(
        f"sqlite+aiosqlite:///{home / 'test.db'}", SecretCipher(home / "cipher.key")
    )
    supervisor, lifecycle = RememberingSupervisor(), RegistryLifecycle(store)
    snapshots, events = SnapshotBoard(), EventBoard()
    gatekeeper = await asyncio.to_thread(lambda: Gatekeeper.open(Home(home), settings))
    tokens = Tokens(store.tokens, gatekeeper)
    await tokens.open()
    oidc = OidcProvider(settings)
    runtime: Any = IdleRuntime()
    turns: defaultdict[PluginId, asyncio.Lock] = defaultdict(asyncio.Lock)
    fetcher = Fetcher(read_allow_list("127.0.0.1"), timeout=10.0, max_bytes=2**24)
    catalogues = Catalogues(home, fetcher, every=0)
    await catalogues.open()
    market = Market(OneEntryCatalog(), catalogues, Pictures(fetcher, ContentStore(home / "pictures")))
    parts = Parts(
        store=store,
        supervisor=supervisor,
        lifecycle=lifecycle,
        market=market,
        trust=AcceptsAll(),
        verification=AcceptsAll(),
        bundles=Bundles(
            store=store,
            carried=Lazy(lambda: _carried(home, fetcher)),
            judge=AcceptsAll().judge,
            lifecycle=lifecycle,
            catalogues=catalogues,
            limit=settings.bundle_bytes,
        ),
        sources=SourceWatch(store=store, offers=Nowhere(), events=events, every=0),
        snapshots=snapshots,
        events=events,
        gatekeeper=gatekeeper,
        tokens=tokens,
        audit=store.audit,
        oidc=oidc,
        settings=settings,
        runtime_choice="chosen by the test",
        runtime=runtime,
        rollouts=RolloutActs(
            store=store,
            rollouts=Rollouts(store, snapshots, OutcomeBoard(), events, {}, SteadyClock(), wake=lambda: None),
            catalog=OneEntryCatalog(),
            admission=AcceptsAll(),
            verify=verify_release,
            events=events,
            turn=turns.__getitem__,
        ),
    )
    app = create_api(parts, console)
    try:
        yield Bed(app, home, store, supervisor, lifecycle, events, snapshots, gatekeeper, tokens, oidc)
    finally:
        app.state.streams.close()
        await tokens.close()
        await store.close()
