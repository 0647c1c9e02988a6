"""The home directory: who owns it, and where everything in it lies.

home.id         random name of this home; marks what this gateway started
gateway.lock    held while a gateway runs
plugway.db admin.token keys/ pki/
store/          content-addressed files
unchanged.json  which files were read and judged, and what they looked like then
external/       plugins that were fetched, a directory each, by digest
packages/       what those were unpacked from; images/ has images that bundles brought, or were made of
catalogues/     indexes of catalogues as they were fetched; catalogues.toml says which there are
.restore/       a restore that was cut off after all of it was here; the next start finishes it
run/            a directory an instance: socket, TLS files; egress/ has the sockets of the relays,
                workers/ those between the control process and its workers, and a file a worker
data/PLUGIN/    volumes
logs/           a file an instance
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import IO

from gateway.durable import write_whole
from gateway.errors import Conflict
from gateway.model import InstanceId, PluginId
from gateway.restoring import finish_restore

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the closing zero.
_SOCKET_PATH_LIMIT = 100


class HomeBusy(Conflict):
    """Another gateway runs on this home."""

    key, title = "home-busy", "Another gateway is running"


class Home:
    """Paths of one home directory. Constructing touches nothing; :meth:`open` does."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: IO[str] | None = None
        self._id = ""

    def open(self) -> Home:
        """Create what is missing (mode 0700) and take the lock; raises :class:`HomeBusy`."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self.path / "gateway.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise HomeBusy(
                f"A gateway is already running on {self.path}.",
                hint="Stop it first, or set PLUGWAY_HOME to another directory.",
            ) from None
        self._lock = lock
        finish_restore(self.path)
        for name in ("keys", "pki", "store", "data", "logs"):
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        self.run_root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def id(self) -> str:
        """Eight characters that mark every process, container and network of this home."""
        if not self._id:
            file = self.path / "home.id"
            if not file.exists():
                self.write_private("home.id", secrets.token_hex(4))
            self._id = file.read_text().strip()
        return self._id

    @property
    def run_root(self) -> Path:
        """Parent of the socket directories; elsewhere where the home's path is too long for a socket."""
        inside = self.path / "run"
        if len(os.fsencode(inside)) + 40 <= _SOCKET_PATH_LIMIT:
            return inside
        short = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:8]
        return Path(tempfile.gettempdir()) / f"plugway-{os.getuid()}-{short}"

    def run_directory(self, instance: InstanceId) -> Path:
        """The instance's own directory; its name is short, as it becomes part of a socket's path."""
        return self.run_root / hashlib.sha256(instance.encode()).hexdigest()[:16]

    @property
    def egress_root(self) -> Path:
        """Apart from the run directories: an instance may write in its own, and never here."""
        return self.run_root / "egress"

    def egress_socket(self, instance: InstanceId) -> Path:
        """The way out of an instance's container. Its directory is mounted, so it is never made anew."""
        return self.egress_root / self.run_directory(instance).name / "relay.sock"

    @property
    def workers_root(self) -> Path:
        """Where the control process and its workers meet; there only where there were workers."""
        return self.run_root / "workers"

    def volume(self, plugin: PluginId, name: str) -> Path:
        return self.path / "data" / plugin / name

    def log_file(self, instance: InstanceId) -> Path:
        return self.path / "logs" / f"{instance}.log"

    def write_private(self, name: str, content: str) -> Path:
        """Write a file of mode 0600 whole or not at all."""
        target = self.path / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(target, content.encode())
        return target

    def forget_run_directory(self, instance: InstanceId) -> None:
        shutil.rmtree(self.run_directory(instance), ignore_errors=True)
