"""Logins to image registries: a file of the home, encrypted, or docker's own where the operator says so.

``registries.json`` maps each registry to a token of :class:`gateway.registry.secrets.SecretCipher`,
bound to that registry's name. It is read anew each time: the command line may have written it.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.errors import BadInput, Internal
from gateway.home import Home
from gateway.model import Login, PluginId
from gateway.registry.secrets import SecretCipher

FILE = "registries.json"
_MAX_BYTES = 2**20
# Docker keeps the login of its own hub under a name of this form.
_HUB_IN_DOCKER = "https://index.{host}/v1/"


class LoginsUnreadable(Internal):
    """The stored logins, or docker's, cannot be read."""

    key, title = "logins-unreadable", "Stored registry logins cannot be read"


class ImageLogins:
    """All of it blocking. ``docker_config`` is the path of a ``config.json``; None keeps to our own."""

    def __init__(self, home: Path, cipher: SecretCipher, docker_config: Path | None = None) -> None:
        self._home = home
        self._file = home / FILE
        self._cipher = cipher
        self._docker_config = docker_config

    def find(self, host: str) -> Login | None:
        """Ours, or else docker's; raises :class:`LoginsUnreadable` and ``SecretsUnreadable``."""
        if token := self._read().get(host):
            return Login(**self._cipher.decrypt(bound_to(host), token))
        return docker_login(self._docker_config, host) if self._docker_config else None

    def users(self) -> dict[str, str]:
        """The user of each registry that a login is stored for."""
        tokens = self._read()
        return {
            host: self._cipher.decrypt(bound_to(host), tokens[host])["username"] for host in sorted(tokens)
        }

    def put(self, host: str, login: Login) -> None:
        """Store a login in the place of one before; raises :class:`BadInput` for what HTTP cannot carry."""
        for name, value in (("username", login.username), ("password", login.password)):
            if not value or len(value) > 8192 or any(ord(char) < 32 or ord(char) == 127 for char in value):
                raise BadInput(f"The {name} is empty, too long, or holds control characters.")
        if ":" in login.username:
            raise BadInput("A username must not hold a colon.")
        with self._changing() as tokens:
            secrets = {"username": login.username, "password": login.password}
            tokens[host] = self._cipher.encrypt(bound_to(host), secrets)

    def remove(self, host: str) -> bool:
        """Forget a login; False where there was none."""
        with self._changing() as tokens:
            return tokens.pop(host, None) is not None

    @contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._file.parent, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tokens = self._read()
            before = dict(tokens)
            yield tokens
            if tokens != before:
                Home(self._home).write_private(FILE, json.dumps(tokens, indent=1, sort_keys=True))
        finally:
            os.close(lock)

    def _read(self) -> dict[str, str]:
        tokens = _read_json(self._file)
        if not all(isinstance(token, str) for token in tokens.values()):
            raise LoginsUnreadable(f"{self._file} does not hold logins.", hint=_HINT)
        return tokens


def docker_login(config: Path, host: str) -> Login | None:
    """What ``docker login`` has left in a ``config.json``; raises :class:`LoginsUnreadable`."""
    document = _read_json(config)
    auths = document.get("auths")
    known = auths if isinstance(auths, dict) else {}
    hub = _HUB_IN_DOCKER.format(host=host)
    name = hub if hub in known else host
    helpers = document.get("credHelpers")
    if document.get("credsStore") or (isinstance(helpers, dict) and name in helpers):
        raise LoginsUnreadable(
            f"{config} keeps its logins in a helper program, which is not asked.",
            hint=f"plugway registry login {host} --username USER --password-stdin",
        )
    entry = known.get(name)
    text = entry.get("auth") if isinstance(entry, dict) else None
    if not isinstance(text, str) or not text:
        return None
    try:
        username, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        username = colon = password = ""
    if not colon:
        raise LoginsUnreadable(
            f"The login for {host} in {config} is damaged.", hint="Run docker login again."
        )
    return Login(username=username, password=password)


def _read_json(path: Path) -> dict[str, Any]:
    """An empty one where there is no such file."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        document = json.loads(data) if len(data) <= _MAX_BYTES else None
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LoginsUnreadable(f"{path} cannot be read: {error.strerror}.", hint=_HINT) from error
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise LoginsUnreadable(f"{path} is not a JSON object.", hint=_HINT)
    return document


def bound_to(host: str) -> PluginId:
    """No plugin's id has a colon, so that no token serves as both."""
    return PluginId(f"registry:{host}")


_HINT = "Correct or remove the file, then sign in again: plugway registry login."
