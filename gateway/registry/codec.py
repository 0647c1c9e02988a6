"""Records to rows and back. Rows hold plain JSON, so that any database tool can read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from gateway.definition import PluginDefinition
from gateway.model import Endpoint, InstanceId, Manifest, Ownership, PluginId, Release, ReleaseId
from gateway.registry.records import (
    Acceptance,
    InstanceRecord,
    PluginRecord,
    PluginSettings,
    ReleaseRecord,
    RolloutRecord,
)
from gateway.registry.secrets import SecretCipher
from gateway.ui_bundles import UiBundle

Row = Mapping[str, Any]
T = TypeVar("T")


class _Json(BaseModel, Generic[T]):
    """Unknown fields are passed over: a column may have been written by a later patch release."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", extra="ignore")
    value: T


def plugin_row(record: PluginRecord, cipher: SecretCipher) -> dict[str, Any]:
    settings = record.settings
    return {
        "id": record.id,
        "release_id": record.release_id,
        "definition": record.definition.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "enabled": record.enabled,
        "pinned": record.pinned,
        "settings": dict(settings.values),
        "secrets": cipher.encrypt(record.id, settings.secrets) if settings.secrets else "",
        "settings_version": settings.schema_version,
        "settings_revision": settings.revision,
        "installed_at": record.installed_at,
        "updated_at": record.updated_at,
        "rollout_defaults": dict(record.rollout_defaults),
        "slot": record.slot,
        "limits": dict(record.limits),
    }


def plugin_record(row: Row, cipher: SecretCipher) -> PluginRecord:
    plugin_id = PluginId(row["id"])
    return PluginRecord(
        id=plugin_id,
        definition=PluginDefinition.model_validate(row["definition"]),
        release_id=ReleaseId(row["release_id"]),
        enabled=row["enabled"],
        pinned=row["pinned"],
        settings=PluginSettings(
            values=row["settings"],
            secrets=cipher.decrypt(plugin_id, row["secrets"]) if row["secrets"] else {},
            schema_version=row["settings_version"],
            revision=row["settings_revision"],
        ),
        installed_at=row["installed_at"],
        updated_at=row["updated_at"],
        rollout_defaults=row["rollout_defaults"],
        slot=row["slot"],
        limits=row["limits"],
    )


def release_row(record: ReleaseRecord) -> dict[str, Any]:
    return {
        "id": record.release.id,
        "plugin_id": record.release.plugin_id,
        "release": _dump(_Json[Release](value=record.release)),
        "acceptance": _dump(_Json[Acceptance](value=record.acceptance)) if record.acceptance else None,
        "added_at": record.added_at,
        **facts_row(record.manifest, record.ui),
    }


def facts_row(manifest: Manifest | None, ui: UiBundle | None) -> dict[str, Any]:
    return {
        "manifest": _dump(_Json[Manifest](value=manifest)) if manifest else None,
        "ui": _dump(_Json[UiBundle](value=ui)) if ui else None,
    }


def release_record(row: Row) -> ReleaseRecord:
    manifest, ui, acceptance = row["manifest"], row["ui"], row["acceptance"]
    return ReleaseRecord(
        release=_Json[Release].model_validate_json(_wrap(row["release"])).value,
        manifest=_Json[Manifest].model_validate_json(_wrap(manifest)).value if manifest else None,
        ui=_Json[UiBundle].model_validate_json(_wrap(ui)).value if ui else None,
        acceptance=_Json[Acceptance].model_validate_json(_wrap(acceptance)).value if acceptance else None,
        added_at=row["added_at"],
    )


def instance_row(record: InstanceRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "plugin_id": record.plugin_id,
        "release_id": record.release_id,
        "ownership": record.ownership.value,
        "runtime": record.runtime,
        "endpoint": _dump(_Json[Endpoint](value=record.endpoint)) if record.endpoint else None,
        "lease_until": record.lease_until,
        "settings_revision": record.settings_revision,
    }


def instance_record(row: Row) -> InstanceRecord:
    endpoint = row["endpoint"]
    return InstanceRecord(
        id=InstanceId(row["id"]),
        plugin_id=PluginId(row["plugin_id"]),
        release_id=ReleaseId(row["release_id"]),
        ownership=Ownership(row["ownership"]),
        runtime=row["runtime"],
        endpoint=_Json[Endpoint].model_validate_json(_wrap(endpoint)).value if endpoint else None,
        lease_until=row["lease_until"],
        settings_revision=row["settings_revision"],
    )


def _dump(holder: BaseModel) -> Any:
    return holder.model_dump(mode="json")["value"]


def _wrap(value: Any) -> str:
    return json.dumps({"value": value})


def rollout_row(record: RolloutRecord, cipher: SecretCipher) -> dict[str, Any]:
    return {
        "id": record.id,
        "plugin_id": record.plugin_id,
        "live": record.live,
        "document": dict(record.document),
        "settings_before": _settings_row(record.plugin_id, record.before, cipher) if record.before else None,
        "timeline": [dict(entry) for entry in record.timeline],
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def rollout_record(row: Row, cipher: SecretCipher) -> RolloutRecord:
    plugin_id, before = PluginId(row["plugin_id"]), row["settings_before"]
    return RolloutRecord(
        id=row["id"],
        plugin_id=plugin_id,
        live=row["live"],
        document=row["document"],
        before=_settings(plugin_id, before, cipher) if before else None,
        timeline=tuple(row["timeline"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _settings_row(plugin: PluginId, settings: PluginSettings, cipher: SecretCipher) -> dict[str, Any]:
    return {
        "values": dict(settings.values),
        "secrets": cipher.encrypt(plugin, settings.secrets) if settings.secrets else "",
        "schema_version": settings.schema_version,
        "revision": settings.revision,
    }


def _settings(plugin: PluginId, row: Row, cipher: SecretCipher) -> PluginSettings:
    return PluginSettings(
        values=row["values"],
        secrets=cipher.decrypt(plugin, row["secrets"]) if row["secrets"] else {},
        schema_version=row["schema_version"],
        revision=row["revision"],
    )
