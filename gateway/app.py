"""The composition root: the only place where the parts of a gateway meet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from prometheus_client import REGISTRY
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.gatekeeper import Gatekeeper
from gateway.api.app import create_api
from gateway.catalogue.catalogues import Catalogues
from gateway.catalogue.kept import FOLDER as CATALOGUES
from gateway.catalogue.market import Market
from gateway.catalogue.pictures import Pictures
from gateway.console.app import create_console
from gateway.egress.relays import Relays
from gateway.home import Home
from gateway.model import DirectoryArtifact, Source
from gateway.proxy.app import DataPlane
from gateway.registry.boards import EventBoard, OutcomeBoard, SnapshotBoard
from gateway.registry.image_logins import ImageLogins
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.runtimes.base import Runtime
from gateway.runtimes.choose import choose_runtime
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.docker_spec import owner
from gateway.settings import Settings
from gateway.sources.addresses import read_allow_list
from gateway.sources.base import ReleaseSource
from gateway.sources.built_in import BuiltInSource
from gateway.sources.catalog import SourceCatalog
from gateway.sources.cdn import CdnSource
from gateway.sources.external import ExternalPlugins
from gateway.sources.fetch import Fetcher
from gateway.sources.http_remote import HttpRemoteSource
from gateway.sources.npm import NpmSource
from gateway.sources.oci import OciSource
from gateway.sources.oci_registry import open_registries
from gateway.sources.remote import RemoteSource
from gateway.sources.store import ContentStore
from gateway.supervisor.admission import Admission
from gateway.supervisor.collector import Collector
from gateway.supervisor.lifecycle import Lifecycle
from gateway.supervisor.loop import Supervisor
from gateway.supervisor.refresh import Refresh
from gateway.supervisor.rollout_acts import RolloutActs
from gateway.supervisor.trust_watch import TrustWatch
from gateway.supervisor.upstream import Upstream
from gateway.supervisor.verification import Verification
from gateway.trust.verify import verify_release

log = structlog.get_logger(__name__)
Announce = Callable[[str, str], None]
"""Told a label and a text for the operator's terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One running gateway: what a server has to serve, and what tests look at."""

    app: ASGIApp
    end_streams: Callable[[], None]
    gatekeeper: Gatekeeper
    store: RegistryStore
    supervisor: Supervisor
    lifecycle: Lifecycle
    events: EventBoard


class Front:
    """Sends plugin calls to the data plane and everything else to the management API."""

    def __init__(self, data_plane: ASGIApp, management: ASGIApp) -> None:
        self._data_plane = data_plane
        self._management = management

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            parts = scope["path"].split("/", 4)
            if len(parts) > 3 and parts[1] == "plugins" and parts[3] in ("api", "ui"):
                await self._data_plane(scope, receive, send)
                return
        await self._management(scope, receive, send)


def _sources(settings: Settings, external: ExternalPlugins, images: OciSource) -> dict[Source, ReleaseSource]:
    return {
        Source.BUILT_IN: BuiltInSource(settings.plugin_directories()),
        Source.REMOTE: RemoteSource(over_http=HttpRemoteSource(external)),
        Source.NPM: NpmSource(
            external,
            registry=settings.npm_registry,
            npm_config=settings.npm_config,
            signatures=settings.npm_signatures,
        ),
        Source.CDN: CdnSource(external, unpinned=settings.cdn_unpinned),
        Source.OCI: images,
    }


async def _external(settings: Settings, home: Home, store: RegistryStore) -> ExternalPlugins:
    """What was fetched for releases that are forgotten goes now, before anything is installed."""
    fetcher = Fetcher(
        read_allow_list(settings.fetch_allow),
        timeout=settings.fetch_timeout,
        max_bytes=settings.fetch_bytes,
        ca_file=settings.fetch_ca_file,
    )
    external = ExternalPlugins(home.path / "external", fetcher)
    artifacts = [known.release.artifact for one in store.plugins() for known in store.releases(one.id)]
    await external.collect([found.path for found in artifacts if isinstance(found, DirectoryArtifact)])
    return external


async def _relays(
    stack: contextlib.AsyncExitStack, runtime: Runtime, home: Home, settings: Settings
) -> Relays | None:
    """None where what plugins connect to is not held by a relay: processes, or networks by choice."""
    if runtime.name != DockerRuntime.name or settings.docker_egress != "relay":
        return None
    relays = Relays(home, settings, owner())
    await asyncio.to_thread(relays.start)
    stack.push_async_callback(asyncio.to_thread, relays.close)
    return relays


