"""What the runtimes tell a plugin, and the marks by which they find it again."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from gateway.home import Home
from gateway.model import InstanceId, Release
from gateway.runtimes.base import ReleaseNotRunnable

LISTEN = "PLUGWAY_LISTEN"
TLS = "PLUGWAY_TLS"
INSTANCE = "PLUGWAY_INSTANCE"
VOLUMES = "PLUGWAY_VOLUMES"
EGRESS = "PLUGWAY_EGRESS"
LOG_LEVEL = "PLUGWAY_LOG_LEVEL"
HOME_ID = "PLUGWAY_HOME_ID"

# An instance id becomes part of file names, container names and a certificate's name.
_INSTANCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,127}")
_VOLUME_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def plugin_environment(
    *, instance: InstanceId, home: Home, listen: str, volumes: str, tls: str = ""
) -> dict[str, str]:
    """All that a plugin learns by its environment: nothing of the host's, and no secret."""
    environment = {
        LISTEN: listen,
        INSTANCE: instance,
        HOME_ID: home.id,
        VOLUMES: volumes,
        LOG_LEVEL: "info",
        "LANG": "C.UTF-8",
    }
    if tls:
        environment[TLS] = tls
    return environment


def marks_of(environment: Mapping[str, str], home: Home) -> InstanceId | None:
    """The instance that this environment was made for, where it is one of this home's."""
    if environment.get(HOME_ID) != home.id:
        return None
    instance = environment.get(INSTANCE, "")
    return InstanceId(instance) if instance else None


def check_instance_id(instance: InstanceId) -> None:
    """Raises ValueError for an id that could not be part of a file's name."""
    if not _INSTANCE_ID.fullmatch(instance) or ".." in instance:
        raise ValueError(f"not an instance id: {instance!r}")


def volume_directories(home: Home, release: Release, owner: tuple[int, int] | None = None) -> dict[str, Path]:
    """Make the release's volumes and return them by name; ``owner`` is (uid, gid)."""
    directories: dict[str, Path] = {}
    for name in release.permissions.volumes:
        if not _VOLUME_NAME.fullmatch(name):
            raise ReleaseNotRunnable(
                f"{release.plugin_id} {release.version} asks for a volume named {name!r}.",
                hint="A volume's name is lower-case letters, digits, '-' and '_'.",
                plugin=release.plugin_id,
            )
        path = home.volume(release.plugin_id, name)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if owner is not None and (path.stat().st_uid, path.stat().st_gid) != owner:
            _give(path, owner)
        directories[name] = path
    return directories


def _give(root: Path, owner: tuple[int, int]) -> None:
    # The files of a volume may be another user's where the runtime was changed. Links are not
    # followed: they are the plugin's to make.
    for directory, _, files in os.walk(root):
        os.chown(directory, *owner, follow_symlinks=False)
        for file in files:
            os.chown(Path(directory) / file, *owner, follow_symlinks=False)
