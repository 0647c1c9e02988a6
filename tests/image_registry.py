"""Debian's docker-registry as a process of a test's own, and images to put into it. All blocking."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from gateway.sources.oci_documents import OCI_MANIFEST, digest_of
from tests.parts import need_docker_registry

REPOSITORY = "team/notes"
LABEL = {"id": "notes", "version": "1.0.0", "name": "Notes", "permissions": {"volumes": ["data"]}}
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
USER, PASSWORD = "reader", "correct horse"
# With bcrypt, the one way that this registry knows.
_HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n"


class ImageRegistry:
    """``host`` is 127.0.0.1 with a free port: an address with which engines speak without TLS."""

    def __init__(self, directory: Path, *, login: bool = False) -> None:
        self.directory = directory
        self._login = login
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"

    def start(self) -> None:
        program = need_docker_registry()
        self.directory.mkdir(parents=True, exist_ok=True)
        config: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self.directory / "data")}},
            "http": {"addr": self.host},
        }
        if self._login:
            (self.directory / "htpasswd").write_text(_HTPASSWD)
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(self.directory / "htpasswd")}}
        # JSON is YAML as well.
        (self.directory / "config.yml").write_text(json.dumps(config))
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "serve", str(self.directory / "config.yml")], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(
                    f"docker-registry does not start:\n{(self.directory / 'log').read_text()}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    @property
    def stopped(self) -> bool:
        return self._process is None

    def _answers(self) -> bool:
        name, _, port = self.host.partition(":")
        with contextlib.suppress(OSError), socket.create_connection((name, int(port)), timeout=1):
            return True
        return False

    def client(self) -> httpx.Client:
        auth = (USER, PASSWORD) if self._login else None
        return httpx.Client(base_url=f"http://{self.host}", auth=auth, trust_env=False)

    def blob_file(self, digest: str) -> Path:
        """Where the registry keeps the bytes of a digest, so that a test can change them."""
        hexadecimal = digest.removeprefix("sha256:")
        root = self.directory / "data" / "docker" / "registry" / "v2" / "blobs" / "sha256"
        return root / hexadecimal[:2] / hexadecimal / "data"

    def put_blob(self, data: bytes) -> str:
        """Returns the digest."""
        digest = digest_of(data)
        with self.client() as client:
            begun = client.post(f"/v2/{REPOSITORY}/blobs/uploads/").raise_for_status()
            place = httpx.URL(begun.headers["location"]).copy_merge_params({"digest": digest})
            client.put(place, content=data).raise_for_status()
        return digest

    def put_manifest(self, document: Mapping[str, Any], tag: str = "") -> str:
        """Returns the digest."""
        data = json.dumps(document).encode()
        kind = str(document["mediaType"])
        with self.client() as client:
            place = f"/v2/{REPOSITORY}/manifests/{tag or digest_of(data)}"
            client.put(place, content=data, headers={"Content-Type": kind}).raise_for_status()
        return digest_of(data)

    def put_image(self, tag: str, label: Mapping[str, Any] | None = LABEL, **config: Any) -> str:
        """An image that can be read, not run; returns the digest of its manifest. ``config`` goes into it."""
        labels = {} if label is None else {"io.plugway.manifest": json.dumps(label)}
        settings = {"Labels": {**labels, **config.pop("labels", {})}, **config.pop("settings", {})}
        configuration = {"os": "linux", "architecture": "amd64", "config": settings, **config}
        return self.put_manifest(self.manifest(json.dumps(configuration).encode()), tag)

    def manifest(self, configuration: bytes) -> dict[str, Any]:
        """The manifest of an image with this configuration and one layer; both are in the registry then."""
        layer = b"not a layer"
        return {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(CONFIG, configuration, self.put_blob(configuration)),
            "layers": [descriptor(LAYER, layer, self.put_blob(layer))],
        }


def descriptor(kind: str, data: bytes, digest: str) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest, "size": len(data)}


@contextmanager
def image_registry(directory: Path, *, login: bool = False) -> Iterator[ImageRegistry]:
    registry = ImageRegistry(directory, login=login)
    registry.start()
    try:
        yield registry
    finally:
        registry.stop()
