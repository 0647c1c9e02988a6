"""Verdaccio, a real npm registry, and ``npm publish``."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts import need_npm_packages

# The override is for registries' mirrors that lack the tag which Verdaccio asks for.
_PACKAGE = {
    "private": True,
    "dependencies": {"verdaccio": "6"},
    "overrides": {"node-fetch": "2.7.0"},
}
_CONFIG = """
storage: {storage}
uplinks: {{}}
packages:
  "**":
    access: $all
    publish: $anonymous
log: {{ type: stdout, format: json, level: warn }}
"""


@dataclass(frozen=True)
class Verdaccio:
    """``url`` is the registry's; its packages can be published and read by everyone."""

    url: str
    place: Path

    def publish(self, name: str, version: str, files: Mapping[str, str], **about: object) -> None:
        """Run ``npm publish`` on a package of these files."""
        source = self.place / f"{name.replace('/', '+')}-{version}"
        source.mkdir()
        document = {"name": name, "version": version, "type": "module", "exports": "./index.js", **about}
        (source / "package.json").write_text(json.dumps(document))
        (source / ".npmrc").write_text(f"{self.url.removeprefix('http:')}/:_authToken=anyone\n")
        for path, content in files.items():
            (source / path).write_text(content)
        command = ["npm", "publish", "--registry", self.url, "--access", "public", "--ignore-scripts"]
        subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=60)


@contextmanager
def verdaccio(place: Path) -> Iterator[Verdaccio]:
    """A registry of a moment, empty and without an uplink."""
    modules = need_npm_packages("verdaccio", _PACKAGE)
    config = place / "config.yaml"
    config.write_text(_CONFIG.format(storage=place / "storage"))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(modules / ".bin" / "verdaccio"), "--config", str(config), "--listen", f"127.0.0.1:{port}"]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=place)
    try:
        _wait(f"http://127.0.0.1:{port}/-/ping", process)
        yield Verdaccio(f"http://127.0.0.1:{port}", place)
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 40
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end and process.poll() is None:
        try:
            with opener.open(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("Verdaccio did not start")
