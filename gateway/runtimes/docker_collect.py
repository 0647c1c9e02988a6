"""Which images a home needs, and the removal of those that none does. All blocking.

An image is shared by all homes of an engine. Each home that needs it gives it a tag of its own;
with the last of these tags goes the image, unless a person has given it a name as well. What was
pulled by digest bears no name but that digest, which goes with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection

import docker
from docker.errors import APIError, ImageNotFound

from gateway.home import Home
from gateway.model import PluginId, Release, ReleaseId
from gateway.runtimes import docker_names as names


def claim(client: docker.DockerClient, home: Home, release: Release, image: str) -> None:
    """Note that this home needs the image for the release."""
    client.api.tag(image, names.image_repository(home, release.plugin_id), tag=release.id, force=True)


def drop_images(
    client: docker.DockerClient, home: Home, plugin: PluginId, keep: Collection[ReleaseId]
) -> None:
    """Give up the plugin's images but for ``keep``; what a container still uses stays, for the next time."""
    repository = names.image_repository(home, plugin)
    # A list that is asked for by name tells only the tags that match it.
    for listed in client.api.images(name=repository):
        try:
            image = client.images.get(listed["Id"])
        except ImageNotFound:
            continue
        tags = set(image.tags)
        ours = {tag for tag in tags if tag.startswith(f"{repository}:")}
        gone = {tag for tag in ours if tag.removeprefix(f"{repository}:") not in keep}
        if gone:
            digests = {str(text) for text in image.attrs.get("RepoDigests") or ()}
            _drop(client, image.labels.get(names.DIGEST, ""), tags - gone, gone, digests)


def _drop(
    client: docker.DockerClient, whole_digest: str, others: set[str], gone: set[str], digests: set[str]
) -> None:
    digest = whole_digest.removeprefix("sha256:")[:12]
    if not any(tag.startswith(names.HOME_IMAGES) for tag in others) and digest:
        gone = gone | {tag for tag in others if tag.endswith(f"-{digest}")}
    if not others - gone:
        gone = gone | digests
    # The home's tag goes last: a removal that was cut short is found again by it.
    for tag in sorted(gone, key=lambda tag: tag.startswith(names.HOME_IMAGES)):
        with contextlib.suppress(APIError):
            client.api.remove_image(tag)
