"""Where a plugin listens, from the environment that its runtime made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from plugway_sdk.errors import PlugwaySdkError


class BadAddress(PlugwaySdkError):
    """PLUGWAY_LISTEN or PLUGWAY_TLS cannot hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """A gRPC address, and the directory of the PEM files where TLS is mutual."""

    address: str
    tls: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], plugin_id: str) -> Listen:
        """``unix:/path`` or ``tcp:host:port``; without one, a socket in the working directory."""
        given = environment.get("PLUGWAY_LISTEN") or f"unix:./.plugway-{plugin_id}.sock"
        tls = environment.get("PLUGWAY_TLS")
        if given.startswith("unix:") and len(given) > 5:
            return cls(address=f"unix:{Path(given[5:]).absolute()}")
        if given.startswith("tcp:") and given.count(":") >= 2:
            return cls(address=given[4:], tls=Path(tls) if tls else None)
        raise BadAddress(f"PLUGWAY_LISTEN is {given!r}; expected unix:/path or tcp:host:port")

    def credentials(self) -> grpc.ServerCredentials | None:
        """Only clients of the given authority are let in. Raises BadAddress."""
        if self.tls is None:
            return None
        try:
            ca, certificate, key = ((self.tls / f"{name}.pem").read_bytes() for name in ("ca", "cert", "key"))
        except OSError as error:
            raise BadAddress(f"PLUGWAY_TLS lacks a file: {error}") from error
        return grpc.ssl_server_credentials(
            [(key, certificate)], root_certificates=ca, require_client_auth=True
        )
