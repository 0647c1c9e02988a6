"""Plugins from elsewhere: the sources that fetch, the catalogues, and the watch over what was let in."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.back import Back
from gateway.catalogue.catalogues import Catalogues
from gateway.catalogue.kept import FOLDER as CATALOGUES
from gateway.catalogue.market import Market
from gateway.catalogue.pictures import Pictures
from gateway.definition import PluginDefinition
from gateway.image_files import FOLDER as IMAGES
from gateway.image_files import hexadecimal
from gateway.model import DirectoryArtifact, ImageArtifact, Release, Source
from gateway.sources.addresses import read_allow_list
from gateway.sources.lazy import Lazy, LazySource
from gateway.sources.remote import RemoteSource
from gateway.sources.store import ContentStore
from gateway.supervisor.bundles import Bundles
from gateway.supervisor.collector import used_releases
from gateway.supervisor.registry_proof import RegistryProof
from gateway.supervisor.source_watch import SourceWatch
from gateway.supervisor.trust_watch import TrustWatch
from gateway.supervisor.upstream import Upstream
from gateway.supervisor.verification import Verification
from gateway.trust.verify import verify_release

if TYPE_CHECKING:
    from gateway.sources.carried import Carried
    from gateway.sources.cdn import CdnSource
    from gateway.sources.fetch import Fetcher
    from gateway.sources.http_remote import HttpRemoteSource
    from gateway.sources.npm import NpmSource
    from gateway.sources.oci import OciSource
    from gateway.sources.offer import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the management API asks of it."""

    market: Market
    trust: TrustWatch
    verification: Verification
    bundles: Bundles
    sources: SourceWatch


async def open_outside(stack: AsyncExitStack, back: Back) -> Outside:
    """Give the catalog its other sources. Neither imports nor asks what nobody wants yet."""
    # The one setting of theirs that can be wrong is told at the start, not at the first install.
    read_allow_list(back.settings.fetch_allow)
    await asyncio.to_thread(_collect, back)
    images = Lazy(lambda: _images(back))
    npm = Lazy(lambda: _npm(back))
    cdn, over_http = Lazy(lambda: _cdn(back)), Lazy(lambda: _http_remote(back))
    back.catalog.add(
        {
            Source.REMOTE: RemoteSource(over_http=LazySource(over_http)),
            Source.NPM: LazySource(npm),
            Source.CDN: LazySource(cdn),
            Source.OCI: LazySource(images),
        }
    )
    trust = TrustWatch(
        home=back.home.path, store=back.store, admission=back.admission,
        events=back.events, stop=back.lifecycle.disable,
    )  # fmt: skip
    await trust.start()
    stack.push_async_callback(trust.stop)
    verification = Verification(
        store=back.store, content=back.content, verify=verify_release, standing=back.admission.standing,
        registry=RegistryProof(npm), upstream=Upstream(offers := _Offers(images, cdn, over_http)),
    )  # fmt: skip
    sources = SourceWatch(
        store=back.store, offers=offers, events=back.events, every=back.settings.source_interval
    )
    await sources.start()
    stack.push_async_callback(sources.stop)
    market = await _market(stack, back)
    bundles = Bundles(
        store=back.store, carried=Lazy(lambda: _carried(back)), judge=back.admission.judge,
        lifecycle=back.lifecycle, catalogues=market.catalogues, limit=back.settings.bundle_bytes,
    )  # fmt: skip
    return Outside(market=market, trust=trust, verification=verification, bundles=bundles, sources=sources)


def _collect(back: Back) -> None:
    """What was fetched for releases that nothing needs goes, as nothing is being installed yet.

    The registry forgets these releases too, but later.
    """
    used = [id_ for one in back.store.plugins() for id_ in used_releases(back.store, one.id)]
    artifacts = [back.store.release(id_).release.artifact for id_ in used]
    keep = {found.path for found in artifacts if isinstance(found, DirectoryArtifact)}
    for path in back.external.iterdir() if back.external.is_dir() else ():
        if str(path) not in keep:
            shutil.rmtree(path, ignore_errors=True)
    packages = back.home.path / "packages"
    for path in packages.iterdir() if packages.is_dir() else ():
        if str(back.external / path.name.partition(".")[0]) not in keep:
            path.unlink(missing_ok=True)
    images = back.home.path / IMAGES
    digests = {hexadecimal(found.digest) for found in artifacts if isinstance(found, ImageArtifact)}
    for path in images.iterdir() if images.is_dir() else ():
        if path.name not in digests:
            shutil.rmtree(path, ignore_errors=True)


async def _market(stack: AsyncExitStack, back: Back) -> Market:
    """What is kept of the catalogues is there at once; looking for newer ones waits for nobody."""
    documents = _Documents(Lazy(lambda: _fetcher(back)))
    catalogues = Catalogues(back.home.path, documents, every=back.settings.catalogue_interval)
    await catalogues.open()
    # Names of catalogues never begin with a dot.
    pictures = Pictures(documents, ContentStore(back.home.path / CATALOGUES / ".pictures"))
    market = Market(back.catalog, catalogues, pictures)
    await catalogues.start(after=market.forget_pictures)
    stack.push_async_callback(catalogues.stop)
    return market


class _Documents:
    def __init__(self, fetcher: Lazy[Fetcher]) -> None:
        self._fetcher = fetcher

    async def document(self, url: str, *, limit: int) -> bytes:
        return await (await self._fetcher.get()).document(url, limit=limit)


class _Offers:
    """Whom to ask what there is now where a release came from."""

    def __init__(
        self, images: Lazy[OciSource], cdn: Lazy[CdnSource], over_http: Lazy[HttpRemoteSource]
    ) -> None:
        self._images = images
        self._cdn = cdn
        self._over_http = over_http

    async def offer(self, definition: PluginDefinition, release: Release) -> Offer | None:
        if isinstance(release.artifact, ImageArtifact):
            return await (await self._images.get()).offer(definition, release)
        if isinstance(release.artifact, DirectoryArtifact) and release.source is Source.CDN:
            return await (await self._cdn.get()).offer(definition, release)
        if isinstance(release.artifact, DirectoryArtifact) and release.source is Source.REMOTE:
            return await (await self._over_http.get()).offer(definition, release)
        return None


# Imported at the first use, see gateway.sources.lazy.


def _fetcher(back: Back) -> Fetcher:
    from gateway.fetching import open_fetcher

    return open_fetcher(back.settings)


def _npm(back: Back) -> NpmSource:
    from gateway.fetching import npm

    return npm(back)


def _cdn(back: Back) -> CdnSource:
    from gateway.fetching import cdn

    return cdn(back)


def _http_remote(back: Back) -> HttpRemoteSource:
    from gateway.fetching import http_remote

    return http_remote(back)


def _carried(back: Back) -> Carried:
    from gateway.fetching import carried

    return carried(back)


def _images(back: Back) -> OciSource:
    from gateway.fetching import images

    return images(back)
