"""The sources that fetch, put together. Imported when the first of them is asked."""

from __future__ import annotations

from gateway.back import Back
from gateway.model import Source
from gateway.settings import Settings
from gateway.sources.addresses import read_allow_list
from gateway.sources.carried import Carried, Reader
from gateway.sources.carried_images import CarriedImages
from gateway.sources.cdn import CdnSource
from gateway.sources.external import ExternalPlugins
from gateway.sources.fetch import Fetcher
from gateway.sources.http_remote import HttpRemoteSource
from gateway.sources.npm import NpmSource
from gateway.sources.oci import OciSource
from gateway.sources.oci_registry import open_registries


def open_fetcher(settings: Settings) -> Fetcher:
    """Raises :class:`BadAllowList`."""
    return Fetcher(
        read_allow_list(settings.fetch_allow),
        timeout=settings.fetch_timeout,
        max_bytes=settings.fetch_bytes,
        ca_file=settings.fetch_ca_file,
    )


def npm(back: Back) -> NpmSource:
    return NpmSource(
        _external(back),
        registry=back.settings.npm_registry,
        npm_config=back.settings.npm_config,
        signatures=back.settings.npm_signatures,
        keys=back.settings.npm_keys,
    )


def cdn(back: Back) -> CdnSource:
    return CdnSource(_external(back), unpinned=back.settings.cdn_unpinned)


def http_remote(back: Back) -> HttpRemoteSource:
    return HttpRemoteSource(_external(back))


def carried(back: Back) -> Carried:
    """What makes releases of files that came another way than by fetching."""
    external = _external(back)
    from_npm = npm(back)
    cdn = CdnSource(external, unpinned=back.settings.cdn_unpinned)
    readers: dict[Source, Reader] = {
        Source.NPM: from_npm,
        Source.CDN: cdn,
        Source.REMOTE: HttpRemoteSource(external),
    }
    kept = CarriedImages(back.home.path, images(back), limit=back.settings.bundle_bytes)
    return Carried(external, readers, kept, {Source.NPM: from_npm})


def images(back: Back) -> OciSource:
    return OciSource(open_registries(back.settings, back.logins.find))


def _external(back: Back) -> ExternalPlugins:
    return ExternalPlugins(back.external, open_fetcher(back.settings))
