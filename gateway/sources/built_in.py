"""Plugins that lie in directories beside the gateway, or in ``PLUGWAY_PLUGIN_PATH``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.definition import PluginDefinition
from gateway.digests import make_release, tree_digest
from gateway.errors import BadInput, PlugwayError
from gateway.hints import near
from gateway.model import DirectoryArtifact, PluginId, Release, Source, Tier
from gateway.semver import preference, version_key
from gateway.sources.base import CatalogEntry, NotInCatalog, SourceUnreadable
from gateway.sources.evidence import Evidence
from gateway.sources.manifest_file import FILE, BadManifestFile, ManifestFile, read_manifest_file

# Of no meaning for a directory; taken silently they would look as if they had been checked.
_NOT_HERE = ("source_url", "download_url", "signature", "signer", "ui_config", "api_base_url")


@dataclass(frozen=True, slots=True)
class _Found:
    directory: Path
    manifest: ManifestFile | None
    problem: str = ""


class BuiltInSource:
    """Reads ``plugway.toml`` of each directory and its children; any number of versions of one id.

    The directories are read anew at every call, so a plugin that is put there is found without a restart.
    """

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = tuple(directories)

    async def resolve(self, definition: PluginDefinition) -> Release:
        """The named version, or the highest (a pre-release only where there is nothing else)."""
        _refuse_foreign_fields(definition)
        found = await asyncio.to_thread(lambda: list(self._scan()))
        chosen, manifest = _choose(definition, found)
        digest = await asyncio.to_thread(_digest, chosen)
        if definition.checksum and definition.checksum != digest:
            raise BadInput(
                f"The files of {definition.id} {manifest.version} have another checksum.",
                fields={"/checksum": f"is {digest}"},
                hint="Leave 'checksum' out, or find out why the files differ.",
                plugin=definition.id,
            )
        return _release(definition, chosen, manifest, digest)

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        """None is needed: the operator laid the files here."""
        return Evidence()

    async def available(self) -> Sequence[CatalogEntry]:
        found = await asyncio.to_thread(lambda: list(self._scan()))
        return [_entry(item) for item in found]

    def _scan(self) -> Iterator[_Found]:
        seen: dict[tuple[str, str], Path] = {}
        for directory in dict.fromkeys(self._candidates()):
            try:
                manifest = read_manifest_file(directory)
            except BadManifestFile as error:
                yield _Found(directory, None, error.detail)
                continue
            first = seen.setdefault((manifest.id, manifest.version), directory)
            taken = "" if first == directory else f"{first} has the same id and version and is taken instead"
            yield _Found(directory, manifest, taken)

    def _candidates(self) -> Iterator[Path]:
        for parent in self._directories:
            try:
                children = sorted(parent.iterdir()) if parent.is_dir() else []
            except OSError:
                continue
            for directory in (parent, *children):
                if (directory / FILE).is_file():
                    yield directory.resolve()


def _refuse_foreign_fields(definition: PluginDefinition) -> None:
    given = [name for name in _NOT_HERE if getattr(definition, name)]
    if given:
        fields = type(definition).model_fields
        raise BadInput(
            "A built-in plugin is taken from the gateway's own directories.",
            fields={f"/{fields[name].alias}": "does not apply to the source 'built-in'" for name in given},
            hint="Leave these fields out, or name another source.",
            plugin=definition.id,
        )


def _choose(definition: PluginDefinition, found: list[_Found]) -> tuple[Path, ManifestFile]:
    versions = {
        item.manifest.version: (item.directory, item.manifest)
        for item in found
        if item.manifest and item.manifest.id == definition.id and not item.problem
    }
    if not versions:
        raise _unknown(definition, found)
    wanted = definition.version or max(versions, key=preference)
    if wanted not in versions:
        there = ", ".join(sorted(versions, key=version_key))
        raise NotInCatalog(
            f"There is no version {wanted} of {definition.id} here.",
            hint=f"There are: {there}.",
            plugin=definition.id,
        )
    chosen, manifest = versions[wanted]
    if definition.ui_type not in (None, manifest.ui_type):
        raise BadInput(
            f"The UI of {definition.id} is of another type.",
            fields={"/uiType": f"is '{manifest.ui_type.value}' in {FILE}"},
            plugin=definition.id,
        )
    return chosen, manifest


def _unknown(definition: PluginDefinition, found: list[_Found]) -> PlugwayError:
    for item in found:
        if item.manifest is None and item.directory.name.replace("_", "-") == definition.id:
            return BadManifestFile(
                item.problem, hint="Correct the file and install again.", plugin=definition.id
            )
    known = [item.manifest.id for item in found if item.manifest]
    return NotInCatalog(
        f"No plugin '{definition.id}' comes with this gateway.",
        hint=near(definition.id, known, otherwise="PLUGWAY_PLUGIN_PATH names more directories with plugins."),
        plugin=definition.id,
    )


def _digest(directory: Path) -> str:
    try:
        return tree_digest(directory)
    except OSError as error:
        raise SourceUnreadable(f"{error.filename or directory} cannot be read: {error.strerror}.") from error


def _release(definition: PluginDefinition, directory: Path, manifest: ManifestFile, digest: str) -> Release:
    plugin_id = PluginId(definition.id)
    artifact = DirectoryArtifact(
        path=str(directory), digest=digest, command=manifest.command, image=manifest.image_name
    )
    return make_release(
        plugin_id=plugin_id,
        version=manifest.version,
        name=definition.name or manifest.name,
        source=Source.BUILT_IN,
        tier=Tier.BUILT_IN,
        artifact=artifact,
        permissions=manifest.granted,
        ui_type=manifest.ui_type,
    )


def _entry(item: _Found) -> CatalogEntry:
    if item.manifest is None:
        name = item.directory.name
        return CatalogEntry(id=name, name=name, version="", source=Source.BUILT_IN, problem=item.problem)
    return CatalogEntry(
        id=item.manifest.id,
        name=item.manifest.name,
        version=item.manifest.version,
        source=Source.BUILT_IN,
        description=item.manifest.description,
        ui_type=item.manifest.ui_type,
        permissions=item.manifest.granted,
        problem=item.problem,
    )
