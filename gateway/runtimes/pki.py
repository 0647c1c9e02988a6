"""A small authority in the home directory: mutual TLS between the gateway and its own plugins.

The gateway's certificate is good only for clients and a plugin's only for servers, so a plugin
cannot use its own to call another plugin. All blocking.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.certificates import (
    Key,
    builder,
    common_name,
    key_pem,
    new_authority,
    new_key,
    pem,
    read_key,
)  # fmt: skip
from gateway.durable import write_whole
from gateway.home import Home
from gateway.model import InstanceId, TlsFiles

_CA_DAYS = 3650
# A running instance cannot be given a new certificate, so its own lasts as long as the authority.
_LEAF_DAYS = 3650
_making = threading.Lock()


class Pki:
    """Makes its authority at first use."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._directory = home.path / "pki"

    def client_files(self, instance: InstanceId) -> TlsFiles:
        """What the gateway presents, and the name that the instance must prove."""
        self._authority()
        return TlsFiles(
            ca=str(self._directory / "ca.pem"),
            certificate=str(self._directory / "gateway.pem"),
            key=str(self._directory / "gateway.key"),
            server_name=instance,
        )

    def issue(self, instance: InstanceId, directory: Path, owner: tuple[int, int] | None = None) -> None:
        """Write ca.pem, cert.pem and key.pem for an instance; ``owner`` is (uid, gid)."""
        authority, key = self._authority()
        leaf_key, leaf = _leaf(instance, authority, key, ExtendedKeyUsageOID.SERVER_AUTH)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = {"ca.pem": pem(authority), "cert.pem": pem(leaf), "key.pem": key_pem(leaf_key)}
        for name, content in files.items():
            write_whole(directory / name, content)
        if owner is not None:
            for path in (directory, *(directory / name for name in files)):
                os.chown(path, *owner)

    def _authority(self) -> tuple[x509.Certificate, Key]:
        with _making:
            if not (self._directory / "gateway.key").exists():
                self._make()
        certificate = x509.load_pem_x509_certificate((self._directory / "ca.pem").read_bytes())
        return certificate, read_key(self._directory / "ca.key")

    def _make(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = new_key()
        authority = new_authority(f"Plugway {self._home.id}", key, _CA_DAYS)
        gateway_key, gateway = _leaf("gateway", authority, key, ExtendedKeyUsageOID.CLIENT_AUTH)
        write_whole(self._directory / "ca.key", key_pem(key))
        write_whole(self._directory / "ca.pem", pem(authority))
        write_whole(self._directory / "gateway.pem", pem(gateway))
        # Last, as its being there says that the rest is.
        write_whole(self._directory / "gateway.key", key_pem(gateway_key))


def _leaf(
    name: str, authority: x509.Certificate, key: Key, use: x509.ObjectIdentifier
) -> tuple[Key, x509.Certificate]:
    leaf_key = new_key()
    leaf = (
        builder(common_name(name), authority.subject, leaf_key, _LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return leaf_key, leaf
