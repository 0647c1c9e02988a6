"""A plugin's gRPC server: the contract, health and reflection on one address."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from plugway.plugin.v1 import plugin_pb2, plugin_pb2_grpc

from plugway_sdk.app_host import AppHost
from plugway_sdk.listen import BadAddress, Listen
from plugway_sdk.plugin import Plugin
from plugway_sdk.reflecting import REFLECTION_V1, add_reflection
from plugway_sdk.service import PluginService
from plugway_sdk.timing import Timing
from plugway_sdk.typed import Guarded, exported

_OPTIONS = (
    ("grpc.max_receive_message_length", 8 * 2**20),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    # A gateway pings idle channels to notice a dead peer; gRPC's default punishes that.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    # And the plugin notices a gateway that vanished without a word.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class Server:
    """One server over one plugin. Constructing starts nothing."""

    def __init__(
        self, plugin: Plugin[Any], listen: Listen, *, instance_id: str = "", timing: Timing = Timing()
    ) -> None:
        self._plugin = plugin
        self._listen = listen
        self._instance_id = instance_id
        self._timing = timing
        self._grpc: grpc.aio.Server | None = None
        self._host: AppHost | None = None
        self._health = health.aio.HealthServicer()
        self._notices: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Run the app's startup, then listen. Raises StartupFailed, BadAddress."""
        host = self._host = AppHost(self._plugin.app, self._timing)
        await host.start()
        host.calls.on_draining = self._tell_health
        server = self._grpc = grpc.aio.server(options=_OPTIONS)
        service = PluginService(self._plugin, host, self._instance_id)
        plugin_pb2_grpc.add_PluginServiceServicer_to_server(service, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        for name in {self._plugin.id, self._instance_id} - {""}:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        services = exported(self._plugin.services)
        guarded = Guarded(host)
        server.add_generic_rpc_handlers([guarded.handler(service) for service in services])
        names = [plugin_pb2.DESCRIPTOR.services_by_name["PluginService"].full_name, health.SERVICE_NAME]
        names += [service.name for service in services]
        add_reflection([*names, reflection.SERVICE_NAME, REFLECTION_V1], server)
        self._bind(server)
        await server.start()

    def _bind(self, server: grpc.aio.Server) -> None:
        credentials = self._listen.credentials()
        address = self._listen.address
        try:
            if credentials is None:
                self.port = server.add_insecure_port(address)
            else:
                self.port = server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise BadAddress(f"cannot listen on {address}: {error}") from None

    def _tell_health(self) -> None:
        task = asyncio.ensure_future(self._health.enter_graceful_shutdown())
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def stop(self, grace: float = 0.0) -> None:
        """Drain for ``grace`` seconds, cut what is left, run the app's shutdown."""
        if self._host is not None:
            await self._host.calls.drain(grace, grace)
        if self._grpc is not None:
            # Drain has decided about calls; this lets their last bytes out.
            await self._grpc.stop(0.2)
        if self._host is not None:
            await self._host.stop()
