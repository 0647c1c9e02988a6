"""Plugins that are plain HTTP servers: calls are proxied to them, their page is fetched and pinned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin

from gateway.definition import PluginDefinition
from gateway.errors import BadInput
from gateway.model import Release, UiType
from gateway.sources.base import CatalogEntry
from gateway.sources.cdn import (
    VERSION,
    ModulePage,
    NotAModule,
    file_digest,
    named_version,
    offer_of,
    one_module,
)
from gateway.sources.evidence import Evidence
from gateway.sources.external import ExternalPlugins, Found, refuse_fields
from gateway.sources.found import check_sum, found_in
from gateway.sources.module_files import is_export
from gateway.sources.offer import Offer
from gateway.sources.steps import step
from gateway.sources.threads import in_thread
from gateway.sources.vouched import Vouched

_NOT_HERE = (
    "source_url",
    "download_url",
    "ui_config.component_url",
    "ui_config.package_url",
    "ui_config.package_name",
    "ui_config.version",
)


class HttpRemoteSource:
    """``apiBaseUrl`` for the API, ``uiConfig.componentEndpoint`` for the page: a URL, or a path there."""

    def __init__(self, external: ExternalPlugins) -> None:
        self._external = external

    async def resolve(self, definition: PluginDefinition) -> Release:
        refuse_fields(definition, _NOT_HERE, "does not apply to a remote plugin over HTTP")
        version = named_version(definition)
        _must_have_api(definition)
        config = definition.ui_config
        async with self._external.workplace() as place:
            if config is None or not config.component_endpoint:
                found = _without_page(definition, version)
                return await self._external.publish(definition, found, place)
            export = _export(config.remote_component)
            url = _page_url(definition, config.component_endpoint, version)
            file = place / "download"
            fetched = await self._external.fetcher.file(url, file)
            digest = f"sha256:{fetched.sha256}"
            check_sum(definition, digest)
            step("checking", "checking what was fetched")
            page = await in_thread(one_module, file, place / "files", export)
            found = _found(definition, page, place / "files", version)
            return await self._external.publish(definition, found, place)

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        return await self._external.evidence(definition, release)

    async def offer(self, definition: PluginDefinition, release: Release) -> Offer | None:
        """As that of a CDN; None for a server without a page."""
        config = definition.ui_config
        if config is None or not config.component_endpoint:
            return None
        url = _page_url(definition, config.component_endpoint, release.version)
        return await offer_of(self._external, url, release)

    async def available(self) -> Sequence[CatalogEntry]:
        return ()

    def read(
        self, definition: PluginDefinition, version: str, file: Path | None, files: Path, said: Vouched
    ) -> Found:
        """What a page holds that came another way; none where the definition names none. Blocking."""
        del said  # No registry stands between.
        refuse_fields(definition, _NOT_HERE, "does not apply to a remote plugin over HTTP")
        version = named_version(definition)
        _must_have_api(definition)
        config = definition.ui_config
        if config is None or not config.component_endpoint:
            return _without_page(definition, version)
        if file is None:
            raise NotAModule(f"The page of {definition.id} {version} is missing.")
        digest = file_digest(file)
        check_sum(definition, digest)
        return _found(definition, one_module(file, files, _export(config.remote_component)), files, version)


def _found(definition: PluginDefinition, page: ModulePage, files: Path, version: str) -> Found:
    origin = {"subjects": page.subjects}
    return found_in(definition, page.package, page.names, files, version=version, origin=origin)


def _page_url(definition: PluginDefinition, endpoint: str, version: str) -> str:
    return urljoin(definition.api_base_url.rstrip("/") + "/", endpoint.replace(VERSION, version))


def _must_have_api(definition: PluginDefinition) -> None:
    if not definition.api_base_url:
        raise BadInput(
            f"A remote plugin over HTTP needs the address of its API, and {definition.id} has none.",
            fields={"/apiBaseUrl": "is missing"},
            plugin=definition.id,
        )


def _without_page(definition: PluginDefinition, version: str) -> Found:
    # Nobody could hold either against anything, and it would look as if somebody had.
    refuse_fields(
        definition,
        ("checksum", "signature", "signer"),
        "is of a page, and without a componentEndpoint there is none: nothing of the API can be signed",
    )
    if definition.ui_type not in (None, UiType.NONE):
        raise BadInput(
            f"Nothing says where the page of {definition.id} is.",
            fields={"/uiConfig/componentEndpoint": "is missing"},
            plugin=definition.id,
        )
    return Found(version=version, page=None)


def _export(name: str) -> str:
    if name and not is_export(name):
        raise BadInput(
            f"{name[:80]!r} is no name that a module exports.",
            fields={"/uiConfig/remoteComponent": "must be an identifier, such as NotesPanel"},
        )
    return name
