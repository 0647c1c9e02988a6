"""Reading a Describe answer: a stranger wrote it, so everything is checked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from plugway.plugin.v1 import manifest_pb2, plugin_pb2

from gateway.contract.errors import ContractMismatch, GarbageAnswer
from gateway.contract.limits import read_limits
from gateway.model import PLUGIN_ID, Access, Manifest, Permissions, PluginId, RouteRule, UiType
from gateway.page_origins import BadOrigin, check_page_origin

CONTRACT_VERSIONS = (1,)
"""Versions of the contract that this gateway speaks."""

RESERVED = ("plugway.", "grpc.health.", "grpc.reflection.")
"""Services that are the gateway's to call, and nobody else's."""

_ACCESS = {
    manifest_pb2.ACCESS_LEVEL_PUBLIC: Access.PUBLIC,
    manifest_pb2.ACCESS_LEVEL_ADMIN: Access.ADMIN,
}
_UI = {
    manifest_pb2.UI_TYPE_STATIC: UiType.STATIC,
    manifest_pb2.UI_TYPE_REACT_COMPONENT: UiType.REACT_COMPONENT,
}


def read_manifest(answer: plugin_pb2.DescribeResponse) -> Manifest:
    """The manifest in gateway terms; raises :class:`ContractMismatch` or :class:`GarbageAnswer`."""
    if answer.contract_version not in CONTRACT_VERSIONS:
        theirs = set(answer.supported_contract_versions) | {answer.contract_version} - {0}
        raise ContractMismatch.between(theirs, CONTRACT_VERSIONS)
    said = answer.manifest
    if not PLUGIN_ID.fullmatch(said.id):
        raise GarbageAnswer("Its manifest has no valid plugin id.")
    if not said.version:
        raise GarbageAnswer("Its manifest has no version.")
    ui_type = _UI.get(said.ui.type, UiType.NONE)
    if ui_type is not UiType.NONE and not said.ui.entry:
        raise GarbageAnswer("Its manifest names a UI without an entry module.")
    settings = said.settings if said.HasField("settings") else None
    return Manifest(
        plugin_id=PluginId(said.id),
        version=said.version,
        name=said.name or said.id,
        description=said.description,
        contract_version=answer.contract_version,
        permissions=_permissions(said.permissions),
        routes=tuple(_rule(rule) for rule in said.routes),
        ui_type=ui_type,
        ui_entry=said.ui.entry,
        ui_styles=tuple(said.ui.styles),
        settings_schema=_settings_schema(settings) if settings else None,
        settings_version=max(1, settings.version) if settings else 1,
        settings_reads_from=max(1, settings.reads_from) if settings else 1,
        settings_restart_required=bool(settings and settings.restart_required),
        one_way_migration=said.data_policy.one_way_migration,
        migration_explanation=said.data_policy.explanation,
        services=_services(said.services),
        quotas=read_limits(said.suggested_limits),
        openapi=_object(answer.openapi_json, "OpenAPI document") if answer.openapi_json else None,
        descriptor_set=answer.descriptor_set,
    )


def _permissions(said: manifest_pb2.Permissions) -> Permissions:
    try:
        origins = tuple(check_page_origin(origin) for origin in said.origins)
    except BadOrigin as error:
        raise GarbageAnswer(
            f"An origin in the permissions of its manifest does not hold: it {error}."
        ) from None
    return Permissions(egress=tuple(said.egress), volumes=tuple(said.volumes), origins=origins)


def _rule(rule: manifest_pb2.RouteRule) -> RouteRule:
    if not rule.path_prefix.startswith("/"):
        raise GarbageAnswer(f"Its manifest has a route rule for {rule.path_prefix!r}, which is no path.")
    return RouteRule(
        path_prefix=rule.path_prefix,
        access=_ACCESS.get(rule.access, Access.USER),
        methods=frozenset(method.upper() for method in rule.methods),
    )


def _services(names: Iterable[str]) -> tuple[str, ...]:
    for name in names:
        if name.startswith(RESERVED):
            raise GarbageAnswer(f"It exports {name!r:.200}, which is not a plugin's to export.")
    return tuple(dict.fromkeys(names))


def _settings_schema(settings: manifest_pb2.SettingsSchema) -> dict[str, Any]:
    # Imported here, as it takes long, and a gateway's first plugin is on its way by then.
    import jsonschema

    schema = _object(settings.json_schema, "settings schema")
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise GarbageAnswer("Its settings schema is not a JSON Schema.") from error
    return schema


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        raise GarbageAnswer(f"Its {what} is not JSON.") from error
    if not isinstance(value, dict):
        raise GarbageAnswer(f"Its {what} is not a JSON object.")
    return value
