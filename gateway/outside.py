"""Plugins from elsewhere: the sources that fetch, the catalogues, and the watch over what was let in."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway.back import Back
from gateway.catalogue.catalogues import Catalogues
from gateway.catalogue.kept import FOLDER as CATALOGUES
from gateway.catalogue.market import Market
from gateway.catalogue.pictures import Pictures
from gateway.model import DirectoryArtifact, Source
from gateway.settings import Settings
from gateway.sources.addresses import read_allow_list
from gateway.sources.base import ReleaseSource
from gateway.sources.cdn import CdnSource
from gateway.sources.external import ExternalPlugins
from gateway.sources.fetch import Fetcher
from gateway.sources.http_remote import HttpRemoteSource
from gateway.sources.npm import NpmSource
from gateway.sources.oci import OciSource
from gateway.sources.oci_registry import open_registries
from gateway.sources.remote import RemoteSource
from gateway.sources.store import ContentStore
from gateway.supervisor.trust_watch import TrustWatch
from gateway.supervisor.upstream import Upstream
from gateway.supervisor.verification import Verification
from gateway.trust.verify import verify_release


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the management API asks of it."""

    market: Market
    trust: TrustWatch
    verification: Verification


async def open_outside(stack: AsyncExitStack, back: Back) -> Outside:
    """Give the catalog its other sources. Asks no network before somebody wants something of it."""
    fetcher = Fetcher(
        read_allow_list(back.settings.fetch_allow),
        timeout=back.settings.fetch_timeout,
        max_bytes=back.settings.fetch_bytes,
        ca_file=back.settings.fetch_ca_file,
    )
    external = ExternalPlugins(back.home.path / "external", fetcher)
    await _collect(external, back)
    images = OciSource(open_registries(back.settings, back.logins.find))
    back.catalog.add(_sources(back.settings, external, images))
    trust = TrustWatch(
        home=back.home.path, store=back.store, admission=back.admission,
        events=back.events, stop=back.lifecycle.disable,
    )  # fmt: skip
    await trust.start()
    stack.push_async_callback(trust.stop)
    verification = Verification(
        store=back.store, content=back.content, verify=verify_release, standing=back.admission.standing,
        upstream=Upstream(images),
    )  # fmt: skip
    return Outside(market=await _market(stack, back, fetcher), trust=trust, verification=verification)


def _sources(settings: Settings, external: ExternalPlugins, images: OciSource) -> dict[Source, ReleaseSource]:
    return {
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


async def _collect(external: ExternalPlugins, back: Back) -> None:
    """What was fetched for releases that are forgotten goes, as nothing is being installed yet."""
    releases = [known.release for one in back.store.plugins() for known in back.store.releases(one.id)]
    artifacts = [release.artifact for release in releases]
    await external.collect([found.path for found in artifacts if isinstance(found, DirectoryArtifact)])


async def _market(stack: AsyncExitStack, back: Back, fetcher: Fetcher) -> Market:
    """What is kept of the catalogues is there at once; looking for newer ones waits for nobody."""
    catalogues = Catalogues(back.home.path, fetcher, every=back.settings.catalogue_interval)
    await catalogues.open()
    # Names of catalogues never begin with a dot.
    pictures = Pictures(fetcher, ContentStore(back.home.path / CATALOGUES / ".pictures"))
    market = Market(back.catalog, catalogues, pictures)
    await catalogues.start(after=market.forget_pictures)
    stack.push_async_callback(catalogues.stop)
    return market