async def _market(
    stack: contextlib.AsyncExitStack, settings: Settings, home: Home, own: SourceCatalog, fetcher: Fetcher
) -> Market:
    """What is kept of the catalogues is there at once; looking for newer ones waits for nobody."""
    catalogues = Catalogues(home.path, fetcher, every=settings.catalogue_interval)
    await catalogues.open()
    # Names of catalogues never begin with a dot.
    pictures = Pictures(fetcher, ContentStore(home.path / CATALOGUES / ".pictures"))
    market = Market(own, catalogues, pictures)
    await catalogues.start(after=market.forget_pictures)
    stack.push_async_callback(catalogues.stop)
    return market


@asynccontextmanager
async def open_gateway(settings: Settings, announce: Announce) -> AsyncIterator[Gateway]:
    """Open every part in order and close them in reverse; plugins are started or adopted."""
    async with contextlib.AsyncExitStack() as stack:
        home = await asyncio.to_thread(Home(settings.home).open)
        stack.callback(home.close)
        gatekeeper = await asyncio.to_thread(Gatekeeper.open, home, settings)
        cipher = await asyncio.to_thread(SecretCipher, home.path / "keys" / "secrets.key")
        logins = ImageLogins(home.path, cipher, settings.docker_config)
        store = await RegistryStore.open(settings.database, cipher)
        stack.push_async_callback(store.close)
        runtime, why = await choose_runtime(settings, home, logins.find)
        stack.push_async_callback(runtime.close)
        announce("runtime", why)
        content = ContentStore(home.path / "store")
        external = await _external(settings, home, store)
        images = OciSource(open_registries(settings, logins.find))
        catalog = SourceCatalog(_sources(settings, external, images))
        market = await _market(stack, settings, home, catalog, external.fetcher)
        snapshots, events, outcomes = SnapshotBoard(epoch=store.epoch), EventBoard(), OutcomeBoard()
        refresh = Refresh(store=store, catalog=catalog, runtime=runtime, events=events, announce=announce)
        admission = Admission(home=home.path, store=store, catalog=catalog, verify=refresh.verify)
        supervisor = Supervisor(
            store=store, snapshots=snapshots, events=events, outcomes=outcomes,
            runtime=runtime, content=content, settings=settings, verify=admission.verify,
            relays=await _relays(stack, runtime, home, settings),
        )  # fmt: skip
        lifecycle = Lifecycle(
            store=store, supervisor=supervisor, catalog=catalog, admission=admission, verify=verify_release,
            events=events, runtime=runtime,
        )  # fmt: skip
        rollouts = RolloutActs(
            store=store,
            rollouts=supervisor.rollouts,
            catalog=catalog,
            admission=admission,
            verify=verify_release,
            turn=lifecycle.turn,
        )
        trust = TrustWatch(
            home=home.path, store=store, admission=admission, events=events, stop=lifecycle.disable
        )
        verification = Verification(
            store=store, content=content, verify=verify_release, standing=admission.standing,
            upstream=Upstream(images),
        )  # fmt: skip
        data_plane = DataPlane(
            snapshots=snapshots, outcomes=outcomes, gatekeeper=gatekeeper, content=content,
            settings=settings, asset_key=gatekeeper.asset_key,
        )  # fmt: skip
        stack.push_async_callback(data_plane.close)
        REGISTRY.register(data_plane.metrics)
        stack.callback(REGISTRY.unregister, data_plane.metrics)
        management = create_api(
            store=store, supervisor=supervisor, lifecycle=lifecycle, market=market, trust=trust,
            verification=verification, snapshots=snapshots,
            events=events, gatekeeper=gatekeeper, settings=settings, runtime_choice=why, runtime=runtime,
            rollouts=rollouts, console=create_console(),
        )  # fmt: skip
        await refresh.take()
        await supervisor.start()
        stack.push_async_callback(supervisor.stop, keep=settings.on_exit == "keep")
        await refresh.move(rollouts)
        await trust.start()
        stack.push_async_callback(trust.stop)
        collector = Collector(store, runtime, content, lifecycle.turn)
        await collector.start()
        stack.push_async_callback(collector.stop)
        yield Gateway(
            app=Front(data_plane, management), end_streams=management.state.streams.close,
            gatekeeper=gatekeeper, store=store, supervisor=supervisor, lifecycle=lifecycle, events=events,
        )  # fmt: skip
