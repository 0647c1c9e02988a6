"""Rollouts: begin, watch, steer, go back; pins and defaults."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.rollout_views import (
    ConsentBody,
    ForceBody,
    PinBody,
    RolloutList,
    RolloutRequest,
    RolloutView,
    rollout_view,
)
from gateway.api.routes.plugins import PluginPath, note_downgrade
from gateway.api.trail import note
from gateway.model import PluginId
from gateway.registry.records import RolloutRecord
from gateway.supervisor.rollout_request import RolloutOptions

RolloutPath = Annotated[str, Path(description="The rollout's id.", examples=["notes-1a2b3c4d"])]


def rollout_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["rollouts"])
    _add_plugin_routes(router, parts)
    _add_views(router, parts)
    _add_steering(router, parts)
    _add_standing(router, parts)
    return router


def _view(parts: Parts, record: RolloutRecord) -> RolloutView:
    return rollout_view(record, parts.rollouts)


def _add_plugin_routes(router: APIRouter, parts: Parts) -> None:
    prefix = "/api/v1/plugins/{id}"

    @router.get(
        f"{prefix}/rollouts",
        operation_id="listRollouts",
        summary="List a plugin's rollouts, newest first",
        responses=responses(404),
    )
    async def list_rollouts(id: PluginPath) -> RolloutList:  # noqa: A002  the name in the path
        plugin = parts.store.plugin(PluginId(id)).id
        return RolloutList(rollouts=[_view(parts, record) for record in parts.store.rollouts(plugin)])

    @router.post(
        f"{prefix}/rollouts",
        operation_id="beginRollout",
        summary="Move the plugin to another version",
        description="Answers once the rollout is written down. Follow it by events, or by its own address.",
        status_code=201,
        responses=responses(404, 409, 422),
    )
    async def begin_rollout(
        id: PluginPath,  # noqa: A002
        body: RolloutRequest,
        request: Request,
    ) -> RolloutView:
        note(request.scope, version=body.version)
        note_downgrade(request, body.allow_downgrade)
        own = {"version", "catalogue", "yes", "allow_downgrade"}
        options = RolloutOptions(**body.model_dump(exclude=own))
        definition = None
        if body.catalogue:
            installed = parts.store.plugin(PluginId(id)).definition
            definition = await parts.market.definition(installed, body.version, body.catalogue)
        record = await parts.rollouts.begin(
            PluginId(id),
            body.version,
            options,
            consent=body.yes,
            definition=definition,
            downgrade=body.allow_downgrade,
        )
        return _view(parts, record)

    @router.post(
        f"{prefix}/rollback",
        operation_id="rollBack",
        summary="Go back to the stable release before",
        description="Ends the rollout under way, or moves to the release before the present one.",
        responses=responses(404, 409, 503),
    )
    async def roll_back(id: PluginPath) -> RolloutView:  # noqa: A002
        return _view(parts, await parts.rollouts.rollback(PluginId(id)))


def _add_views(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/api/v1/rollouts",
        operation_id="listLiveRollouts",
        summary="List the rollouts of all plugins that are under way",
        responses=responses(),
    )
    async def list_live() -> RolloutList:
        return RolloutList(rollouts=[_view(parts, r) for r in parts.store.rollouts() if r.live])

    @router.get(
        "/api/v1/rollouts/{id}",
        operation_id="getRollout",
        summary="Show a rollout",
        responses=responses(404),
    )
    async def get_rollout(id: RolloutPath) -> RolloutView:  # noqa: A002
        return _view(parts, parts.rollouts.rollouts.find(id))


def _add_steering(router: APIRouter, parts: Parts) -> None:
    prefix = "/api/v1/rollouts/{id}"

    @router.post(
        f"{prefix}/promote",
        operation_id="promoteRollout",
        summary="Skip the steps that are left and switch",
        responses=responses(404, 409, 503),
    )
    async def promote_rollout(id: RolloutPath, body: ConsentBody | None = None) -> RolloutView:  # noqa: A002
        return _view(parts, await parts.rollouts.promote(id, consent=bool(body and body.yes)))

    @router.post(
        f"{prefix}/pause",
        operation_id="pauseRollout",
        summary="Hold a rollout where it is",
        responses=responses(404, 409, 503),
    )
    async def pause_rollout(id: RolloutPath) -> RolloutView:  # noqa: A002
        return _view(parts, await parts.rollouts.pause(id))

    @router.post(
        f"{prefix}/resume",
        operation_id="resumeRollout",
        summary="Let a paused rollout go on",
        responses=responses(404, 409, 503),
    )
    async def resume_rollout(id: RolloutPath) -> RolloutView:  # noqa: A002
        return _view(parts, await parts.rollouts.resume(id))

    @router.post(
        f"{prefix}/abort",
        operation_id="abortRollout",
        summary="Go straight back to the stable release",
        responses=responses(404, 409, 503),
    )
    async def abort_rollout(id: RolloutPath, body: ForceBody | None = None) -> RolloutView:  # noqa: A002
        return _view(parts, await parts.rollouts.abort(id, force=bool(body and body.force)))


def _add_standing(router: APIRouter, parts: Parts) -> None:
    """What holds for a plugin until it is changed: its pin, its defaults."""
    prefix = "/api/v1/plugins/{id}"

    @router.put(
        f"{prefix}/pin",
        operation_id="pinPlugin",
        summary="Hold a plugin at its release, or let it go",
        status_code=204,
        responses=responses(404, 409, 422),
    )
    async def pin_plugin(id: PluginPath, body: PinBody) -> None:  # noqa: A002
        await parts.rollouts.set_pinned(PluginId(id), pinned=body.pinned)

    @router.get(
        f"{prefix}/rollout-defaults",
        operation_id="getRolloutDefaults",
        summary="Show how the plugin is moved where a request says nothing",
        responses=responses(404),
    )
    async def get_defaults(id: PluginPath) -> RolloutOptions:  # noqa: A002
        return RolloutOptions.model_validate(parts.store.plugin(PluginId(id)).rollout_defaults)

    @router.put(
        f"{prefix}/rollout-defaults",
        operation_id="setRolloutDefaults",
        summary="Set how the plugin is moved where a request says nothing",
        responses=responses(404, 422),
    )
    async def set_defaults(id: PluginPath, body: RolloutOptions) -> RolloutOptions:  # noqa: A002
        record = await parts.rollouts.set_defaults(PluginId(id), body)
        return RolloutOptions.model_validate(record.rollout_defaults)
