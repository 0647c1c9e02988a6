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
from gateway.errors import BadInput, PlugwayError
from gateway.model import DirectoryArtifact, Release
from gateway.sources.archive import unpack
from gateway.sources.base import CatalogEntry
from gateway.sources.evidence import Evidence
from gateway.sources.external import ExternalPlugins, Found, archive_of, refuse_fields
from gateway.sources.found import check_sum, found_in
from gateway.sources.npm_config import read_npm_config
from gateway.sources.npm_proof import (
    PROOF,
    Proof,
    read_key_file,
    read_proof,
    require_tarball,
)
from gateway.sources.npm_registry import Dist, NpmRegistry
from gateway.sources.npm_signatures import BadRegistrySignature, read_keys
from gateway.sources.package_json import BadPackage, read_package
from gateway.sources.steps import step
from gateway.sources.store import DigestMismatch
from gateway.sources.threads import in_thread
from gateway.sources.vouched import Signatures, Vouched

_NOT_HERE = (
    "download_url",
    "ui_config.component_url",
    "ui_config.package_url",
    "ui_config.remote_component",
    "ui_config.component_endpoint",
)


class NpmSource:
    """``npm_config`` is the path of a file in the form of ``.npmrc``, ``keys`` of one with registries' keys.

    Both are read anew each time.
    """

    def __init__(
        self,
        external: ExternalPlugins,
        *,
        registry: str,
        npm_config: Path | None,
        signatures: Literal["required", "if-offered"],
        keys: Path | None = None,
    ) -> None:
        self._external = external
        self._registry = registry
        self._npm_config = npm_config
        self._signatures = signatures
        self._keys = keys

    async def resolve(self, definition: PluginDefinition) -> Release:
        """The release of the version that the definition means now."""
        refuse_fields(definition, _NOT_HERE, "does not apply to the source 'npm'")
        name, wanted = _wish(definition)
        config = await asyncio.to_thread(read_npm_config, self._npm_config, self._registry)
        registry = NpmRegistry(self._external.fetcher, config, name)
        dist = await registry.find(wanted)
        proof = await self._proof(registry, dist)
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
            found = await in_thread(_read, definition, dist, proof, digest, tarball, place / "files")
            return await self._external.publish(definition, found, place)

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        return await self._external.evidence(definition, release)

    async def available(self) -> Sequence[CatalogEntry]:
        return ()

    def read(
        self, definition: PluginDefinition, version: str, file: Path | None, files: Path, said: Vouched
    ) -> Found:
        """What a tarball holds that came another way. Blocking.

        No registry is asked: what it is ``said`` to have signed is held against the keys given here.
        """
        refuse_fields(definition, _NOT_HERE, "does not apply to the source 'npm'")
        name, _ = _wish(definition)
        if file is None:
            raise BadPackage(f"The package {name} {version} is missing.")
        with file.open("rb") as opened:
            sha256 = f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
            opened.seek(0)
            sha512 = hashlib.file_digest(opened, "sha512").digest()
        check_sum(definition, sha256)
        integrity = said.integrity or f"sha512-{base64.b64encode(sha512).decode()}"
        dist = Dist(package=name, version=version, tarball="", integrity=integrity, sha512=sha512)
        proof = self._carried(dist, said, file)
        return _read(definition, dist, proof, sha256, file, files)

    def _carried(self, dist: Dist, said: Vouched, file: Path) -> Proof | None:
        if not said.signatures:
            if self._signatures == "required":
                raise _not_shown(dist, "its registry did not sign it, or an older gateway made the bundle")
            return None
        proof = _proof_of(dist, said.signatures)
        require_tarball(proof, file)
        if self._keys is not None:
            proof.key(read_key_file(self._keys))
        elif self._signatures == "required":
            raise _not_shown(dist, "no registry is asked, and PLUGWAY_NPM_KEYS names no keys of it")
        return proof

    async def vouched(self, release: Release) -> Vouched:
        """What the registry signed of an installed release, to be carried elsewhere."""
        proof = await asyncio.to_thread(read_proof, _directory(release))
        return Vouched(integrity=proof.integrity, signatures=proof.signatures) if proof else Vouched()

    async def check(self, release: Release) -> tuple[bool | None, str]:
        """Whether the registry's signature still holds, in words; None where nothing can be said."""
        try:
            return await asyncio.to_thread(self._check, _directory(release))
        except PlugwayError as error:
            return False, error.detail

    def _check(self, directory: Path) -> tuple[bool | None, str]:
        proof = read_proof(directory)
        if proof is None:
            required = self._signatures == "required"
            return (False if required else None), "No signature of its registry is kept here."
        require_tarball(proof, archive_of(directory))
        if self._keys is not None:
            key = proof.key(read_key_file(self._keys))
            return True, f"{proof.package} {proof.version} is signed by the key {key} of PLUGWAY_NPM_KEYS."
        if not proof.keys:
            words = "Signed, it is said, by its registry; PLUGWAY_NPM_KEYS names no keys to tell by."
            return (False if self._signatures == "required" else None), words
        key = proof.key(read_keys(proof.keys.encode()))
        return True, f"{proof.package} {proof.version} is signed by the registry's key {key}."

    async def _proof(self, registry: NpmRegistry, dist: Dist) -> Proof | None:
        """What the registry signed of this version; None where it did not, or has no keys."""
        if not dist.signatures and self._signatures != "required":
            return None
        own = self._keys
        content = (await registry.keys() or b"") if own is None else b""
        if dist.signatures and (own or content):
            keys = read_keys(content) if own is None else await asyncio.to_thread(read_key_file, own)
            expiring = any(key.expires for key in keys)
            published = await registry.published_at(dist.version) if expiring else ""
            proof = _proof_of(dist, dist.signatures, published=published, keys=content.decode())
            proof.key(keys)
            return proof
        if self._signatures == "required":
            raise _not_shown(dist, "it publishes no keys" if dist.signatures else "it did not sign it")
        return None


def _proof_of(dist: Dist, signatures: Signatures, *, published: str = "", keys: str = "") -> Proof:
    return Proof(
        package=dist.package,
        version=dist.version,
        integrity=dist.integrity,
        signatures=signatures,
        published=published,
        keys=keys,
    )


def _not_shown(dist: Dist, why: str) -> BadRegistrySignature:
    return BadRegistrySignature(
        f"{dist.package} {dist.version} cannot be shown to be what the registry published: {why}.",
        hint="PLUGWAY_NPM_SIGNATURES=if-offered installs it without.",
    )


def _directory(release: Release) -> Path:
    assert isinstance(release.artifact, DirectoryArtifact)
    return Path(release.artifact.path)


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
    definition: PluginDefinition, dist: Dist, proof: Proof | None, digest: str, tarball: Path, files: Path
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
        "subjects": {"archive": digest},
    }
    return found_in(
        definition,
        package,
        names,
        files,
        version=dist.version,
        origin=origin,
        archive=tarball,
        beside={PROOF: proof.dump() if proof else b""},
    )
