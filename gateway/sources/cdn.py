"""Pages from a CDN: fetched once by the gateway, pinned by digest; a browser never goes there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.definition import PluginDefinition
from gateway.errors import BadInput
from gateway.model import Release
from gateway.semver import is_version
from gateway.sources.archive import unpack
from gateway.sources.base import CatalogEntry
from gateway.sources.evidence import Evidence
from gateway.sources.external import ExternalPlugins, Found, refuse_fields
from gateway.sources.found import check_sum, found_in
from gateway.sources.module_files import ENTRY, module_files, module_subjects
from gateway.sources.module_files import fetched as fetched_of
from gateway.sources.offer import Offer
from gateway.sources.package_json import BadPackage, Package, read_package
from gateway.sources.steps import step
from gateway.sources.threads import in_thread
from gateway.sources.vouched import Vouched

VERSION = "{version}"
"""Stands in a URL for the version that is installed."""

_NOT_HERE = (
    "ui_config.package_name",
    "ui_config.version",
    "ui_config.remote_component",
    "ui_config.component_endpoint",
)
_PLACES = ("ui_config.component_url", "ui_config.package_url", "download_url", "source_url")
_MAX_MODULE = 64 * 2**20


class ChecksumMissing(BadInput):
    """The definition does not say which bytes are meant."""

    key, title = "checksum-missing", "The definition has no checksum"


class NotAModule(BadInput):
    """What was fetched is no ES module."""

    key, title = "not-a-module", "What is there is no ES module"


class CdnSource:
    """``unpinned`` lets definitions without a checksum pass; what came is pinned all the same."""

    def __init__(self, external: ExternalPlugins, *, unpinned: bool) -> None:
        self._external = external
        self._unpinned = unpinned

    async def resolve(self, definition: PluginDefinition) -> Release:
        refuse_fields(definition, _NOT_HERE, "does not apply to the source 'cdn'")
        place_name, url = _place(definition)
        version = named_version(definition)
        self._must_be_pinned(definition)
        async with self._external.workplace() as place:
            file = place / "download"
            fetched = await self._external.fetcher.file(url.replace(VERSION, version), file)
            digest = f"sha256:{fetched.sha256}"
            check_sum(definition, digest)
            step("checking", "checking what was fetched")
            found = await in_thread(_read, definition, place_name, file, place / "files", digest)
            return await self._external.publish(definition, found, place)

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        return await self._external.evidence(definition, release)

    async def offer(self, definition: PluginDefinition, release: Release) -> Offer:
        """What is at the address now, held against what was fetched; nothing of it is kept."""
        _, url = _place(definition)
        return await offer_of(self._external, url.replace(VERSION, release.version), release)

    async def available(self) -> Sequence[CatalogEntry]:
        return ()

    def read(
        self, definition: PluginDefinition, version: str, file: Path | None, files: Path, said: Vouched
    ) -> Found:
        """What a file holds that came another way. Blocking."""
        del said  # No registry stands between.
        refuse_fields(definition, _NOT_HERE, "does not apply to the source 'cdn'")
        place_name, _ = _place(definition)
        named_version(definition)
        self._must_be_pinned(definition)
        if file is None:
            raise NotAModule(f"The page of {definition.id} {version} is missing.")
        digest = file_digest(file)
        check_sum(definition, digest)
        return _read(definition, place_name, file, files, digest)

    def _must_be_pinned(self, definition: PluginDefinition) -> None:
        if not definition.checksum and not self._unpinned:
            raise ChecksumMissing(
                f"Nothing says which bytes of {definition.id} are meant.",
                fields={"/checksum": "is missing"},
                hint="Add 'checksum': 'sha256:...' of the file, or set PLUGWAY_CDN_UNPINNED=true.",
                plugin=definition.id,
            )


async def offer_of(external: ExternalPlugins, url: str, release: Release) -> Offer:
    """Fetch what is at a URL, only to hash it."""
    _, digest = fetched_of(await external.subjects(release))
    async with external.workplace() as place:
        fetched = await external.fetcher.file(url, place / "download")
    now = f"sha256:{fetched.sha256}"
    return Offer(reference=url, digest=now, installed=digest, version=release.version, changed=now != digest)


def named_version(definition: PluginDefinition) -> str:
    """The version of what names none itself: the definition's; raises :class:`BadInput`."""
    if not is_version(definition.version):
        raise BadInput(
            f"The source '{definition.source.value}' cannot tell which version {definition.id} is.",
            fields={"/version": "must be a semantic version such as 1.2.3"},
            plugin=definition.id,
        )
    return definition.version


def _place(definition: PluginDefinition) -> tuple[str, str]:
    """The one field that says where the page is, and its URL."""
    given = []
    for name in _PLACES:
        holder, _, inner = name.rpartition(".")
        if url := getattr(definition.ui_config if holder else definition, inner, ""):
            given.append((name, url))
    if len(given) != 1:
        raise BadInput(
            "The source 'cdn' needs one address to fetch from, and no other.",
            fields={"/uiConfig": "give componentUrl (one module), packageUrl (an archive) or downloadUrl"},
            plugin=definition.id,
        )
    return given[0]


def _read(definition: PluginDefinition, place_name: str, file: Path, files: Path, digest: str) -> Found:
    """An archive or one module, as the field says; where it says neither, as the bytes do. Blocking."""
    archive = looks_like_archive(file)
    origin: dict[str, Any] = {"subjects": {"archive": digest}}
    kept: Path | None = file
    if place_name.endswith("package_url") or (archive and not place_name.endswith("component_url")):
        names = unpack(file, files)
        package = read_package(files, names)
        if package.version and package.version != definition.version:
            raise BadPackage(
                f"The definition says version {definition.version}, its package.json {package.version[:40]}."
            )
    else:
        page = one_module(file, files)
        names, package, kept = page.names, page.package, None
        origin = {"subjects": page.subjects}
    return found_in(
        definition, package, names, files, version=definition.version, origin=origin, archive=kept
    )


def file_digest(file: Path) -> str:
    """``sha256:...`` of its bytes. Blocking."""
    with file.open("rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"


def looks_like_archive(file: Path) -> bool:
    """Whether it begins as gzip, zip or tar do. Blocking."""
    with file.open("rb") as opened:
        head = opened.read(512)
    return head[:2] == b"\x1f\x8b" or head[:4] == b"PK\x03\x04" or head[257:262] == b"ustar"


@dataclass(frozen=True, slots=True)
class ModulePage:
    """A page of one module, laid out; ``subjects`` are its files as signers list them."""

    names: tuple[str, ...]
    package: Package
    subjects: dict[str, str]


def one_module(file: Path, files: Path, export: str = "") -> ModulePage:
    """A bundle of one module; ``export`` names what becomes its default. Blocking."""
    if file.stat().st_size > _MAX_MODULE:
        raise NotAModule(f"It is larger than {_MAX_MODULE >> 20} MiB.")
    content = file.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise NotAModule("It is no text in UTF-8.") from error
    if "\0" in text or "export" not in text or text.lstrip()[:1] == "<":
        raise NotAModule("It exports nothing: a page is an ES module that exports mount(root, host).")
    files.mkdir(mode=0o700)
    made = module_files(content, export)
    for name, data in made.items():
        (files / name).write_bytes(data)
    return ModulePage(tuple(made), Package(entry=ENTRY), module_subjects(made))
