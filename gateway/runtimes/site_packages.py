"""Gather a plugin's Python packages on the host, for an image whose build has no network.

Packages are unpacked for the image's Python, not the host's, from wheels only, and kept
under ``wheels/`` in the home directory. All blocking.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway.runtimes.base import ReleaseNotRunnable

# Wheels for this glibc run on it and on every later one.
_GLIBC = 28
_TIMEOUT = 300


@dataclass(frozen=True, slots=True)
class Target:
    """The Python in the base image, e.g. ("3.11", "x86_64")."""

    python: str
    machine: str


@dataclass(frozen=True, slots=True)
class Packages:
    """What to gather. ``key`` names the result, so equal wishes are gathered once."""

    requirements: tuple[str, ...]
    target: Target

    @property
    def key(self) -> str:
        wish = [sorted(self.requirements), self.target.python, self.target.machine, pins()]
        return hashlib.sha256(json.dumps(wish).encode()).hexdigest()[:16]


def pins() -> list[str]:
    """The versions installed beside the gateway: those that its own tests ran with."""
    return sorted(
        f"{found.name}=={found.version}"
        for found in distributions()
        if found.name and not found.name.lower().startswith("plugway") and "+" not in found.version
    )


def gather(packages: Packages, cache: Path) -> Path:
    """The directory with the packages; raises :class:`ReleaseNotRunnable`."""
    finished = cache / packages.key
    if finished.is_dir():
        return finished
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=cache, prefix=".partial-"))
    try:
        constraints = work / "constraints.txt"
        constraints.write_text("\n".join(pins()))
        _install(packages, constraints, work / "site")
        (work / "site").rename(finished)
    except OSError:
        # Another build was first with the same packages.
        if not finished.is_dir():
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finished


def _install(packages: Packages, constraints: Path, site: Path) -> None:
    """With uv, which is quick, where it is there and succeeds; else with pip."""
    said = ""
    for command in (_uv(packages.target), _pip(packages.target)):
        if command is None:
            continue
        wanted = list(packages.requirements)
        while wanted:
            line = [*command, "--target", str(site), "-c", str(constraints), *wanted]
            if said := _run(line):
                break
            before, wanted = wanted, missing(site, packages.target)
            if wanted == before:
                said = f"{' '.join(wanted)} did not come"
                break
        if not said:
            return
        shutil.rmtree(site, ignore_errors=True)
    raise ReleaseNotRunnable(
        f"The Python packages {', '.join(packages.requirements)} could not be had "
        f"for Python {packages.target.python} on {packages.target.machine}: {_end_of(said)}",
        hint="Check the package names and the network; packages without a wheel cannot be used.",
    )


def _run(line: list[str]) -> str:
    """What it says where it fails; else nothing."""
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {_TIMEOUT} seconds"
    return "" if done.returncode == 0 else done.stderr.strip() or done.stdout.strip() or "no word of why"


def missing(site: Path, target: Target) -> list[str]:
    """Requirements of what is there that hold for the target alone.

    pip judges conditions by the Python that it runs with, which may be a later one.
    """
    theirs = {
        "python_version": target.python,
        # Its patch level is not known: the first one has the most requirements.
        "python_full_version": f"{target.python}.0",
        "platform_machine": target.machine,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "extra": "",
    }
    there = list(distributions(path=[str(site)]))
    names = {canonicalize_name(found.name) for found in there}
    lines = {line for found in there for line in found.requires or ()}
    lacking = [one for one in map(Requirement, lines) if canonicalize_name(one.name) not in names]
    return sorted(
        f"{one.name}{one.specifier}" for one in lacking if one.marker is None or one.marker.evaluate(theirs)
    )


def _end_of(text: str) -> str:
    return " ".join(text.split())[-400:]


def _uv(target: Target) -> Sequence[str] | None:
    beside = Path(sys.executable).with_name("uv")
    program = str(beside) if beside.exists() else shutil.which("uv")
    if program is None:
        return None
    return (
        *(program, "pip", "install", "--quiet", "--link-mode", "copy"),
        *("--only-binary", ":all:", "--python", sys.executable, "--python-version", target.python),
        *("--python-platform", f"{target.machine}-manylinux_2_{_GLIBC}"),
    )


def _pip(target: Target) -> Sequence[str]:
    tags = [f"manylinux_2_{minor}_{target.machine}" for minor in range(_GLIBC, 4, -1)]
    tags += [f"manylinux{year}_{target.machine}" for year in ("2014", "2010", "1")]
    platforms = [part for tag in tags for part in ("--platform", tag)]
    return (
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--only-binary=:all:", "--no-compile", "--implementation", "cp"),
        *("--python-version", target.python, *platforms),
    )
