"""A certificate for development: signed by an authority of this home's own, for the names of this machine.

PLUGWAY_HOME/tls/ has ca.pem and ca.key (the authority, to be trusted by browsers once), cert.pem and key.pem.
"""

from __future__ import annotations

import datetime
import ipaddress
import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.certificates import (
    builder,
    common_name,
    key_pem,
    new_authority,
    new_key,
    pem,
    read_key,
)  # fmt: skip
from gateway.durable import write_whole
from gateway.settings import Settings

_AUTHORITY_DAYS = 3650
_DAYS = 397
"""Browsers refuse certificates of servers that last longer than 398 days."""
_RENEW = datetime.timedelta(days=30)


def dev_names(settings: Settings) -> frozenset[str]:
    """Host names and addresses under which this gateway may be called."""
    extra = {part.strip() for part in settings.allowed_hosts.split(",")}
    public = urlsplit(settings.public_url).hostname or ""
    bound = "" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared only
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname(), bound, public, *extra}
    return frozenset(name.lower() for name in names if name)


def dev_certificate(directory: Path, names: Iterable[str]) -> tuple[Path, Path]:
    """``(certificate, key)``, made or renewed where it is needed. Blocking.

    A new certificate comes from the same authority, so nobody has to trust anything anew.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = frozenset(names)
    if not (directory / "cert.pem").exists() or not _good(directory, wanted):
        _make(directory, wanted)
    return directory / "cert.pem", directory / "key.pem"


def _good(directory: Path, names: frozenset[str]) -> bool:
    try:
        found = x509.load_pem_x509_certificate((directory / "cert.pem").read_bytes())
        authority = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
        found.verify_directly_issued_by(authority)
        read_key(directory / "key.pem")
    except Exception:  # noqa: BLE001  whatever is wrong with it, a new one mends it
        return False
    has = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    said = {*has.get_values_for_type(x509.DNSName), *map(str, has.get_values_for_type(x509.IPAddress))}
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return names <= said and left > _RENEW


def _make(directory: Path, names: frozenset[str]) -> None:
    if not (directory / "ca.pem").exists() or not (directory / "ca.key").exists():
        key = new_key()
        # The key first: a certificate without one would never be replaced.
        write_whole(directory / "ca.key", key_pem(key))
        own = f"Plugway development, {socket.gethostname()}"
        write_whole(directory / "ca.pem", pem(new_authority(own, key, _AUTHORITY_DAYS)))
    authority_key = read_key(directory / "ca.key")
    authority = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    leaf_key = new_key()
    leaf = (
        builder(common_name("Plugway gateway"), authority.subject, leaf_key, _DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([_general(name) for name in sorted(names)]), critical=False
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    write_whole(directory / "key.pem", key_pem(leaf_key))
    write_whole(directory / "cert.pem", pem(leaf))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
