"""Images of the tiny plugin in a real registry, built and pushed by a real engine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
from docker.errors import ImageNotFound

from gateway.home import Home
from gateway.model import PluginId
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.docker_names import image_repository
from gateway.settings import Settings
from tests.contract.runtime_kit import tiny
from tests.image_registry import PASSWORD, USER, ImageRegistry, image_registry
from tests.parts import need_docker


class Shelf:
    """A registry with images of the tiny plugin, and the engine that pushes them. All blocking."""

    def __init__(self, registry: ImageRegistry, base: str) -> None:
        self.registry = registry
        self.client = docker.from_env()
        self.name = f"{registry.host}/team/tiny"
        self._base = base

    def push(self, tag: str, directory: Path, version: str = "1.0.0", **label: Any) -> str:
        """An image with one small layer of its own; none of it stays in the engine. Returns its digest."""
        manifest = {"id": "tiny", "version": version, "permissions": {"volumes": ["data"]}, **label}
        (directory / "extra").write_bytes(os.urandom(4096))
        text = f"FROM {self._base}\nCOPY extra /opt/extra\n"
        (directory / "Dockerfile").write_text(text)
        labels = {"io.plugway.manifest": json.dumps(manifest)}
        self.client.images.build(
            path=str(directory),
            tag=f"{self.name}:{tag}",
            labels=labels,
            network_mode="none",
            rm=True,
            forcerm=True,
        )
        return self._send(tag)

    def push_as_built(self, tag: str) -> str:
        self.client.images.get(self._base).tag(self.name, tag)
        return self._send(tag)

    def _send(self, tag: str) -> str:
        auth = {"username": USER, "password": PASSWORD}
        digest = ""
        for event in self.client.api.push(self.name, tag=tag, stream=True, decode=True, auth_config=auth):
            assert "error" not in event, event
            digest = event.get("aux", {}).get("Digest", digest)
        self.client.api.remove_image(f"{self.name}:{tag}")
        return str(digest)

    def has(self, digest: str) -> bool:
        try:
            return bool(self.client.images.get(f"{self.name}@{digest}"))
        except ImageNotFound:
            return False

    def layer(self, digest: str) -> str:
        """The digest of the image's own layer."""
        return str(json.loads(self.registry.blob_file(digest).read_bytes())["layers"][-1]["digest"])

    def close(self) -> None:
        for image in self.client.images.list(filters={"reference": f"{self.registry.host}/*/*"}):
            for name in (*image.tags, *image.attrs["RepoDigests"]):
                if name.startswith(self.name):
                    with contextlib.suppress(docker.errors.APIError):
                        self.client.api.remove_image(name)
        self.client.api.remove_image(self._base)
        self.client.close()


@contextlib.contextmanager
def image_shelf(directory: Path) -> Iterator[Shelf]:
    """A registry that asks for a login, and nothing in it yet."""
    base = need_docker()
    with image_registry(directory / "registry", login=True) as registry:
        shelf = Shelf(registry, asyncio.run(_tiny_image(Home(directory / "maker"), base)))
        try:
            yield shelf
        finally:
            if registry.stopped:
                registry.start()
            shelf.close()


async def _tiny_image(home: Home, base: str) -> str:
    """As the gateway builds it; the name of it."""
    runtime = DockerRuntime(home, Settings.model_validate({"home": home.path, "base_image": base}))
    try:
        await runtime.prepare(tiny(), lambda text: None)
    finally:
        await runtime.close()
    return f"{image_repository(home, PluginId('tiny'))}:{tiny().id}"
