"""What a gRPC client asks for. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gateway.proxy.problems import BadRequest
from gateway.proxy.rpc.deadline import read_timeout
from gateway.proxy.rpc.status import UnknownService

_PATH = re.compile(rb"/([A-Za-z_][A-Za-z0-9_.]*)/([A-Za-z_][A-Za-z0-9_]*)")
_KIND = b"application/grpc"


def is_rpc(scope: Any) -> bool:
    """Whether a call over HTTP/2 is one of gRPC (not of gRPC-Web, which is another protocol)."""
    if scope["type"] != "http" or scope["http_version"] != "2" or scope["method"] != "POST":
        return False
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return bool(kind.startswith(_KIND) and kind[len(_KIND) : len(_KIND) + 1] in (b"", b"+", b";"))


@dataclass(frozen=True, slots=True)
class Asked:
    """``plugin`` is the one that the client names, or empty; ``timeout`` in seconds."""

    path: bytes
    service: str
    method: str
    plugin: bytes
    timeout: float | None


def read(scope: Any) -> Asked:
    """Raises ``PlugwayError``."""
    path: bytes = scope["raw_path"]
    found = _PATH.fullmatch(path)
    if found is None:
        raise UnknownService("The path names no service and method.")
    plugin, timeout = b"", None
    for name, value in scope["headers"]:
        if name == b"plugway-plugin":
            plugin = value
        elif name == b"grpc-timeout":
            timeout = read_timeout(value)
            if timeout is None:
                raise BadRequest("grpc-timeout is no timeout.")
    return Asked(path, found[1].decode(), found[2].decode(), plugin, timeout)
