"""Opening gRPC channels to plugins: the one place where their options are set."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import grpc
from grpc import aio

from gateway.contract.sockets import hold, is_same, path_of
from gateway.model import Endpoint, TlsFiles

MAX_MESSAGE = 16 * 2**20
"""Longest message in either direction, in bytes. Bodies stay below 1 MiB by agreement;
the rest is room for Describe, which carries an OpenAPI document and descriptors."""

PLUGIN_HEADER = "plugway-plugin"
"""Metadata of calls to an endpoint that may carry several plugins: the id of the one that is meant."""

_OPTIONS: list[tuple[str, int | str]] = [
    # At gRPC's defaults (1 s growing to 120 s) a channel goes on answering "connection
    # refused" long after its plugin is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # In spite of its name this bounds one attempt to connect, TLS included.
    ("grpc.min_reconnect_backoff_ms", 3000),
    ("grpc.dns_min_time_between_resolutions_ms", 1000),
    # A channel of one incarnation must not inherit the connection or the back-off of
    # another one to the same address.
    ("grpc.use_local_subchannel_pool", 1),
    # Plugins are never reached through a proxy that happens to be in the environment.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.primary_user_agent", "plugway-gateway"),
]

# A Unix socket cannot be half open, so pings are for TCP alone. Servers that were not
# told otherwise take more than one ping in five minutes for abuse: the SDK allows these.
_KEEPALIVE: list[tuple[str, int | str]] = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
]

_KEPT = 3
"""Channels to sockets that a plugin has made anew meanwhile, which may still be in use."""


def open_channel(endpoint: Endpoint) -> aio.Channel:
    """A channel to one incarnation of an instance; connects by itself, at first use.

    Must be called in a running event loop, and closed by the caller. Raises ``OSError``
    where the endpoint names TLS files that cannot be read.
    """
    _keep_poller()
    options = list(_OPTIONS)
    if endpoint.address.startswith("unix:"):
        # Else the socket's path becomes the :authority, which strict servers refuse.
        options.append(("grpc.default_authority", "localhost"))
    else:
        options += _KEEPALIVE
    if endpoint.mounted:
        return cast(aio.Channel, _Mounted(endpoint.address.removeprefix("unix:"), options))
    if endpoint.tls is None:
        channel = aio.insecure_channel(endpoint.address, options=options)
    else:
        options.append(("grpc.ssl_target_name_override", endpoint.tls.server_name))
        channel = aio.secure_channel(endpoint.address, _credentials(endpoint.tls), options=options)
    return cast(aio.Channel, _Addressed(channel, endpoint.plugin)) if endpoint.plugin else channel


class _Addressed:
    """The part of a channel that stubs use; every call says which plugin is meant.

    An interceptor would do the same, and put a task of its own between a stream and its reader.
    """

    def __init__(self, channel: aio.Channel, plugin: str) -> None:
        self._channel = channel
        self._metadata = ((PLUGIN_HEADER, plugin),)

    def unary_unary(self, *words: Any, **more: Any) -> Any:
        return self._addressed(self._channel.unary_unary(*words, **more))

    def unary_stream(self, *words: Any, **more: Any) -> Any:
        return self._addressed(self._channel.unary_stream(*words, **more))

    def stream_unary(self, *words: Any, **more: Any) -> Any:
        return self._addressed(self._channel.stream_unary(*words, **more))

    def stream_stream(self, *words: Any, **more: Any) -> Any:
        return self._addressed(self._channel.stream_stream(*words, **more))

    def _addressed(self, method: Any) -> Any:
        def call(*words: Any, metadata: Sequence[tuple[str, str | bytes]] = (), **more: Any) -> Any:
            return method(*words, metadata=(*self._metadata, *metadata), **more)

        return call

    async def close(self) -> None:
        await self._channel.close()


class _Mounted:
    """The part of a channel that stubs use, with the socket that it leads to.

    gRPC connects again by itself, so the socket is held until the channel is closed. Not until it is
    collected: that comes late, and each one costs the gateway a descriptor.
    """

    def __init__(self, path: str, options: list[tuple[str, int | str]]) -> None:
        self.held = hold(path)
        self._channel = aio.insecure_channel(f"unix:{path_of(self.held)}", options=options)
        self._let_go = weakref.finalize(self, os.close, self.held) if self.held is not None else None
        self.unary_unary = self._channel.unary_unary
        self.unary_stream = self._channel.unary_stream
        self.stream_unary = self._channel.stream_unary
        self.stream_stream = self._channel.stream_stream

    async def close(self) -> None:
        await self._channel.close()
        if self._let_go is not None:
            self._let_go()


def is_stale(channel: aio.Channel, endpoint: Endpoint) -> bool:
    """Whether its mounted socket was made, or made anew, since the channel was opened: open another."""
    if not isinstance(channel, _Mounted):
        return False
    return not is_same(channel.held, endpoint.address.removeprefix("unix:"))


def surplus(stale: list[aio.Channel]) -> list[aio.Channel]:
    """Takes out those to close now, the oldest, with whatever still runs on them.

    Else a plugin that makes its socket anew without end would use up the gateway's descriptors.
    """
    taken = stale[:-_KEPT]
    del stale[:-_KEPT]
    return taken


@cache
def _keep_poller() -> None:
    """Else gRPC ends its polling thread with the last channel, and makes the event loop wait for that."""
    aio.init_grpc_aio()


def _credentials(tls: TlsFiles) -> grpc.ChannelCredentials:
    """Without a CA file the system's roots count; without a key no certificate is shown."""

    def read(path: str) -> bytes | None:
        return Path(path).read_bytes() if path else None

    return grpc.ssl_channel_credentials(read(tls.ca), read(tls.key), read(tls.certificate))
