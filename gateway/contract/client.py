"""The gateway's side of the contract: one client for one incarnation of an instance."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from plugway.plugin.v1 import plugin_pb2
from plugway.plugin.v1.plugin_pb2_grpc import PluginServiceStub

from gateway.contract.bundle import Content, receive_bundle
from gateway.contract.channel import is_stale, open_channel, surplus
from gateway.contract.descriptors import check_services
from gateway.contract.errors import GarbageAnswer, NameUnknown
from gateway.contract.manifest import CONTRACT_VERSIONS, read_manifest
from gateway.contract.reflect import reflect
from gateway.contract.translate import contract_error
from gateway.model import Endpoint, Manifest
from gateway.ui_bundles import UiBundle

Answer = TypeVar("Answer")

CALL_TIMEOUT = 10.0
"""Seconds for one management call; health checks and drains bring their own."""

UI_TIMEOUT = 120.0
"""Seconds for the whole UI bundle."""


class Health(StrEnum):
    """What a plugin says of itself."""

    SERVING = "serving"
    NOT_SERVING = "not serving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A Describe answer. ``instance_id`` is empty where the process was not told one."""

    manifest: Manifest
    instance_id: str = ""


class SettingsInForce(Protocol):
    """The settings to hand over, as the registry keeps them; ``secrets`` by JSON Pointer."""

    @property
    def values(self) -> Mapping[str, Any]: ...
    @property
    def secrets(self) -> Mapping[str, str]: ...
    @property
    def schema_version(self) -> int: ...
    @property
    def revision(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """By what a plugin knows its gateway's word: ids and public keys, and the release it is to them."""

    call_keys: tuple[tuple[str, bytes], ...] = ()
    release_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureResult:
    """``errors`` maps JSON Pointers to reasons; "" is the whole object."""

    accepted: bool
    errors: Mapping[str, str] = field(default_factory=dict)
    restart_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainResult:
    """Calls finished, and calls still open when the deadline came."""

    finished: int
    cut: int


class PluginClient:
    """Every method raises a :class:`~gateway.contract.errors.ContractError` and nothing else."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._stale: list[aio.Channel] = []
        self._open()

    def _open(self) -> None:
        self._channel = open_channel(self._endpoint)
        self._plugin = PluginServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    async def close(self) -> None:
        for channel in (*self._stale, self._channel):
            await channel.close()

    async def describe(self) -> Description:
        """Negotiate the contract and read the manifest."""
        request = plugin_pb2.DescribeRequest(contract_versions=CONTRACT_VERSIONS)
        answer = await _answer(self._plugin.Describe(request, timeout=CALL_TIMEOUT), "Describe")
        # An OpenAPI document may be long, and a schema is held against that of all schemas.
        manifest = await asyncio.to_thread(read_manifest, answer)
        if manifest.services:
            manifest = await self._with_descriptors(manifest)
        return Description(manifest=manifest, instance_id=answer.instance_id)

    async def _with_descriptors(self, manifest: Manifest) -> Manifest:
        found = manifest.descriptor_set
        try:
            found = found or await reflect(self._channel, manifest.services, CALL_TIMEOUT)
        except aio.AioRpcError as error:
            raise contract_error(error, "reflection") from error
        except TimeoutError:
            raise GarbageAnswer("Its reflection does not come to an end.") from None
        if found:
            await asyncio.to_thread(check_services, manifest.services, found)
        return replace(manifest, descriptor_set=found)

    async def configure(
        self, settings: SettingsInForce, *, dry_run: bool = False, introduction: Introduction | None = None
    ) -> ConfigureResult:
        known = introduction or Introduction()
        request = plugin_pb2.ConfigureRequest(
            settings_json=json.dumps(dict(settings.values)),
            secrets=settings.secrets,
            schema_version=settings.schema_version,
            revision=settings.revision,
            dry_run=dry_run,
            call_keys=[plugin_pb2.CallKey(id=id_, public_key=key) for id_, key in known.call_keys],
            release_id=known.release_id,
        )
        answer = await _answer(self._plugin.Configure(request, timeout=CALL_TIMEOUT), "Configure")
        return ConfigureResult(
            accepted=answer.accepted,
            errors={error.field: error.message for error in answer.errors},
            restart_required=answer.restart_required,
        )

    async def check(self, service: str, timeout: float) -> Health:  # noqa: ASYNC109 - it becomes the gRPC deadline, which also tells the plugin
        """Ask once. A server that does not know ``service`` is not healthy: :class:`NameUnknown`."""
        if is_stale(self._channel, self._endpoint):
            # Kept for a while, as a watch may still be on it: closing would cancel its reader.
            self._stale.append(self._channel)
            self._open()
            for channel in surplus(self._stale):
                await channel.close()
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = await self._health.Check(request, timeout=timeout)
        except aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise _not(service) from error
            raise contract_error(error, "the health check") from error
        return _health(answer, service)

    async def watch(self, service: str) -> AsyncGenerator[Health, None]:
        """What the plugin says, at once and on every change, until the stream ends.

        For speed only: a broken plugin sends nothing, so :meth:`check` decides.
        """
        call = self._health.Watch(health_pb2.HealthCheckRequest(service=service))
        try:
            async for answer in call:
                yield _health(answer, service)
        except aio.AioRpcError as error:
            raise contract_error(error, "the health watch") from error
        finally:
            call.cancel()

    async def fetch_ui(self, manifest: Manifest, content: Content) -> UiBundle:
        """Stream the UI bundle into ``content``, file by file, each checked against its digest."""
        call = self._plugin.GetUi(plugin_pb2.GetUiRequest(), timeout=UI_TIMEOUT)
        try:
            return await receive_bundle(aiter(call), manifest, content)
        except aio.AioRpcError as error:
            raise contract_error(error, "GetUi") from error
        finally:
            call.cancel()

    async def drain(self, deadline: float, stream_deadline: float, reason: str) -> DrainResult:
        """Returns once the plugin is idle or ``deadline`` (seconds) has passed."""
        request = plugin_pb2.DrainRequest(
            deadline=_duration(deadline), stream_deadline=_duration(stream_deadline), reason=reason
        )
        longest = max(deadline, stream_deadline) + 2.0
        answer = await _answer(self._plugin.Drain(request, timeout=longest), "Drain")
        return DrainResult(finished=answer.finished, cut=answer.cut)

    async def collect_metrics(self) -> tuple[str, bytes]:
        """Content type and text of the plugin's own metrics."""
        request = plugin_pb2.CollectMetricsRequest()
        answer = await _answer(self._plugin.CollectMetrics(request, timeout=CALL_TIMEOUT), "CollectMetrics")
        return answer.content_type, answer.text


async def _answer(call: Awaitable[Answer], what: str) -> Answer:
    try:
        answer = await call
    except aio.AioRpcError as error:
        raise contract_error(error, what) from error
    return _readable(answer, what)


def _readable(answer: Answer | None, what: str) -> Answer:
    # grpc.aio answers None where the bytes could not be parsed as the message.
    if answer is None:
        raise GarbageAnswer(f"Its answer to {what} is not a message of the contract.")
    return answer


def _health(answer: health_pb2.HealthCheckResponse | None, service: str) -> Health:
    status = _readable(answer, "the health check").status
    if status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN:
        raise _not(service)
    return Health.SERVING if status == health_pb2.HealthCheckResponse.SERVING else Health.NOT_SERVING


def _not(service: str) -> NameUnknown:
    return NameUnknown(f"What answers on its address does not know {service!r}.")


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration
