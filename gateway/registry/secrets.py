"""Secrets at rest: encrypted with a key that lies beside the database, never in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from gateway.durable import write_whole
from gateway.errors import Internal
from gateway.model import PluginId


class SecretsUnreadable(Internal):
    """The stored secrets and the key do not belong together."""

    key, title = "secrets-unreadable", "Stored secrets cannot be read"


class SecretCipher:
    """Encrypts with the first key of the file, decrypts with any of them.

    The file has one Fernet key a line; it is made, with mode 0600, when something is first encrypted.
    To change the key, put a new one in front of the old.
    """

    def __init__(self, key_file: Path) -> None:
        self._file = key_file
        self._fernet: MultiFernet | None = None

    def encrypt(self, plugin: PluginId, secrets: Mapping[str, str]) -> str:
        """A token bound to the plugin, so that no one can give it to another by editing the database."""
        if not self._file.exists():
            self._make_key()
        document = json.dumps({"plugin": plugin, "secrets": dict(secrets)})
        return self._keys().encrypt(document.encode()).decode()

    def decrypt(self, plugin: PluginId, token: str) -> dict[str, str]:
        """The secrets of a token; raises :class:`SecretsUnreadable`, which never repeats any of it."""
        if not self._file.exists():
            raise self._unreadable(plugin, f"the key file {self._file} is missing")
        try:
            document = json.loads(self._keys().decrypt(token.encode()))
        except (InvalidToken, ValueError):
            raise self._unreadable(
                plugin, f"the key in {self._file} is not the one they were written with"
            ) from None
        if document["plugin"] != plugin:
            raise self._unreadable(plugin, f"they were written for {document['plugin']}")
        return dict(document["secrets"])

    def _keys(self) -> MultiFernet:
        if self._fernet is None:
            if self._file.stat().st_mode & 0o077:
                raise SecretsUnreadable(
                    f"Others on this machine can read the key file {self._file}.",
                    hint=f"Run: chmod 600 {self._file}",
                )
            try:
                keys = [Fernet(line) for line in self._file.read_bytes().split()]
                self._fernet = MultiFernet(keys)
            except ValueError:
                raise SecretsUnreadable(
                    f"{self._file} does not hold a key.", hint="Restore the file from a backup."
                ) from None
        return self._fernet

    def _make_key(self) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A key once made is never replaced.
        with suppress(FileExistsError):
            write_whole(self._file, Fernet.generate_key() + b"\n", replace=False)

    def _unreadable(self, plugin: PluginId, why: str) -> SecretsUnreadable:
        return SecretsUnreadable(
            f"The secrets of {plugin} cannot be decrypted: {why}.",
            hint="Restore the key file from the backup that belongs to this database.",
            plugin=plugin,
        )
