"""The files with which the gateway and remote plugins know each other, looked at before they fail.

What may lie there is written down in :mod:`gateway.supervisor.remote_tls`.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.cli.doctor_check import Check

_CA, _CERTIFICATE, _KEY = "ca.pem", "cert.pem", "key.pem"
_NAME = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
_SOON = timedelta(days=14)
"""A certificate that ends earlier than this from now is told, while there is time."""


def remote_checks(home: Path) -> Iterator[Check]:
    """One check for each server in ``remotes``; none where there is none. Blocks for the disk."""
    folder = home / "remotes"
    try:
        places = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        detail = f"{folder} cannot be read: {error.strerror}."
        yield Check("remotes", False, detail, "Let the gateway's user read it.")
        return
    for place in places:
        name = f"remote {place.name}"
        found = list(_problems(place))
        if not found:
            yield Check(name, True, _told(place))
        yield from (Check(name, False, detail, hint) for detail, hint in found)


def own_certificate_checks(certificate: Path) -> Iterator[Check]:
    """What callers of this gateway are shown. Blocks for the disk."""
    try:
        found = list(_certificates(certificate, certificate.read_bytes()))
    except OSError as error:
        found = [(f"{certificate} cannot be read: {error.strerror}.", "Let the gateway's user read it.")]
    if not found:
        yield Check("TLS", True, f"callers are shown {certificate}")
    yield from (Check("TLS", False, detail, hint) for detail, hint in found)


Problem = tuple[str, str]


def _problems(place: Path) -> Iterator[Problem]:
    named = _NAME.fullmatch(place.name)
    if named is None or not 0 < int(named[2]) < 65_536 or not place.is_dir():
        yield f"{place} is no directory named HOST:PORT.", "Name it as in the plugin's address."
        return
    files: dict[str, bytes] = {}
    for name in (_CA, _CERTIFICATE, _KEY):
        try:
            files[name] = (place / name).read_bytes()
        except FileNotFoundError:
            pass
        except OSError as error:
            yield f"{place / name} cannot be read: {error.strerror}.", "Let the gateway's user read it."
            return
    if not files:
        yield f"{place} has neither {_CA} nor {_CERTIFICATE} and {_KEY}.", "Lay them down, or remove it."
    for has, lacks in ((_CERTIFICATE, _KEY), (_KEY, _CERTIFICATE)):
        if has in files and lacks not in files:
            yield f"{place} has {has} without {lacks}.", f"Lay down {lacks}, or remove {has}."
    if _KEY in files and stat.S_IMODE((place / _KEY).stat().st_mode) & 0o077:
        yield f"Others can read {place / _KEY}.", f"Run: chmod 600 {place / _KEY}"
    for name in (_CA, _CERTIFICATE):
        if name in files:
            yield from _certificates(place / name, files[name])
    if _CERTIFICATE in files and _KEY in files:
        yield from _pair(place, files[_CERTIFICATE], files[_KEY])


def _certificates(path: Path, content: bytes) -> Iterator[Problem]:
    # Imported here, as it takes long, and most homes have nothing to look at.
    from cryptography import x509

    try:
        certificates = x509.load_pem_x509_certificates(content)
    except ValueError:
        yield f"{path} holds no certificate.", "Lay down a PEM file, with BEGIN CERTIFICATE in it."
        return
    # One of an authority's that holds is enough; of the gateway's own, the first is what is shown.
    ends = [each.not_valid_after_utc for each in certificates]
    end = max(ends) if path.name == _CA else ends[0]
    begin = certificates[ends.index(end)].not_valid_before_utc
    now = datetime.now(UTC)
    if end <= now:
        yield f"{path} has expired at {end:%Y-%m-%d %H:%M} UTC.", "Lay down a new one."
    elif end - now < _SOON:
        yield f"{path} expires soon: at {end:%Y-%m-%d %H:%M} UTC.", "Lay down a new one before that."
    elif begin > now:
        yield f"{path} holds only from {begin:%Y-%m-%d %H:%M} UTC on.", "Check this machine's clock."


def _pair(place: Path, certificate: bytes, key: bytes) -> Iterator[Problem]:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        hint = "Lay down a private key as PEM, without a passphrase."
        yield f"{place / _KEY} holds no key that can be used.", hint
        return
    try:
        public = x509.load_pem_x509_certificates(certificate)[0].public_key()
    except ValueError:
        return  # Told above.
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != public.public_bytes(*form):
        yield f"{place / _KEY} is not the key of {_CERTIFICATE}.", "Lay down the two that belong together."


def _told(place: Path) -> str:
    known = f"the server by {_CA}" if (place / _CA).exists() else "the server by the system's authorities"
    shown = f"shows {_CERTIFICATE}" if (place / _CERTIFICATE).exists() else "shows no certificate"
    return f"knows {known}, {shown}"
