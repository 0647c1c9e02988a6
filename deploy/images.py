"""Builds the images of the gateway and of every shipped plugin (``make images``).

Each gets two tags, its version and ``latest``; compose.yaml uses the second.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from importlib.metadata import requires
from pathlib import Path

import docker
from docker.errors import BuildError

import gateway
from gateway import __version__
from gateway.definition import parse_definition
from gateway.errors import PlugwayError
from gateway.home import Home
from gateway.model import DirectoryArtifact, Release
from gateway.runtimes.docker_base import have_base, python_in
from gateway.runtimes.docker_context import Context
from gateway.runtimes.docker_engine import plain_errors
from gateway.runtimes.docker_image import Build, have_image
from gateway.runtimes.launch import sdk_packages
from gateway.runtimes.site_packages import Packages, gather
from gateway.settings import Settings, shipped_root
from gateway.sources.built_in import BuiltInSource

GATEWAY = "plugway/gateway"
Tell = Callable[[str], None]


def gateway_image(client: docker.DockerClient, home: Home, settings: Settings, tell: Tell) -> str:
    """Build the gateway's image; the layout in it is a checkout's."""
    base = have_base(client, settings.base_image, tell)
    wanted = tuple(text for text in requires("plugway") or () if "extra ==" not in text)
    tell("gathering the Python packages of the gateway")
    site = gather(Packages(wanted, python_in(client, base, home.path / "wheels")), home.path / "wheels")
    root = shipped_root()
    trees = {
        "site": site,
        "app/gateway": Path(gateway.__file__).resolve().parent,
        "app/plugin_services": root / "plugin_services",
        "app/deploy": root / "deploy",
        "app/plugway": sdk_packages()[1],
    }
    tag = f"{GATEWAY}:{__version__}"
    tell(f"building the image {tag}")
    dockerfile = (root / "deploy" / "gateway.Dockerfile").read_text()
    return Build(context=Context(dockerfile, trees), base=base, tag=tag, labels={}).run(client)


async def shipped_releases(settings: Settings) -> list[Release]:
    source = BuiltInSource(settings.plugin_directories())
    ids = sorted({entry.id for entry in await source.available()})
    return [await source.resolve(parse_definition({"id": id_})) for id_ in ids]


def build_all(settings: Settings, tell: Tell) -> list[str]:
    """Build everything; returns the tags."""
    home = Home(settings.home)
    releases = asyncio.run(shipped_releases(settings))
    client = docker.from_env(timeout=60)
    try:
        images = {GATEWAY: (__version__, gateway_image(client, home, settings, tell))}
        for release in releases:
            assert isinstance(release.artifact, DirectoryArtifact)
            image = have_image(client, home, settings, release, tell)
            images[release.artifact.image] = (release.version, image)
        tags = []
        for name, (version, image) in images.items():
            for tag in (version, "latest"):
                client.images.get(image).tag(name, tag)
                tags.append(f"{name}:{tag}")
        return tags
    finally:
        client.close()


def main() -> int:
    try:
        with plain_errors():
            for tag in build_all(Settings.model_validate({}), lambda text: print(f"  {text}")):  # noqa: T201
                print(tag)  # noqa: T201
    except PlugwayError as error:
        print(f"error: {error.detail}\n  {error.hint}", file=sys.stderr)  # noqa: T201
        return 1
    except BuildError as error:
        print(f"error: the gateway's image cannot be built: {error.msg}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
