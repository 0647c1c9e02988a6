"""A plugin's settings."""

from __future__ import annotations

from fastapi import APIRouter, Request

from gateway.api.convert import settings_view
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.routes.plugins import PluginPath
from gateway.api.settings_views import SettingsChange, SettingsResult, SettingsView
from gateway.api.trail import note
from gateway.errors import BadInput
from gateway.model import PluginId


class SettingsRefused(BadInput):
    """The plugin does not take these settings; the old ones stay in force."""

    key, title = "settings-refused", "Settings refused"


def settings_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/plugins/{id}/settings", tags=["settings"])

    @router.get(
        "",
        operation_id="getSettings",
        summary="Show settings and their schema",
        responses=responses(404),
    )
    async def get_settings(id: PluginPath) -> SettingsView:  # noqa: A002  the name in the path
        record = parts.store.plugin(PluginId(id))
        return settings_view(record, parts.store.release(record.release_id).manifest)

    @router.put(
        "",
        operation_id="changeSettings",
        summary="Change settings, or try them out",
        description="Refused settings leave the old ones in force; `errors` says why, by field. "
        "Those that need a restart are brought in by a rollout, and go back where it fails.",
        responses=responses(400, 404, 409, 413, 422),
    )
    async def change_settings(
        id: PluginPath,  # noqa: A002
        change: SettingsChange,
        request: Request,
    ) -> SettingsResult:
        # Names alone: any value may be a secret.
        note(request.scope, settings=sorted(change.values), dry_run=change.dry_run)
        plugin = parts.store.plugin(PluginId(id)).id
        result = await parts.lifecycle.configure(plugin, change.values, dry_run=change.dry_run)
        if not result.accepted:
            raise SettingsRefused(
                "The plugin refused these settings; the old ones stay in force.",
                plugin=plugin,
                fields=result.errors,
            )
        return SettingsResult(
            revision=parts.store.plugin(plugin).settings.revision,
            dry_run=change.dry_run,
            restart_required=result.restart_required,
            rollout=result.rollout or None,
        )

    return router
