"""Start one plugin process: its command, its environment, its own process group. All blocking."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from gateway.model import DirectoryArtifact, ImageArtifact, Release
from gateway.runtimes.base import ReleaseNotRunnable
from gateway.settings import shipped_root


class CannotRunImages(ReleaseNotRunnable):
    """The release is an image, and this runtime starts processes."""

    key, title, status = "runtime-cannot-run-images", "This runtime cannot run images", 422


def check_kind(release: Release) -> None:
    """Raises :class:`CannotRunImages`."""
    if isinstance(release.artifact, ImageArtifact):
        raise CannotRunImages(
            f"{release.plugin_id} {release.version} comes as a container image, "
            "which the process runtime cannot run.",
            hint="Start a Docker engine, then the gateway with RUNTIME=docker.",
            plugin=release.plugin_id,
        )


def runnable_directory(release: Release) -> DirectoryArtifact:
    """The release's directory; raises :class:`ReleaseNotRunnable` where a process can never come of it."""
    what = f"{release.plugin_id} {release.version}"
    artifact = release.artifact
    check_kind(release)
    if not isinstance(artifact, DirectoryArtifact):
        raise ReleaseNotRunnable(f"{what} is run elsewhere: it is only called.", plugin=release.plugin_id)
    if not artifact.command:
        raise ReleaseNotRunnable(
            f"{what} names no command to start it with.",
            hint='Add a line like command = ["{python}", "-m", "package"] to its plugway.toml.',
            plugin=release.plugin_id,
        )
    if not Path(artifact.path).is_dir():
        raise ReleaseNotRunnable(
            f"The directory of {what} is gone: {artifact.path}",
            hint="Put it back, or uninstall the plugin.",
            plugin=release.plugin_id,
        )
    return artifact


def resolved_command(release: Release) -> list[str]:
    """The argument list, with the program found; raises :class:`ReleaseNotRunnable`."""
    artifact = runnable_directory(release)
    command = [part.replace("{python}", sys.executable) for part in artifact.command]
    program = shutil.which(Path(artifact.path) / command[0] if "/" in command[0] else command[0])
    if program is None:
        raise ReleaseNotRunnable(
            f"The command {command[0]!r} of {release.plugin_id} {release.version} "
            "is not there, or may not be executed.",
            hint="Build or install the program, or correct 'command' in the plugin's plugway.toml.",
            plugin=release.plugin_id,
        )
    return [program, *command[1:]]


def host_environment(directory: str, home_directory: Path) -> dict[str, str]:
    """The few variables that a process needs of its host; nothing else is passed on."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join([directory, *python_path()]),
        "HOME": str(home_directory),
    }
    if zone := os.environ.get("TZ"):
        environment["TZ"] = zone
    return environment


def python_path() -> list[str]:
    """Where the SDK and the stubs lie, for an interpreter that has them not installed."""
    return list(dict.fromkeys(str(package.parent) for package in sdk_packages()))


def sdk_packages() -> tuple[Path, Path]:
    """The directories of ``plugway_sdk`` and of the contract's stubs (``plugway``)."""
    sdk = shipped_root() / "plugin_services" / "sdk" / "plugway_sdk"
    spec = find_spec("plugway.plugin.v1.plugin_pb2")
    assert spec is not None
    assert spec.origin is not None
    return sdk, Path(spec.origin).parents[2]


def spawn(command: list[str], *, directory: str, environment: dict[str, str], log: Path) -> int:
    """Start it in a process group of its own, output appended to ``log``; returns the pid. Raises OSError."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Not a session: Linux schedules each as a group, and a busy one would delay all the rest.
            process_group=0,
            umask=0o077,
        )
    # From here on the pid alone counts: the process may outlive this object and this gateway,
    # and Popen would otherwise wait for it behind our back and swallow how it ended.
    process.returncode = 0
    return process.pid
