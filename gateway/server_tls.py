"""TLS towards callers: the certificate, its context, and taking over a new one without a restart."""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from gateway.errors import Conflict
from gateway.settings import Settings

log = logging.getLogger("gateway.tls")

DIRECTORY = "tls"
"""Below the home directory: what was made for development."""
ALPN = ["h2", "http/1.1"]
_LOOK = 5.0


class TlsUnusable(Conflict):
    """The certificate or its key cannot be served with."""

    key, title = "tls-unusable", "TLS cannot be set up"


@dataclass(frozen=True, slots=True)
class TlsPair:
    """``made`` where this gateway made them for development."""

    certificate: Path
    key: Path
    made: bool = False


def find_pair(settings: Settings) -> TlsPair | None:
    """None where the settings ask for no TLS; makes files for development where they do. Blocking.

    Raises :class:`TlsUnusable`.
    """
    if settings.tls_certificate is not None or settings.tls_key is not None:
        if settings.tls_certificate is None or settings.tls_key is None:
            raise TlsUnusable(
                "Only one of certificate and key was given.",
                hint="Set both PLUGWAY_TLS_CERTIFICATE and PLUGWAY_TLS_KEY.",
            )
        return TlsPair(settings.tls_certificate, settings.tls_key)
    if settings.tls == "off":
        return None
    from gateway.dev_certificates import dev_certificate, dev_names

    directory = settings.home.resolve() / DIRECTORY
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return TlsPair(*dev_certificate(directory, dev_names(settings)), made=True)
    except (OSError, ValueError, AssertionError) as error:
        raise TlsUnusable(
            f"The certificate for development in {directory} cannot be made or read ({error}).",
            hint=f"Remove {directory}; a new authority is made, which browsers have to trust anew.",
        ) from error


def make_context(pair: TlsPair) -> ssl.SSLContext:
    """A context with the pair loaded, TLS 1.2 and later. Blocking; raises :class:`TlsUnusable`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(ALPN)
    for path in (pair.certificate, pair.key):
        try:
            path.read_bytes()
        except OSError as error:
            raise TlsUnusable(
                f"{path} cannot be read: {error.strerror}.", hint="Let the gateway's user read it."
            ) from error
    _in_its_time(pair.certificate)
    _load_pair(context, pair)
    return context


def _load_pair(context: ssl.SSLContext, pair: TlsPair) -> None:
    """New connections are served with the pair; those that are open keep theirs."""
    try:
        # Without a way to ask for a passphrase OpenSSL would ask on the terminal.
        context.load_cert_chain(pair.certificate, pair.key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        raise TlsUnusable(
            f"{pair.certificate} and {pair.key} cannot be served with: {_why(error)}.",
            hint="Give the certificate with its chain, and its own private key without a passphrase, as PEM.",
        ) from error


def _in_its_time(path: Path) -> None:
    try:
        end = x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_after_utc
    except ValueError:
        raise TlsUnusable(
            f"{path} holds no certificate.", hint="Give a PEM file, with BEGIN CERTIFICATE in it."
        ) from None
    if end <= datetime.now(UTC):
        raise TlsUnusable(
            f"{path} has expired at {end:%Y-%m-%d %H:%M} UTC.",
            hint="Put the new certificate and its key in their places; they are taken over by themselves.",
        )


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    known = {"KEY_VALUES_MISMATCH": "the key is not that of the certificate"}
    return known.get(str(reason), str(reason or error))


async def follow_files(context: ssl.SSLContext, pair: TlsPair, every: float = _LOOK) -> None:
    """Take new files over as they come, for ever; what cannot be used is told once, and the old stays."""
    # Loaded once more at first: the files may have been replaced since the context was made.
    loaded = told = None
    while True:
        now = await asyncio.to_thread(_looks, pair)
        if now == loaded:
            await asyncio.sleep(every)
            continue
        try:
            # Tried apart first: a load that fails half-way would leave new connections without a certificate.
            await asyncio.to_thread(make_context, pair)
            # Not in a thread, as a handshake between certificate and key would fail; it takes a millisecond.
            _load_pair(context, pair)
        except TlsUnusable as error:
            # The two files are rarely replaced in the same moment: it is tried again until they fit.
            if now != told:
                log.warning("The old certificate stays in use. %s", error.detail)
            told = now
            await asyncio.sleep(every)
        else:
            if loaded is not None:
                log.warning("A new certificate is in use: %s", pair.certificate)
            loaded = now


def _looks(pair: TlsPair) -> tuple[tuple[int, int, int] | None, ...]:
    return tuple(_look(path) for path in (pair.certificate, pair.key))


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
