"""Plugins from elsewhere, laid out as directories: page, adapter and origin, under one digest.

From here on such a plugin is like any other that lies in a directory: it is verified, run
and moved in the same way. ``external/`` in the home directory holds them by digest.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tomlkit

from gateway.definition import PluginDefinition
from gateway.digests import canonical_json, make_release, tree_digest
from gateway.durable import sync_tree
from gateway.errors import BadInput
from gateway.model import DirectoryArtifact, Permissions, PluginId, Release, Tier, UiType
from gateway.settings import shipped_root
from gateway.sources.base import SourceUnreadable
from gateway.sources.evidence import Evidence, given
from gateway.sources.fetch import Fetcher
from gateway.sources.manifest_file import FILE, read_manifest_file
from gateway.sources.threads import in_thread

ADAPTER = "web_adapter"
ORIGIN = "origin.json"
PACKAGES = "packages"
"""The directory beside ``external/`` with packages as they were fetched, by the names there."""
COMMAND = ("{python}", "-m", ADAPTER)
MAX_UI_FILES = 2000
_NEEDS = ("anyio>=4", "certifi", "httpcore>=1.0.9", "websockets>=15")
# Not covered by a tree's digest, so never part of one.
_UNLISTED = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A UI that was fetched: the files ``names`` below ``root``."""

    root: Path
    names: tuple[str, ...]
    type: UiType
    entry: str
    styles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a source found for a definition.

    ``wants`` is the egress that the package asks for, ``origins`` the hosts that its page loads from;
    ``origin`` says where it came from, in words that do not change. ``archive`` is the package as it was
    fetched, where it was unpacked; ``beside`` are files to keep next to it, by the ending of their
    names; empty ones are removed.
    """

    version: str
    page: Page | None
    name: str = ""
    description: str = ""
    wants: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)
    archive: Path | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Api:
    base_url: str
    egress: str
    private: bool


class ExternalPlugins:
    """Makes releases of what was fetched. Constructing touches nothing."""

    def __init__(self, root: Path, fetcher: Fetcher) -> None:
        self._root = root
        self.fetcher = fetcher

    @asynccontextmanager
    async def workplace(self) -> AsyncIterator[Path]:
        """A directory for what is not judged yet; it goes in any case.

        Raises :class:`SourceUnreadable` where the disk would not take what is done in it.
        """
        place = self._root / "tmp" / secrets.token_hex(8)
        try:
            with self._plain_errors():
                await in_thread(_make, place)
                yield place
        finally:
            await in_thread(shutil.rmtree, place, ignore_errors=True)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SourceUnreadable(
                f"{self._root} cannot be written: {error.strerror}.",
                hint="See to free space and to write permission there, then try again.",
            ) from error

    async def publish(self, definition: PluginDefinition, found: Found, place: Path) -> Release:
        """The release of what was found in a :meth:`workplace`; its files are there before it is returned."""
        api = await self._api(definition)
        if found.page is None and api is None:
            raise BadInput(
                f"{definition.id} has neither a page nor an API.",
                fields={"/uiType": "must not be 'none' without an apiBaseUrl"},
                plugin=definition.id,
            )
        _granted(definition, found, api)
        directory = place / "plugin"
        digest = await in_thread(self._lay_out, directory, definition, found, api)
        path = await in_thread(self._move, directory, digest, found)
        return _release(definition, found, api, path, digest)

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        """What was fetched for a release, by digest, and the signature that its definition gives."""
        return replace(await given(definition, self.fetcher), subjects=await self.subjects(release))

    async def subjects(self, release: Release) -> dict[str, str]:
        """What was fetched for a release, by digest."""
        assert isinstance(release.artifact, DirectoryArtifact)
        origin = Path(release.artifact.path) / ORIGIN
        return dict(json.loads(await asyncio.to_thread(origin.read_bytes)).get("subjects", {}))

    async def _api(self, definition: PluginDefinition) -> _Api | None:
        if not definition.api_base_url:
            return None
        target, addresses = await self.fetcher.judged(definition.api_base_url)
        if target.query or target.fragment:
            raise BadInput(
                "The apiBaseUrl does not hold.", fields={"/apiBaseUrl": "must not have a query or a fragment"}
            )
        host = target.raw_host.decode("ascii")
        port = target.port or {"https": 443, "http": 80}[target.scheme]
        return _Api(
            base_url=str(target),
            egress=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            private=self.fetcher.listed(host, addresses),
        )

    def _lay_out(self, directory: Path, definition: PluginDefinition, found: Found, api: _Api | None) -> str:
        """Write the directory; returns its digest."""
        directory.mkdir(mode=0o700)
        adapter = shipped_root() / "plugin_services" / ADAPTER / ADAPTER
        shutil.copytree(adapter, directory / ADAPTER, ignore=shutil.ignore_patterns("__pycache__"))
        if found.page is not None:
            _copy_page(found.page, directory / "ui")
        if api is not None and self.fetcher.ca_file is not None:
            shutil.copyfile(self.fetcher.ca_file, directory / "ca.pem")
        _write_json(directory / ORIGIN, {"source": definition.source.value, **found.origin})
        _write_json(directory / "adapter.json", _adapter(definition, found, api))
        (directory / FILE).write_text(tomlkit.dumps(_manifest(definition, found, api)))
        read_manifest_file(directory)
        return tree_digest(directory)

    def _move(self, directory: Path, digest: str, found: Found) -> Path:
        """Put it under its digest; what lies there already and is unharmed stays."""
        target = self._root / digest.removeprefix("sha256:")
        if found.archive is not None:
            _keep(found.archive, archive_of(target), found.beside)
        if target.is_dir():
            if tree_digest(target) == digest:
                return target
            shutil.rmtree(target)
        # On the disk before the registry names it.
        sync_tree(directory)
        directory.rename(target)
        return target


def archive_of(directory: Path) -> Path:
    """The package as it was fetched that a plugin's directory was made of: what its signature is of."""
    return directory.parent.with_name(PACKAGES) / directory.name


