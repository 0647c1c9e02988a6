"""Installed plugins: what is wanted of them, and how they are."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.access.roles import Role, allows
from gateway.api.convert import candidate_view, instance_view, plugin_view, release_view
from gateway.api.guard import caller_of
from gateway.api.instance_views import InstanceList
from gateway.api.leaving import while_connected
from gateway.api.lock_views import LockView, lock_view
from gateway.api.parts import Parts
from gateway.api.problems import MalformedJson, responses
from gateway.api.trail import note
from gateway.api.trust_views import CheckView, VerificationView
from gateway.api.views import CandidateView, PluginList, PluginView, ReleaseList
from gateway.definition import parse_definition
from gateway.model import PluginId

Downgrade = Annotated[
    bool,
    Query(
        alias="allowDowngrade",
        description="Install it though a newer version was in use here before. Goes into the audit log.",
    ),
]
PluginPath = Annotated[str, Path(description="The plugin's id.", examples=["notes"])]

_DEFINITION_BODY = {
    "requestBody": {
        "required": True,
        "description": "The plugin definition. Unknown fields, and `verified`, are refused.",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/PluginDefinitionInput"},
                "examples": {
                    "built-in": {"summary": "Shipped with the gateway", "value": {"id": "notes"}},
                    "remote": {
                        "summary": "Run by something else",
                        "value": {
                            "id": "notes",
                            "source": "remote",
                            "sourceUrl": "grpcs://notes.example:7443",
                        },
                    },
                    "npm": {
                        "summary": "A page in an npm package",
                        "value": {
                            "id": "panel",
                            "source": "npm",
                            "uiConfig": {"packageName": "@acme/panel", "version": "^1.0.0"},
                        },
                    },
                    "cdn": {
                        "summary": "A page of one module at an address",
                        "value": {
                            "id": "panel",
                            "version": "1.0.0",
                            "source": "cdn",
                            "uiConfig": {"componentUrl": "https://cdn.example/panel.js"},
                            "checksum": "sha256:" + "0" * 64,
                        },
                    },
                    "http": {
                        "summary": "A plain HTTP server",
                        "value": {
                            "id": "panel",
                            "version": "1.0.0",
                            "source": "remote",
                            "apiBaseUrl": "https://panel.example/v1",
                        },
                    },
                },
            }
        },
    }
}


def plugin_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/plugins", tags=["plugins"])
    _add_reads(router, parts)
    _add_installation(router, parts)
    _add_upkeep(router, parts)
    _add_switches(router, parts)
    return router


def _add_reads(router: APIRouter, parts: Parts) -> None:

    @router.get("", operation_id="listPlugins", summary="List plugins", responses=responses())
    async def list_plugins(request: Request) -> PluginList:
        caller = caller_of(request.scope)
        shown = [r.id for r in parts.store.plugins() if allows(caller, Role.VIEWER, r.id)]
        return PluginList(plugins=[_view(parts, id_) for id_ in shown])

    @router.get(
        "/{id}",
        operation_id="getPlugin",
        summary="Show a plugin",
        responses=responses(404),
    )
    async def get_plugin(id: PluginPath) -> PluginView:  # noqa: A002  the name in the path
        return _view(parts, PluginId(id))

    @router.get(
        "/{id}/instances",
        operation_id="listInstances",
        summary="List a plugin's instances",
        responses=responses(404),
    )
    async def list_instances(id: PluginPath) -> InstanceList:  # noqa: A002
        status = parts.supervisor.status(parts.store.plugin(PluginId(id)).id)
        circuit_of = parts.circuits.of
        return InstanceList(instances=[instance_view(one, circuit_of(one.id)) for one in status.instances])

    @router.get(
        "/{id}/releases",
        operation_id="listReleases",
        summary="List a plugin's releases with their locks",
        responses=responses(404),
    )
    async def list_releases(id: PluginPath) -> ReleaseList:  # noqa: A002
        record = parts.store.plugin(PluginId(id))
        known = [(r, parts.trust.standing(r.release.id)) for r in parts.store.releases(record.id)]
        return ReleaseList(releases=[release_view(r, record.release_id, now) for r, now in known])

    @router.get(
        "/{id}/lock",
        operation_id="getReleaseLock",
        summary="Show the lock of the release in use",
        description="What was resolved, every digest, who signed, what it may do.",
        responses=responses(404),
    )
    async def get_release_lock(id: PluginPath) -> LockView:  # noqa: A002
        plugin = parts.store.plugin(PluginId(id))
        release = parts.store.release(plugin.release_id)
        return await asyncio.to_thread(lock_view, plugin, release, parts.trust.standing(release.release.id))


def _add_installation(router: APIRouter, parts: Parts) -> None:

    @router.post(
        "",
        operation_id="installPlugin",
        summary="Install a plugin",
        description="Answers once the plugin is installed; it starts after that. Follow it by events: "
        "`plugin.install` says what is being done. A client that leaves before ends it.",
        status_code=201,
        responses=responses(400, 404, 409, 413, 422),
        openapi_extra=_DEFINITION_BODY,
    )
    async def install_plugin(
        request: Request,
        response: Response,
        consent: Annotated[
            str,
            Query(max_length=100, description="The `releaseId` that a preview showed; asked for by a 409."),
        ] = "",
        downgrade: Downgrade = False,
    ) -> PluginView:
        definition = parse_definition(await _json(request))
        note(request.scope, plugin=definition.id, version=definition.version or "")
        note_downgrade(request, downgrade)
        installing = parts.lifecycle.install(definition, consent, downgrade=downgrade)
        record = await while_connected(request, installing)
        note(request.scope, release=record.release_id)
        response.headers["location"] = f"/api/v1/plugins/{record.id}"
        return _view(parts, record.id)

    @router.post(
        "/preview",
        operation_id="previewPlugin",
        summary="Show what installing a plugin would bring",
        description="Finds, fetches and judges it, and installs nothing. A refusal is in the answer. "
        "A client that leaves before ends it.",
        responses=responses(400, 404, 413, 422),
        openapi_extra=_DEFINITION_BODY,
    )
    async def preview_plugin(request: Request, downgrade: Downgrade = False) -> CandidateView:
        definition = parse_definition(await _json(request))
        looking = parts.lifecycle.preview(definition, downgrade=downgrade)
        return candidate_view(await while_connected(request, looking))


def _add_upkeep(router: APIRouter, parts: Parts) -> None:

    @router.post(
        "/{id}/verify",
        operation_id="verifyPlugin",
        summary="Check files, page, signature and policy of a plugin anew",
        responses=responses(404),
    )
    async def verify_plugin(id: PluginPath) -> VerificationView:  # noqa: A002
        checks = await parts.verification.check(parts.store.plugin(PluginId(id)).id)
        return VerificationView(
            ok=all(check.ok is not False for check in checks),
            checks=[CheckView(what=check.what, ok=check.ok, words=check.words) for check in checks],
        )

    @router.delete(
        "/{id}",
        operation_id="uninstallPlugin",
        summary="Uninstall a plugin",
        status_code=204,
        responses=responses(404, 409, 422),
    )
    async def uninstall_plugin(
        id: PluginPath,  # noqa: A002
        purge: Annotated[bool, Query(description="Delete its data, logs and images too.")] = False,
    ) -> None:
        await parts.lifecycle.uninstall(parts.store.plugin(PluginId(id)).id, purge)


def _add_switches(router: APIRouter, parts: Parts) -> None:

    @router.post(
        "/{id}/enable",
        operation_id="enablePlugin",
        summary="Let a plugin run",
        responses=responses(404, 409),
    )
    async def enable_plugin(id: PluginPath) -> PluginView:  # noqa: A002
        await parts.lifecycle.enable(parts.store.plugin(PluginId(id)).id)
        return _view(parts, PluginId(id))

    @router.post(
        "/{id}/disable",
        operation_id="disablePlugin",
        summary="Stop a plugin and keep it installed",
        responses=responses(404, 409),
    )
    async def disable_plugin(id: PluginPath) -> PluginView:  # noqa: A002
        await parts.lifecycle.disable(parts.store.plugin(PluginId(id)).id)
        return _view(parts, PluginId(id))

    @router.post(
        "/{id}/restart",
        operation_id="restartPlugin",
        summary="Restart a plugin",
        description="Also ends a quarantine.",
        responses=responses(404, 409),
    )
    async def restart_plugin(id: PluginPath) -> PluginView:  # noqa: A002
        await parts.lifecycle.restart(parts.store.plugin(PluginId(id)).id)
        return _view(parts, PluginId(id))


def note_downgrade(request: Request, downgrade: bool) -> None:
    """The entry in the audit log says where the version floor was set aside, and nothing otherwise."""
    if downgrade:
        note(request.scope, allow_downgrade=True)


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    # Deep nesting overflows the parser's stack; that is the client's doing.
    except (ValueError, RecursionError):
        raise MalformedJson("The body is not valid JSON.") from None


def _view(parts: Parts, id_: PluginId) -> PluginView:
    record = parts.store.plugin(id_)
    release = parts.store.release(record.release_id)
    standing = parts.trust.standing(record.release_id)
    found = parts.sources.finding(id_)
    status, floor = parts.supervisor.status(id_), parts.store.floor(id_)
    return plugin_view(record, release, status, standing, found, parts.circuits.of, floor)
