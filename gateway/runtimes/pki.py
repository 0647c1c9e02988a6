"""A small authority in the home directory: mutual TLS between the gateway and its own plugins.

The gateway's certificate is good only for clients and a plugin's only for servers, so a plugin
cannot use its own to call another plugin. All blocking.
"""

from __future__ import annotations

import datetime
import os
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

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
        files = {"ca.pem": _pem(authority), "cert.pem": _pem(leaf), "key.pem": _key_pem(leaf_key)}
        for name, content in files.items():
            _write(directory / name, content)
        if owner is not None:
            for path in (directory, *(directory / name for name in files)):
                os.chown(path, *owner)

    def _authority(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        with _making:
            if not (self._directory / "gateway.key").exists():
                self._make()
        certificate = x509.load_pem_x509_certificate((self._directory / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((self._directory / "ca.key").read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return certificate, key

    def _make(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Plugway {self._home.id}")
        authority = (
            _builder(name, name, key, _CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        gateway_key, gateway = _leaf("gateway", authority, key, ExtendedKeyUsageOID.CLIENT_AUTH)
        _write(self._directory / "ca.key", _key_pem(key))
        _write(self._directory / "ca.pem", _pem(authority))
        _write(self._directory / "gateway.pem", _pem(gateway))
        # Last, as its being there says that the rest is.
        _write(self._directory / "gateway.key", _key_pem(gateway_key))


def _leaf(
    name: str, authority: x509.Certificate, key: ec.EllipticCurvePrivateKey, use: x509.ObjectIdentifier
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        # A common name holds 64 characters; what counts is the alternative name.
        _builder(_name(name[:64]), authority.subject, leaf_key, _LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return leaf_key, leaf


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of a host and a virtual machine on it may differ.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
