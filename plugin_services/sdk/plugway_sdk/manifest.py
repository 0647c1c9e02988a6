"""The answer to Describe, made from what the author said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from plugway.plugin.v1 import manifest_pb2, plugin_pb2

from plugway_sdk.plugin import Limits, Plugin, Rate, S
from plugway_sdk.schema import settings_schema
from plugway_sdk.typed import descriptor_set, exported

CONTRACT_VERSIONS = (1,)

_ACCESS = {
    "public": manifest_pb2.ACCESS_LEVEL_PUBLIC,
    "user": manifest_pb2.ACCESS_LEVEL_USER,
    "admin": manifest_pb2.ACCESS_LEVEL_ADMIN,
}
_UI_TYPE = {
    "static": manifest_pb2.UI_TYPE_STATIC,
    "react_component": manifest_pb2.UI_TYPE_REACT_COMPONENT,
}


def description(plugin: Plugin[S], instance_id: str) -> plugin_pb2.DescribeResponse:
    """All but the negotiated version. Made once: it must not change while the process lives."""
    services = exported(plugin.services)
    return plugin_pb2.DescribeResponse(
        supported_contract_versions=CONTRACT_VERSIONS,
        manifest=_manifest(plugin, [service.name for service in services]),
        openapi_json=_openapi(plugin),
        descriptor_set=descriptor_set(services) if services else b"",
        instance_id=instance_id,
    )


def highest_common(offered: Sequence[int]) -> int:
    """0 where there is none."""
    return max(set(offered) & set(CONTRACT_VERSIONS), default=0)


def _manifest(plugin: Plugin[S], services: Sequence[str]) -> manifest_pb2.Manifest:
    manifest = manifest_pb2.Manifest(
        id=plugin.id,
        version=plugin.version,
        name=plugin.name,
        description=plugin.description,
        permissions=manifest_pb2.Permissions(
            egress=plugin.permissions.egress,
            volumes=plugin.permissions.volumes,
            origins=plugin.permissions.origins,
        ),
        routes=[
            manifest_pb2.RouteRule(
                path_prefix=rule.path_prefix,
                methods=[method.upper() for method in rule.methods],
                access=_ACCESS[rule.access],
            )
            for rule in plugin.routes
        ],
        services=services,
        data_policy=manifest_pb2.DataPolicy(
            one_way_migration=plugin.data_policy.one_way_migration,
            explanation=plugin.data_policy.explanation,
        ),
    )
    if plugin.limits != Limits():
        manifest.suggested_limits.CopyFrom(_limits(plugin.limits))
    if plugin.ui is not None:
        manifest.ui.CopyFrom(
            manifest_pb2.Ui(type=_UI_TYPE[plugin.ui_type], entry=plugin.ui_entry, styles=plugin.ui_styles)
        )
    if plugin.settings_class is not None:
        manifest.settings.CopyFrom(
            manifest_pb2.SettingsSchema(
                json_schema=json.dumps(settings_schema(plugin.settings_class)),
                version=plugin.settings_version,
                reads_from=plugin.settings_reads_from,
                restart_required=plugin.restart_on_settings_change,
            )
        )
    return manifest


def _limits(limits: Limits) -> manifest_pb2.SuggestedLimits:
    return manifest_pb2.SuggestedLimits(
        rate=_rate(limits.rate),
        concurrent=limits.concurrent or 0,
        user_rate=_rate(limits.user_rate),
        user_concurrent=limits.user_concurrent or 0,
        routes=[
            manifest_pb2.RouteLimit(
                path=route.path,
                methods=[method.upper() for method in route.methods],
                rate=_rate(route.rate),
                concurrent=route.concurrent or 0,
            )
            for route in limits.routes
        ],
    )


def _rate(rate: Rate | None) -> manifest_pb2.Rate | None:
    return manifest_pb2.Rate(per_second=rate.per_second, burst=rate.burst or 0) if rate else None


def _openapi(plugin: Plugin[S]) -> bytes:
    """The document the author gave, or the one that the app makes of itself, as FastAPI does."""
    source: Any = plugin.openapi if plugin.openapi is not None else getattr(plugin.app, "openapi", None)
    document = source() if callable(source) else source
    return json.dumps(document).encode() if document is not None else b""