def _keep(archive: Path, target: Path, beside: Mapping[str, bytes]) -> None:
    """Before the directory, so that no release is without it."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(archive, whole := archive.with_name(target.name))
    whole.replace(target)
    for ending, content in beside.items():
        name = f"{target.name}{ending}"
        if not content:
            target.with_name(name).unlink(missing_ok=True)
            continue
        (part := archive.with_name(name)).write_bytes(content)
        part.replace(target.with_name(name))


def refuse_fields(definition: PluginDefinition, names: tuple[str, ...], why: str) -> None:
    """Raise :class:`BadInput` where one of the fields is given; ``ui_config.x`` is a field within."""
    fields = {}
    for name in names:
        holder, _, inner = name.rpartition(".")
        part = definition.ui_config if holder else definition
        if part is not None and getattr(part, inner):
            alias = type(part).model_fields[inner].alias
            fields[f"/uiConfig/{alias}" if holder else f"/{alias}"] = why
    if fields:
        raise BadInput(
            "The plugin definition does not hold.",
            fields=fields,
            hint="Leave these fields out, or name another source.",
            plugin=definition.id,
        )


def ui_type_of(definition: PluginDefinition, said: str = "") -> UiType:
    """What the definition says, else what the package says, else a page of plain modules."""
    if definition.ui_type is not None:
        return definition.ui_type
    try:
        return UiType(said or UiType.STATIC.value)
    except ValueError:
        raise BadInput(f"The package names the uiType {said[:40]!r}, which there is not.") from None


def _granted(definition: PluginDefinition, found: Found, api: _Api | None) -> None:
    """A package may ask for the host of its API, which the definition names, and for no other."""
    more = set(found.wants) - ({api.egress} if api else set())
    if more:
        raise BadInput(
            f"The package asks for connections that the definition does not give: {', '.join(sorted(more))}.",
            hint="If that is meant, name its API in the definition as apiBaseUrl.",
            plugin=definition.id,
        )


def _copy_page(page: Page, target: Path) -> None:
    names = [name for name in page.names if not any(part.startswith(".") for part in name.split("/"))]
    for name in names:
        if _UNLISTED & set(name.split("/")):
            raise BadInput(
                f"The package holds {name[:80]!r}: packages within a package are not taken.",
                hint="Bundle what the page needs into its own modules.",
            )
    if len(names) > MAX_UI_FILES:
        raise BadInput(f"The page has {len(names)} files; {MAX_UI_FILES} are the most.")
    for needed in (page.entry, *page.styles):
        if needed not in names:
            raise BadInput(f"The page lacks {needed[:80]!r}, which it is said to begin with or to use.")
    for name in names:
        place = target / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(page.root / name, place)


def _adapter(definition: PluginDefinition, found: Found, api: _Api | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": definition.id,
        "version": found.version,
        "name": _name(definition, found),
        "description": found.description,
    }
    if page := found.page:
        document["ui"] = {"type": page.type.value, "entry": page.entry, "styles": list(page.styles)}
    if found.origins:
        document["origins"] = list(found.origins)
    if api:
        document["api"] = {"baseUrl": api.base_url, "egress": api.egress, "private": api.private}
    return document


def _manifest(definition: PluginDefinition, found: Found, api: _Api | None) -> dict[str, Any]:
    return {
        "id": definition.id,
        "version": found.version,
        "name": _name(definition, found),
        "description": found.description,
        "uiType": found.page.type.value if found.page else UiType.NONE.value,
        "command": list(COMMAND),
        "image": _image(definition),
        "requirements": list(_NEEDS) if api else [],
        "permissions": {"egress": [api.egress] if api else [], "volumes": [], "origins": list(found.origins)},
    }


def _name(definition: PluginDefinition, found: Found) -> str:
    return (definition.name or found.name or definition.id)[:500]


def _image(definition: PluginDefinition) -> str:
    # An image's name takes no two hyphens in a row, and none at its end.
    return f"plugway/external/{re.sub('-+', '-', definition.id.strip('-'))}"


def _release(
    definition: PluginDefinition, found: Found, api: _Api | None, path: Path, digest: str
) -> Release:
    artifact = DirectoryArtifact(path=str(path), digest=digest, command=COMMAND, image=_image(definition))
    plugin_id = PluginId(definition.id)
    permissions = Permissions(egress=(api.egress,) if api else (), origins=found.origins)
    ui_type = found.page.type if found.page else UiType.NONE
    return make_release(
        plugin_id=plugin_id,
        version=found.version,
        name=_name(definition, found),
        source=definition.source,
        tier=Tier.EXTERNAL,
        artifact=artifact,
        permissions=permissions,
        ui_type=ui_type,
    )


def _make(place: Path) -> None:
    place.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    place.mkdir(mode=0o700)


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    path.write_bytes(canonical_json(document))
