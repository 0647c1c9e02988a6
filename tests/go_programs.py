"""Programs that Go's own tool builds of this repository, and the image of one. All blocking."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

from tests.command import ROOT
from tests.parts import need_go

SDK = ROOT / "plugin_services" / "sdk" / "go"
_FLAGS = "-mod=readonly -buildvcs=false -trimpath -tags=grpcnotrace"
CLIPBOARD = ROOT / "plugin_services" / "examples" / "clipboard-go"


def go(*words: str, directory: Path) -> str:
    """What it printed; raises AssertionError where it failed. Modules are as go.sum says, or refused."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": _FLAGS}
    ran = subprocess.run(
        [need_go(), *words], cwd=directory, env=environment, capture_output=True, text=True, check=False,
        timeout=280,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def clipboard(place: Path) -> Path:
    """The example as it is installed from: its definition and its program."""
    place.mkdir()
    (place / "plugway.toml").write_bytes((CLIPBOARD / "plugin" / "plugway.toml").read_bytes())
    go("build", "-ldflags=-s -w", "-o", str(place / "clipboard"), ".", directory=CLIPBOARD)
    return place


def image_context(plugin: Path) -> io.BytesIO:
    """What ``docker build -f Dockerfile plugin`` sends."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as files:
        files.add(CLIPBOARD / "Dockerfile", "Dockerfile")
        files.add(plugin / "clipboard", "clipboard")
    archive.seek(0)
    return archive
