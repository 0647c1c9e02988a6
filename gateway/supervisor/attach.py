"""Getting to know an instance: is it what was installed, what does it offer, does it take its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace

from gateway.contract.client import ConfigureResult, Description, Introduction, PluginClient
from gateway.contract.errors import ContractError, GarbageAnswer, PluginFailed, WrongPlugin
from gateway.model import InstanceId, Manifest, Permissions, Release, RemoteArtifact, UiType
from gateway.packing.pack import Content, pack
from gateway.page_origins import page_origin_words
from gateway.registry.records import PluginSettings, ReleaseRecord
from gateway.trust.refusal import Refused
from gateway.trust.running import judge_running
from gateway.ui_bundles import UiBundle


class PermissionsExceeded(ContractError):
    """The plugin wants more than its release was granted."""

    key, title = "permissions-exceeded", "The plugin wants more than it was granted"
    permanent = True


class NotAsSigned(ContractError):
    """What runs says something else of itself than its publisher signed."""

    key, title = "not-as-signed", "The plugin is not what was signed"
    permanent = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a release said of itself."""

    manifest: Manifest
    ui: UiBundle | None


async def get_facts(
    client: PluginClient, known: ReleaseRecord, instance: InstanceId, content: Content
) -> Facts:
    """Describe, and GetUi where the bundle is not in the store; raises :class:`ContractError`.

    What was learnt of a release that cannot change is not asked for again.
    """
    description = await client.describe()
    _same_plugin(description, known.release, instance)
    manifest = description.manifest
    _granted(manifest, known.release)
    fixed = not isinstance(known.release.artifact, RemoteArtifact)
    if known.manifest is not None and fixed and await kept(known.ui, content):
        await _keep_descriptors(known.manifest, content)
        return Facts(manifest=known.manifest, ui=await _packed(known.ui, known.ui, content))
    ui = None if manifest.ui_type is UiType.NONE else await client.fetch_ui(manifest, content)
    _as_signed(known, manifest, ui)
    await _keep_descriptors(manifest, content)
    return Facts(manifest=manifest, ui=await _packed(ui, known.ui, content))


async def hand_over_settings(
    client: PluginClient, manifest: Manifest, settings: PluginSettings, introduction: Introduction
) -> ConfigureResult:
    """Configure. A plugin without settings is only told whose word to trust, and may not care."""
    if manifest.settings_schema is not None:
        return await client.configure(settings, introduction=introduction)
    if introduction.call_keys:
        with suppress(GarbageAnswer, PluginFailed):
            await client.configure(PluginSettings(), introduction=introduction)
    return ConfigureResult(accepted=True)


def refusal(result: ConfigureResult, plugin: str) -> str:
    """Why settings were refused, in one sentence; "" where they were accepted."""
    if result.accepted:
        return ""
    fields = "; ".join(f"{field or '/'}: {message}" for field, message in sorted(result.errors.items()))
    return f"It refuses its settings ({fields or 'no reason given'}). Set them: plugway configure {plugin}"


async def kept(ui: UiBundle | None, content: Content) -> bool:
    """Whether all files of the bundle are in the store, unharmed."""
    return ui is None or await content.all_intact(ui.files.values())


async def _packed(ui: UiBundle | None, known: UiBundle | None, content: Content) -> UiBundle | None:
    """The bundle in its packed form too, where it can be; the same files are packed once."""
    if ui is None:
        return None
    if known is not None and known.digest == ui.digest:
        ui = replace(ui, packed=known.packed)
    return await pack(ui, content)


async def _keep_descriptors(manifest: Manifest, content: Content) -> None:
    """Into the store, where every data plane finds them."""
    typed = manifest.typed
    if typed is not None and typed.descriptors and not await content.all_intact([typed.descriptors]):
        await content.put(_once(manifest.descriptor_set))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _same_plugin(description: Description, release: Release, instance: InstanceId) -> None:
    said = description.manifest
    if said.plugin_id != release.plugin_id:
        raise WrongPlugin(f"It says that it is the plugin {said.plugin_id!r}, not {release.plugin_id!r}.")
    if release.version and said.version != release.version:
        raise WrongPlugin(f"It says that it is version {said.version}; {release.version} is installed.")
    managed = not isinstance(release.artifact, RemoteArtifact)
    if managed and description.instance_id not in ("", instance):
        raise WrongPlugin(f"It says that it is the instance {description.instance_id!r}, not {instance!r}.")


def _as_signed(known: ReleaseRecord, manifest: Manifest, ui: UiBundle | None) -> None:
    """What a publisher signed beyond the files: what the plugin says of itself, and the UI it hands out."""
    if known.acceptance is None or not known.acceptance.verified or not known.acceptance.envelope:
        return
    try:
        judge_running(known.acceptance.envelope, known.release, manifest, ui.files if ui else {})
    except Refused as refusal:
        raise NotAsSigned(f"It is not what was signed: {refusal.detail}", hint=refusal.hint) from None


def _granted(manifest: Manifest, release: Release) -> None:
    if isinstance(release.artifact, RemoteArtifact):
        # Nothing here gives it any permission, so there is nothing to hold back.
        return
    if more := manifest.permissions.exceeds(release.permissions):
        raise PermissionsExceeded(f"It wants more than its release was granted: {_told(more)}.")


def _told(permissions: Permissions) -> str:
    parts = []
    if permissions.egress:
        parts.append(f"connections to {', '.join(permissions.egress)}")
    if permissions.volumes:
        parts.append(f"the volumes {', '.join(permissions.volumes)}")
    if permissions.origins:
        parts.append(f"a page that may {', '.join(map(page_origin_words, permissions.origins))}")
    return " and ".join(parts)
