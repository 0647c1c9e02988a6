"""Manifests, indexes and descriptors of the OCI image format, read strictly. Pure.

https://github.com/opencontainers/image-spec
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import BadInput
from gateway.model import DIGEST

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPTED = ", ".join((OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST))

MAX_DOCUMENT = 4 * 2**20
"""Bytes of a manifest, an index, a configuration or an envelope."""
_MAX_ENTRIES = 1000
# As Python and as Go call the same machines.
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm"}


class NotAsNamed(BadInput):
    """The registry sent something else than the digest says."""

    key, title = "image-changed", "The registry sent something else"


class UnfitImage(BadInput):
    """The image cannot be run as a plugin here."""

    key, title = "unfit-image", "The image cannot be used"


@dataclass(frozen=True, slots=True)
class Descriptor:
    media_type: str
    digest: str
    size: int
    artifact_type: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index. ``digest`` was computed from ``data``, the bytes it came in."""

    digest: str
    media_type: str
    size: int
    content: dict[str, Any]
    data: bytes = field(default=b"", repr=False)

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    @property
    def artifact_type(self) -> str:
        kind = self.content.get("artifactType")
        return kind if isinstance(kind, str) else ""

    @property
    def config(self) -> Descriptor:
        return read_descriptor(self.content.get("config"))

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        return _descriptors(self.content.get("layers"))

    @property
    def manifests(self) -> tuple[Descriptor, ...]:
        return _descriptors(self.content.get("manifests"))

    @property
    def subject(self) -> str:
        given = self.content.get("subject")
        return read_descriptor(given).digest if given is not None else ""


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def read_document(data: bytes, *, content_type: str, wanted: str, announced: str) -> Document:
    """``wanted`` is the digest that was asked for, or ""; ``announced`` the one that the registry says.

    Raises :class:`NotAsNamed` where either is not that of the bytes, and where type and content differ.
    """
    found = digest_of(data)
    for said in (wanted, announced):
        if said and said != found:
            raise NotAsNamed(
                f"The registry sent a manifest whose bytes are {found}, not {said}.",
                hint="Do not use this registry until its owner has found out why.",
            )
    content = read_json(data)
    kind = content_type.partition(";")[0].strip().lower()
    said_kind = content.get("mediaType", kind)
    if kind not in INDEXES | MANIFESTS or said_kind != kind:
        there = str(said_kind or kind or "nothing known")[:100]
        raise UnfitImage(
            f"What the registry has there is no image, but {there!r}.",
            hint="Push an image in the OCI format, or in that of Docker (schema 2).",
        )
    # One document that is both would be read as one thing by one reader, as the other by another.
    if (kind in INDEXES and {"layers", "config"} & set(content)) or (
        kind in MANIFESTS and "manifests" in content
    ):
        raise NotAsNamed("The manifest is an index and a manifest at once.")
    return Document(found, kind, len(data), content, data)


def read_json(data: bytes) -> dict[str, Any]:
    """An object without any name twice; raises :class:`UnfitImage`."""
    try:
        document = json.loads(data.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UnfitImage("A document of the image is not a JSON object, or has a name twice.")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def read_descriptor(value: Any) -> Descriptor:
    """Raises :class:`UnfitImage` for anything that does not name content by sha256 and size."""
    if isinstance(value, dict):
        kind, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
        if (
            isinstance(kind, str)
            and isinstance(digest, str)
            and DIGEST.fullmatch(digest)
            and isinstance(size, int)
            and size >= 0
        ):
            artifact = value.get("artifactType")
            return Descriptor(
                kind, digest, size, artifact if isinstance(artifact, str) else "", _platform(value)
            )
    raise UnfitImage("A descriptor of the image lacks its type, its sha256 digest or its size.")


def _platform(value: dict[str, Any]) -> str:
    given = value.get("platform")
    return f"{given.get('os', '')}/{given.get('architecture', '')}" if isinstance(given, dict) else ""


def _descriptors(value: Any) -> tuple[Descriptor, ...]:
    if not isinstance(value, list) or len(value) > _MAX_ENTRIES:
        raise UnfitImage("A manifest of the image has no list of parts, or too long a one.")
    return tuple(read_descriptor(item) for item in value)


def this_platform() -> str:
    machine = platform.machine().lower()
    return f"linux/{_MACHINES.get(machine, machine)}"


def choose(manifests: Sequence[Descriptor], wanted: str) -> Descriptor:
    """The image for a platform such as ``linux/amd64``; raises :class:`UnfitImage`."""
    for descriptor in manifests:
        if descriptor.platform == wanted and descriptor.media_type in MANIFESTS:
            return descriptor
    there = sorted({d.platform for d in manifests if d.platform and "unknown" not in d.platform})
    raise UnfitImage(
        f"The image is not made for {wanted}; it is for {', '.join(there) or 'nothing that it names'}.",
        hint=f"Have its author build it for {wanted} as well (docker buildx build --platform).",
    )
