"""Plugins from npm packages: resolved once, checked, unpacked. Nothing of a package is ever run here."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from gateway.definition import PluginDefinition
from gateway.errors import BadInput
from gateway.model import Release
from gateway.sources.archive import unpack
from gateway.sources.base import CatalogEntry
from gateway.sources.evidence import Evidence
from gateway.sources.external import ExternalPlugins, Found, refuse_fields
from gateway.sources.found import check_sum, found_in
from gateway.sources.npm_config import read_npm_config
from gateway.sources.npm_registry import Dist, NpmRegistry
from gateway.sources.npm_signatures import BadRegistrySignature, signing_key
from gateway.sources.package_json import BadPackage, read_package
from gateway.sources.steps import step
from gateway.sources.store import DigestMismatch
from gateway.sources.threads import in_thread

_NOT_HERE = (
    "download_url",
    "ui_config.component_url",
    "ui_config.package_url",
    "ui_config.remote_component",
    "ui_config.component_endpoint",
)


class NpmSource:
    """``npm_config`` is the path of a file in the form of ``.npmrc``; it is read at every install."""

    def __init__(
        self,
        external: ExternalPlugins,
        *,
        registry: str,
        npm_config: Path | None,
        signatures: Literal["required", "if-offered"],
    ) -> None:
        self._external = external
        self._registry = registry
        self._npm_config = npm_config
        self._signatures = signatures

    async def resolve(self, definition: PluginDefinition) -> Release:
        """The release of the version that the definition means now."""
        refuse_fields(definition, _NOT_HERE, "does not apply to the source 'npm'")
        name, wanted = _wish(definition)
        config = await asyncio.to_thread(read_npm_config, self._npm_config, self._registry)
        registry = NpmRegistry(self._external.fetcher, config, name)
        dist = await registry.find(wanted)
        signed = await self._signed(registry, dist)
        async with self._external.workplace() as place:
            tarball = place / "package.tgz"
            fetched = await self._external.fetcher.file(
                dist.tarball, tarball, credentials=config.credentials(dist.tarball)
            )
            if fetched.sha512 != dist.sha512:
                raise DigestMismatch(f"The tarball of {name} {dist.version} is not what its integrity says.")
            digest = f"sha256:{fetched.sha256}"
            check_sum(definition, digest)
            step("checking", "checking what was fetched")
            found = await in_thread(_read, definition, dist, signed, digest, tarball, place / "files")
            return await self._external.publish(definition, found, place)

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        return await self._external.evidence(definition, release)

    async def available(self) -> Sequence[CatalogEntry]:
        return ()

    def read(self, definition: PluginDefinition, version: str, file: Path | None, files: Path) -> Found:
        """What a tarball holds for which no registry speaks. Blocking."""
        refuse_fields(definition, _NOT_HERE, "does not apply to the source 'npm'")
        name, _ = _wish(definition)
        if file is None:
            raise BadPackage(f"The package {name} {version} is missing.")
        if self._signatures == "required":
            raise BadRegistrySignature(
                f"{name} {version} cannot be shown to be what its registry published: no registry is asked.",
                hint="PLUGWAY_NPM_SIGNATURES=if-offered installs it without.",
            )
        with file.open("rb") as opened:
            sha256 = f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
            opened.seek(0)
            sha512 = hashlib.file_digest(opened, "sha512").digest()
        check_sum(definition, sha256)
        integrity = f"sha512-{base64.b64encode(sha512).decode()}"
        dist = Dist(package=name, version=version, tarball="", integrity=integrity, sha512=sha512)
        return _read(definition, dist, "", sha256, file, files)

    async def _signed(self, registry: NpmRegistry, dist: Dist) -> str:
        """The id of the registry's key that signed this version, or "" where none did."""
        keys = await registry.keys() if dist.signatures or self._signatures == "required" else None
        if dist.signatures and keys:
            text = f"{dist.package}@{dist.version}:{dist.integrity}"
            expiring = any(key.expires for key in keys)
            published = await registry.published_at(dist.version) if expiring else ""
            return signing_key(text, dist.signatures, keys, published)
        if self._signatures == "required":
            why = "it publishes no keys" if dist.signatures else "it did not sign it"
            raise BadRegistrySignature(
                f"{dist.package} {dist.version} cannot be shown to be what the registry published: {why}.",
                hint="PLUGWAY_NPM_SIGNATURES=if-offered installs it without.",
            )
        return ""


def _wish(definition: PluginDefinition) -> tuple[str, str]:
    """Package and version, range or tag. ``version`` goes before that of ``uiConfig``."""
    config = definition.ui_config
    name = config.package_name if config else ""
    version = definition.version or (config.version if config else "")
    if not name and definition.source_url.startswith("npm:"):
        name, mark, said = unquote(definition.source_url[4:]).rpartition("@")
        if not mark or not name:
            name, said = unquote(definition.source_url[4:]), ""
        version = version or said
    if not name:
        raise BadInput(
            "The source 'npm' needs the name of a package.",
            fields={"/uiConfig/packageName": "is missing"},
            hint='For example {"uiConfig": {"packageName": "@scope/notes", "version": "^1.0.0"}}.',
            plugin=definition.id,
        )
    return name, version.strip()


def _read(
    definition: PluginDefinition, dist: Dist, signed: str, digest: str, tarball: Path, files: Path
) -> Found:
    """What the tarball holds. Its own package.json is the truth. Blocking."""
    names = unpack(tarball, files)
    package = read_package(files, names)
    if (package.name, package.version) != (dist.package, dist.version):
        raise BadPackage(
            f"It is offered as {dist.package} {dist.version}; "
            f"its own package.json says {package.name[:80] or 'no name'} {package.version[:40]}.",
            hint="Do not install it: who offers the package and the package do not agree on what it is.",
        )
    origin: dict[str, Any] = {
        "package": dist.package,
        "version": dist.version,
        "integrity": dist.integrity,
        "registrySignature": signed,
        "subjects": {"archive": digest},
    }
    return found_in(definition, package, names, files, version=dist.version, origin=origin, archive=tarball)
