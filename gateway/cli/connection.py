"""Where the gateway is and how to sign in, from the environment."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.cli.exits import Exit, failure

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Connection:
    """``origin`` says where the token came from, for ``doctor``; the token is never shown."""

    url: str
    token: str
    origin: str

    def __repr__(self) -> str:
        return f"Connection({self.url!r}, token from {self.origin})"

    @property
    def local(self) -> bool:
        """The gateway is on this machine, so that no proxy lies between."""
        return urlsplit(self.url).hostname in _LOOPBACK


def connection() -> Connection:
    """From PLUGWAY_URL (or PLUGWAY_PORT) and PLUGWAY_TOKEN (or admin.token in PLUGWAY_HOME)."""
    port = os.environ.get("PLUGWAY_PORT", "8080")
    secure = os.environ.get("PLUGWAY_TLS", "off") != "off" or "PLUGWAY_TLS_CERTIFICATE" in os.environ
    url = os.environ.get("PLUGWAY_URL") or f"{'https' if secure else 'http'}://127.0.0.1:{port}"
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise failure(Exit.USAGE, "PLUGWAY_URL is not a URL.", "Write it as http://127.0.0.1:8080.")
    token, origin = _token()
    return Connection(url.rstrip("/"), token, origin)


def trusted(where: Connection) -> ssl.SSLContext | bool:
    """What httpx takes as ``verify``: a gateway on this machine may show what it made for development."""
    authority = home() / "tls" / "ca.pem"
    if not where.local or not where.url.startswith("https://") or not authority.is_file():
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(authority)
    except OSError as error:
        raise failure(
            Exit.NOT_ALLOWED,
            f"{authority} cannot be used: {error.strerror or error}.",
            "Run this as the gateway's user.",
        ) from None
    return context


def home() -> Path:
    return Path(os.environ.get("PLUGWAY_HOME") or ".plugway")


def _token() -> tuple[str, str]:
    if token := os.environ.get("PLUGWAY_TOKEN", "").strip():
        return token, "PLUGWAY_TOKEN"
    file = home() / "admin.token"
    try:
        return file.read_text().strip(), str(file)
    except FileNotFoundError:
        return "", ""
    except OSError as error:
        raise failure(
            Exit.NOT_ALLOWED,
            f"The token in {file} cannot be read: {error.strerror}.",
            "Run this as the gateway's user, or set PLUGWAY_TOKEN.",
        ) from None
