"""The image that plugin images are built on: have it, and learn which Python is in it. All blocking."""

from __future__ import annotations

import json
from pathlib import Path

import docker
from docker.errors import APIError, ContainerError, ImageNotFound
from docker.models.images import Image

from gateway.runtimes.base import Progress, RuntimeFailure
from gateway.runtimes.docker_engine import explanation
from gateway.runtimes.site_packages import Target
from gateway.settings import Settings

# Made by .ci/base_image.sh, where nothing can be pulled.
LOCAL_BASE = "plugway-base:bookworm"
_DEFAULT_BASE = str(Settings.model_fields["base_image"].default)
_PROBE = "import platform as p, sys; print('%d.%d' % sys.version_info[:2], p.machine(), p.libc_ver()[0])"


def local_base(client: docker.DockerClient, wanted: str) -> Image | None:
    """The wanted image, or the self-made one in the place of the default; None where neither is here."""
    for name in (wanted, LOCAL_BASE) if wanted == _DEFAULT_BASE else (wanted,):
        try:
            return client.images.get(name)
        except ImageNotFound:
            continue
    return None


def have_base(client: docker.DockerClient, wanted: str, progress: Progress) -> Image:
    """The base image, pulled where it is not here; raises :class:`RuntimeFailure`."""
    if (image := local_base(client, wanted)) is not None:
        return image
    progress(f"pulling {wanted}")
    try:
        return client.images.pull(wanted) if ":" in wanted else client.images.pull(wanted, tag="latest")
    except APIError as error:
        raise RuntimeFailure(
            f"The base image {wanted} is not here and cannot be pulled: {explanation(error)}",
            hint="Connect this machine once, name an image that is here (BASE_IMAGE), "
            "make one with .ci/base_image.sh, or use RUNTIME=process.",
        ) from error


def python_in(client: docker.DockerClient, image: Image, cache: Path) -> Target:
    """Which Python the image has; asked of a container once, then remembered by the image's id."""
    note = cache / f"base-{str(image.id).removeprefix('sha256:')[:16]}.json"
    if note.exists():
        return Target(*json.loads(note.read_text()))
    try:
        said = client.containers.run(
            image, ["python3", "-c", _PROBE], remove=True, network_mode="none", read_only=True
        )
    except (ContainerError, APIError) as error:
        raise RuntimeFailure(
            "The base image has no python3.", hint="Name an image with Python 3.11 or newer (BASE_IMAGE)."
        ) from error
    python, machine, libc = (*said.decode().split(), "")[:3]
    if libc != "glibc":
        raise RuntimeFailure(
            "The base image is not built on glibc, for which most packages have no wheels.",
            hint="Name an image based on Debian or Ubuntu (BASE_IMAGE), for instance python:3.11-slim.",
        )
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    note.write_text(json.dumps([python, machine]))
    return Target(python, machine)
