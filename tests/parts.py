"""The real parts that some tests need: skipped with one clear line here, a failure in CI."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests import steady_chromium

IN_CI = bool(os.environ.get("CI"))


def _missing(what: str, how: str) -> None:
    message = f"needs {what}; to have this test: {how}"
    if IN_CI:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@cache
def _docker_answers() -> bool:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=5)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except DockerException:
        return False
    finally:
        client.close()


@cache
def base_image() -> str:
    """The image that plugin images are built on, or "" where there is none."""
    import docker
    from docker.errors import DockerException

    client = docker.from_env(timeout=5)
    try:
        for name in (os.environ.get("PLUGWAY_BASE_IMAGE", ""), "plugway-base:bookworm", "python:3.11-slim"):
            try:
                if name:
                    client.images.get(name)
                    return name
            except DockerException:
                continue
    finally:
        client.close()
    return ""


def need_docker() -> str:
    """A Docker engine and a base image; returns the image's name."""
    if not _docker_answers():
        _missing("a Docker engine", "start one (on Debian: .ci/engine.sh)")
    if not base_image():
        _missing("a base image", "docker pull python:3.11-slim, or .ci/base_image.sh")
    return base_image()


def need_docker_registry() -> Path:
    """The program docker-registry."""
    found = shutil.which("docker-registry")
    if not found:
        _missing("docker-registry", "install it (Debian: apt-get install docker-registry)")
    return Path(str(found))


def need_redis() -> Path:
    """The program redis-server."""
    found = shutil.which("redis-server")
    if not found:
        _missing("redis-server", "install Redis (Debian: apt-get install redis-server)")
    return Path(str(found))


def need_minio() -> Path:
    """The program minio, of the version that ``.ci/minio.sh`` builds; without it the test fails."""
    return _built("minio")


def need_go() -> str:
    """The program go; what it builds may need the module proxy once."""
    found = shutil.which("go")
    if not found:
        _missing("Go", "install it (1.26 or newer)")
    return str(found)


def need_grpcurl() -> Path:
    """The program grpcurl, of the version that ``.ci/grpcurl.sh`` builds; without it the test fails."""
    return _built("grpcurl")


def need_grafana() -> Path:
    """The directory of the Grafana that ``.ci/grafana.sh`` builds; without it the test fails."""
    return _built("grafana", elsewhere=False)


def _built(name: str, *, elsewhere: bool = True) -> Path:
    words = (Path(__file__).resolve().parents[1] / ".ci" / f"{name}.sh").read_text()
    start = f"{name.upper()}_VERSION="
    version = next(line.removeprefix(start) for line in words.splitlines() if line.startswith(start))
    built = Path.home() / ".cache" / "plugway-tests" / f"{name}-{version}"
    found = built if built.exists() else elsewhere and shutil.which(name)
    if not found:
        pytest.fail(f"needs {name}; to have it built by Go's own tool: run .ci/{name}.sh", pytrace=False)
    return Path(found)


def need_postgres() -> Path:
    """The directory of PostgreSQL's programs (initdb, postgres)."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for directory in found:
        if (directory / "initdb").exists() and (directory / "postgres").exists():
            return directory
    _missing("PostgreSQL", "install it (Debian: apt-get install postgresql)")
    raise AssertionError("unreachable")


def need_chromium() -> Path:
    """Starts a Chromium or Chrome that other tests' containers do not disturb."""
    if not any(map(shutil.which, steady_chromium.NAMES)):
        _missing("Chromium", "install it (Debian: apt-get install chromium)")
    return Path(steady_chromium.__file__)


def need_npm() -> str:
    """The program npm, with Node.js beside it."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return npm
    _missing("Node.js with npm", "install them (Debian: apt-get install npm)")
    raise AssertionError("unreachable")


def need_npm_packages(name: str, package: dict[str, Any]) -> Path:
    """The ``node_modules`` of a package.json, installed once for this user by npm and kept.

    ``name`` is that of their directory below ``~/.cache/plugway-tests``.
    """
    npm = need_npm()
    text = json.dumps(package, sort_keys=True)
    place = Path.home() / ".cache" / "plugway-tests" / name
    place.mkdir(parents=True, exist_ok=True)
    with (place.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = place / "done"
        if not done.exists() or done.read_text() != text:
            (place / "package.json").write_text(text)
            command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
            ran = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=240, check=False)
            if ran.returncode:
                _missing(f"the npm packages of {name}", f"let npm install them ({ran.stderr[-300:].strip()})")
            done.write_text(text)
    return place / "node_modules"


def need_compose() -> list[str]:
    """The command of Compose, of either kind."""
    if found := shutil.which("docker-compose"):
        return [found]
    program = shutil.which("docker")
    if (
        program
        and not subprocess.run([program, "compose", "version"], capture_output=True, check=False).returncode
    ):
        return [program, "compose"]
    _missing("Docker Compose", "install it (Debian: apt-get install docker-compose)")
    raise AssertionError("unreachable")


def need_faketime() -> Path:
    """libfaketime, which gives one program another wall clock."""
    for directory in (*Path("/usr/lib").glob("*/faketime"), Path("/usr/lib/faketime")):
        if (library := directory / "libfaketime.so.1").exists():
            return library
    _missing("libfaketime", "install it (Debian: apt-get install faketime)")
    raise AssertionError("unreachable")


def need_root() -> None:
    """The right to mount file systems, and to run a Docker engine of the test's own."""
    if os.geteuid() != 0:
        _missing("root", "run the suite as root")
