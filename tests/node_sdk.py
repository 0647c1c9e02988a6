"""The Node SDK and its example as they are now, with the packages that their lock files name."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import docker

from gateway.settings import shipped_root
from tests.parts import need_npm

SDK = shipped_root() / "plugin_services" / "sdk" / "node"
CLOCK = Path("examples/clock")
NPM_INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--prefer-offline")
"""What an author runs first, from npm's cache where it can be."""

_MODULES = "node_modules"
_TIMEOUT = 240


def npm(*words: str, directory: Path) -> str:
    """What npm printed; an AssertionError where it fails."""
    return ran([need_npm(), *words], directory)


def ran(command: Sequence[str], directory: Path) -> str:
    """What a program printed; an AssertionError where it fails."""
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=_TIMEOUT, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stdout + done.stderr)[-4000:]}"
    return done.stdout


def staged(folder: Path) -> Path:
    """The SDK below ``folder``; its example in it has the SDK as npm packs it. Blocking."""
    sdk = folder / "node"
    shutil.copytree(SDK, sdk, ignore=shutil.ignore_patterns(_MODULES))
    kept = Path.home() / ".cache" / "plugway-tests" / "node-sdk"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(sdk, kept)
        for place in (Path(), CLOCK):
            # Links cost nothing, and nobody writes into packages.
            shutil.copytree(
                kept / place / _MODULES, sdk / place / _MODULES, symlinks=True, copy_function=_linked
            )
    own = sdk / CLOCK / _MODULES / "plugway-sdk"
    shutil.rmtree(own)
    packed = npm("pack", "--silent", "--pack-destination", str(folder), directory=sdk).strip()
    own.mkdir()
    ran(["tar", "-xzf", str(folder / packed), "-C", str(own), "--strip-components=1"], folder)
    return sdk


def write_image_context(sdk: Path, base: str, archive: Path) -> None:
    """What builds the example's image without a network: this machine's Node, and the packages as staged.

    From ``RUN install`` on the Dockerfile is the example's own.
    """
    own = (sdk / CLOCK / "Dockerfile").read_text()
    lines = [f"FROM {base}", "COPY node /usr/bin/node", "COPY clock /opt/clock", "WORKDIR /opt/clock"]
    text = "\n".join([*lines, own[own.index("RUN install") :]]).encode()
    node = shutil.which("node")
    assert node is not None
    with tarfile.open(archive, "w", dereference=True) as files:
        about = tarfile.TarInfo("Dockerfile")
        about.size = len(text)
        files.addfile(about, io.BytesIO(text))
        files.add(node, "node")
        files.add(sdk / CLOCK, "clock")


def build_node_base(client: docker.DockerClient, base: str) -> str:
    """An image with this machine's Node and npm, in the place of the one that cannot be pulled; its name.

    The engine keeps its layers, so that only the first build takes long. Blocking.
    """
    npm_files = Path(need_npm()).resolve().parents[1]
    node = shutil.which("node")
    assert node is not None
    text = (
        f"FROM {base}\nCOPY node /usr/local/bin/node\nCOPY npm /usr/local/lib/npm\n"
        "RUN ln -s ../lib/npm/bin/npm-cli.js /usr/local/bin/npm && npm --version\n"
    ).encode()
    with tempfile.TemporaryFile() as context:
        with tarfile.open(fileobj=context, mode="w", dereference=True) as files:
            about = tarfile.TarInfo("Dockerfile")
            about.size = len(text)
            files.addfile(about, io.BytesIO(text))
            files.add(node, "node")
            files.add(npm_files, "npm")
        context.seek(0)
        name = "plugway-test/node:host"
        client.images.build(
            fileobj=context, custom_context=True, tag=name, network_mode="none", rm=True, forcerm=True
        )
    return name


def _install(sdk: Path, kept: Path) -> None:
    """``npm ci``, once for this user and these lock files."""
    files = [
        sdk / place / name for place in (Path(), CLOCK) for name in ("package.json", "package-lock.json")
    ]
    key = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
    done = kept / "done"
    if done.exists() and done.read_text() == key:
        return
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(sdk, kept)
    for place in (kept, kept / CLOCK):
        npm("ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", directory=place)
    done.write_text(key)


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        # Another file system.
        shutil.copy2(source, target)
    return target
