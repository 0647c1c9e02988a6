"""Where a plugin listens: a Unix socket in its run directory, or TCP with mutual TLS. All blocking."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Protocol

from gateway.home import Home
from gateway.model import InstanceId, TlsFiles

SOCKET = "plugin.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the plugin is told (``listen``, ``tls_directory``), and how the gateway reaches it."""

    listen: str
    address: str
    tls_directory: str = ""
    tls: TlsFiles | None = None


class Listening(Protocol):
    def prepare(self, home: Home, instance: InstanceId) -> Place:
        """Make a place in the instance's run directory, which is there and empty."""
        ...


class UnixListening:
    def prepare(self, home: Home, instance: InstanceId) -> Place:
        address = f"unix:{home.run_directory(instance) / SOCKET}"
        return Place(listen=address, address=address)


class TcpListening:
    """For plugins that cannot listen on a Unix socket. Loopback, and still nobody gets in uninvited."""

    def prepare(self, home: Home, instance: InstanceId) -> Place:
        # Imported here, as certificates are made only where there are no Unix sockets.
        from gateway.runtimes.pki import Pki

        port = free_port()
        directory = home.run_directory(instance) / "tls"
        pki = Pki(home)
        pki.issue(instance, directory)
        return Place(
            listen=f"tcp:127.0.0.1:{port}",
            address=f"127.0.0.1:{port}",
            tls_directory=str(directory),
            tls=pki.client_files(instance),
        )


def free_port() -> int:
    """A port that is free now. Should another take it first, the plugin ends and is started anew."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
