"""The contract's service over one plugin."""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from typing import Any

import grpc
from plugway.plugin.v1 import http_pb2, plugin_pb2, plugin_pb2_grpc

from plugway_sdk.app_host import AppHost
from plugway_sdk.body import RequestBody
from plugway_sdk.continuations import Continuations
from plugway_sdk.exchange import exchange
from plugway_sdk.frames import ClientGone, header_messages, write
from plugway_sdk.http_call import AnswerBroken, HttpCall
from plugway_sdk.manifest import description, highest_common
from plugway_sdk.plugin import Plugin, S
from plugway_sdk.problems import not_configured
from plugway_sdk.scope import BadHead
from plugway_sdk.settings import SettingsKeeper
from plugway_sdk.ui import file_messages, whole_bundle

log = logging.getLogger("plugway_sdk")

Context = grpc.aio.ServicerContext[Any, Any]

# _WRITES: grpc.aio also takes coroutines that write, which the stubs do not say. Cancelling
# one reaches its ``finally`` at once; a suspended generator would wait for the collector.

# Tells a gateway that the call never reached the app, so that it may go elsewhere safely.
REFUSED = (("plugway-refused", "draining"),)


class PluginService(plugin_pb2_grpc.PluginServiceServicer):
    """Every method answers for itself; none knows which gateway asks."""

    def __init__(self, plugin: Plugin[S], host: AppHost, instance_id: str) -> None:
        self._plugin = plugin
        self._host = host
        self._settings = SettingsKeeper(plugin)
        self._description = description(plugin, instance_id)
        self._continuations = Continuations(host.timing.continuation)

    async def Describe(  # noqa: N802 - the contract's name
        self, request: plugin_pb2.DescribeRequest, context: Context
    ) -> plugin_pb2.DescribeResponse:
        answer = plugin_pb2.DescribeResponse()
        answer.CopyFrom(self._description)
        answer.contract_version = highest_common(request.contract_versions)
        if not answer.contract_version:
            log.warning("a gateway %s speaks no contract version of ours", request.gateway_version)
        return answer

    async def Configure(  # noqa: N802 - the contract's name
        self, request: plugin_pb2.ConfigureRequest, context: Context
    ) -> plugin_pb2.ConfigureResponse:
        return await self._settings.configure(request)

    async def Handle(  # noqa: N802 - the contract's name
        self, request: plugin_pb2.HandleRequest, context: Context
    ) -> plugin_pb2.HandleResponse:
        host = self._host
        if host.calls.draining or self._settings.missing:
            return await self._refusal(context)
        try:
            call = HttpCall(host, request.request, RequestBody(request.body), whole=True)
        except BadHead as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        call.start()
        try:
            await call.ready
        except asyncio.CancelledError:
            call.disconnect()
            raise
        if not call.status:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "cut at the deadline of the drain")
        return await self._answer(call, context)

    async def _answer(self, call: HttpCall, context: Context) -> plugin_pb2.HandleResponse:
        try:
            body, end = call.take_ready(self._host.timing.unary_bytes)
        except AnswerBroken as error:
            call.delivered()
            await context.abort(grpc.StatusCode.INTERNAL, str(error))
        answer = plugin_pb2.HandleResponse(
            response=http_pb2.HttpResponse(status=call.status, headers=header_messages(call.headers)),
            body=body,
        )
        if not end:
            answer.continuation = self._continuations.keep(call)
            return answer
        if call.trailers:
            answer.trailers.extend(header_messages(call.trailers))
        call.delivered()
        return answer

    async def _refusal(self, context: Context) -> plugin_pb2.HandleResponse:
        if self._host.calls.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "draining: no new calls", REFUSED)
        status, headers, body = not_configured()
        head = http_pb2.HttpResponse(status=status, headers=header_messages(headers))
        return plugin_pb2.HandleResponse(response=head, body=body)

    async def ReadBody(  # type: ignore[override]  # noqa: N802 - see _WRITES
        self, request: plugin_pb2.ReadBodyRequest, context: Context
    ) -> None:
        call = self._continuations.take(request.continuation)
        if request.discard:
            # One that is being read is ended by the cancelling of that ReadBody.
            if call is not None:
                call.disconnect()
            return
        if call is None:
            await context.abort(
                grpc.StatusCode.NOT_FOUND, "no such continuation: used, expired or never given"
            )
        try:
            end = False
            while not end:
                chunk, end = await call.next_part(self._host.timing.window)
                trailers = header_messages(call.trailers) if end else ()
                if chunk or trailers:
                    await write(context, plugin_pb2.ReadBodyResponse(chunk=chunk, trailers=trailers))
        except AnswerBroken as error:
            await context.abort(grpc.StatusCode.INTERNAL, str(error))
        except ClientGone:
            await context.abort(grpc.StatusCode.CANCELLED, "the client has gone")
        finally:
            call.delivered()

    async def Exchange(  # type: ignore[override]  # noqa: N802 - see _WRITES
        self, request_iterator: Any, context: Context
    ) -> None:
        if self._host.calls.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "draining: no new calls", REFUSED)
        # The gateway may hold an upload back until it knows that it was not refused.
        await context.send_initial_metadata(())
        await exchange(self._host, context, configured=not self._settings.missing)

    async def GetUi(  # type: ignore[override]  # noqa: N802 - see _WRITES
        self, request: plugin_pb2.GetUiRequest, context: Context
    ) -> None:
        if self._plugin.ui is None:
            return
        files = await asyncio.to_thread(whole_bundle, self._plugin.ui, kit=self._plugin.ui_kit)
        for path, file in files:
            for message in file_messages(path, await asyncio.to_thread(file.read_bytes)):
                await write(context, message)

    async def Drain(  # noqa: N802 - the contract's name
        self, request: plugin_pb2.DrainRequest, context: Context
    ) -> plugin_pb2.DrainResponse:
        log.info("draining: %s", request.reason or "no reason given")
        drained = await self._host.calls.drain(_seconds(request.deadline), _seconds(request.stream_deadline))
        log.info("drained: %d finished, %d cut", drained.finished, drained.cut)
        return plugin_pb2.DrainResponse(finished=drained.finished, cut=drained.cut)

    async def CollectMetrics(  # noqa: N802 - the contract's name
        self, request: plugin_pb2.CollectMetricsRequest, context: Context
    ) -> plugin_pb2.CollectMetricsResponse:
        # Imported when first asked for, as it is no small part of a start; in a thread, as calls go on.
        await asyncio.to_thread(import_module, "plugway_sdk.exposition")
        from plugway_sdk.exposition import exposition

        content_type, text = exposition(self._host.stats, len(self._host.calls), self._plugin.metrics)
        return plugin_pb2.CollectMetricsResponse(content_type=content_type, text=text)


def _seconds(duration: Any) -> float:
    return float(duration.seconds + duration.nanos / 1e9)
