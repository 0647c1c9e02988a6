"""An image that is kept as files, handed to the engine without any registry. All blocking.

The archive is one that engines of all ages read: of their own form, and of OCI's (``docker save``
writes both since version 25). Layers go in as they are, packed; the engine holds them against the
configuration, whose digest it names the image by.
"""

from __future__ import annotations

import contextlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import docker
import requests
from docker.errors import ImageNotFound

from gateway.home import Home
from gateway.image_files import KeptImage, kept_image
from gateway.model import ImageArtifact, Release
from gateway.runtimes import docker_names as names
from gateway.runtimes.base import Progress, ReleaseNotRunnable, RuntimeFailure

_PART = 2**20
_BLOCK = tarfile.BLOCKSIZE
_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_SILENCE = 600.0
"""Seconds without a word of the engine: it tells nothing while it unpacks a layer."""


class ImageNotLoaded(ReleaseNotRunnable):
    """The engine does not take the image, or made something else of it."""

    key, title = "image-not-loaded", "The image cannot be loaded"


def load_kept(client: docker.DockerClient, home: Home, release: Release, progress: Progress) -> bool:
    """Give the engine what is kept of the image; False where nothing is.

    Every byte is hashed before. Raises ``ImageDamaged``, :class:`ImageNotLoaded` and
    :class:`RuntimeFailure`.
    """
    artifact = release.artifact
    assert isinstance(artifact, ImageArtifact)
    image = kept_image(home.path, artifact.digest)
    if image is None:
        return False
    progress(f"loading the image {artifact.reference}, which a bundle brought")
    tag = f"{names.image_repository(home, release.plugin_id)}:{release.id}"
    try:
        _send(client, archive(image, tag))
        found = str(client.images.get(tag).id)
    except (_NotTaken, ImageNotFound) as error:
        raise _not_loaded(release, f"the engine does not take it: {error}") from error
    except requests.RequestException as error:
        raise RuntimeFailure(f"The engine broke off while an image was loaded: {error}") from error
    # An engine that keeps images as containerd does names them by manifest.
    if found not in (image.config, image.manifest, image.root):
        client.api.remove_image(tag)
        raise _not_loaded(release, f"the engine made {found} of it, not {image.config}")
    return True


class _NotTaken(Exception):
    """The engine's words on why not."""


def _send(client: docker.DockerClient, parts: Iterator[bytes]) -> None:
    """The SDK's own call waits for a minute at most between two words."""
    api = client.api
    response = api.post(
        f"{api.base_url}/v{api.api_version}/images/load",
        params={"quiet": True},
        headers={"Content-Type": "application/x-tar"},
        data=parts,
        stream=True,
        timeout=_SILENCE,
    )
    with contextlib.closing(response):
        if response.status_code >= 400:
            raise _NotTaken(response.text[:500].strip())
        for line in response.iter_lines():
            told = json.loads(line) if line else {}
            if told.get("error"):
                raise _NotTaken(str(told["error"])[:500])


def archive(image: KeptImage, tag: str) -> Iterator[bytes]:
    """The tar file of an image that has to be known as ``tag``, in parts of limited size."""
    own = [{"Config": _blob(image.config), "RepoTags": [tag], "Layers": [_blob(one) for one in image.layers]}]
    document = json.loads(image.path(image.manifest).read_bytes())
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": document.get("mediaType", _OCI_MANIFEST),
                "digest": image.manifest,
                "size": image.path(image.manifest).stat().st_size,
                "annotations": {"io.containerd.image.name": f"docker.io/{tag}"},
            }
        ],
    }
    documents: Mapping[str, Any] = {
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
        "index.json": index,
        "manifest.json": own,
    }
    for name, content in documents.items():
        data = json.dumps(content).encode()
        yield _header(name, len(data)) + data + bytes(-len(data) % _BLOCK)
    for digest in image.digests:
        if digest == image.root != image.manifest:
            # Other images that an index names are not here, and engines look for them.
            continue
        path = image.path(digest)
        size = path.stat().st_size
        yield _header(_blob(digest), size)
        with path.open("rb") as file:
            while part := file.read(_PART):
                yield part
        yield bytes(-size % _BLOCK)
    yield bytes(2 * _BLOCK)


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _header(name: str, size: int) -> bytes:
    header = tarfile.TarInfo(name)
    header.size = size
    header.mode = 0o644
    return header.tobuf(tarfile.GNU_FORMAT)


def _not_loaded(release: Release, why: str) -> ImageNotLoaded:
    return ImageNotLoaded(
        f"The image of {release.plugin_id} {release.version} cannot be loaded: {why}.",
        hint="Have the bundle made anew where it comes from; the engine's log may say more.",
        plugin=release.plugin_id,
    )
