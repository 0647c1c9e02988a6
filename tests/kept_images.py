"""Images as files, as small as an image may be."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class ImageFiles:
    """An index of one manifest, its configuration and layers, written below ``place``."""

    place: Path
    files: dict[str, Path] = field(default_factory=dict)

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        path = self.place / digest.removeprefix("sha256:")
        path.write_bytes(data)
        self.files[digest] = path
        return digest

    def document(self, **content: Any) -> str:
        return self.put(json.dumps(content).encode())


@dataclass(frozen=True)
class Written:
    files: dict[str, Path]
    index: str
    manifest: str
    config: str
    layers: tuple[str, ...]


def write_image(place: Path) -> Written:
    """The index names a second image, for another machine, that is not there."""
    place.mkdir(parents=True, exist_ok=True)
    image = ImageFiles(place)
    layers = tuple(image.put(gzip.compress(bytes([n]) * 3000, mtime=0)) for n in (1, 2))
    config = image.document(architecture="amd64", os="linux", rootfs={"type": "layers", "diff_ids": []})
    manifest = image.document(
        schemaVersion=2, config={"digest": config}, layers=[{"digest": layer} for layer in layers]
    )
    elsewhere = digest_of(b"another machine's")
    index = image.document(schemaVersion=2, manifests=[{"digest": elsewhere}, {"digest": manifest}])
    return Written(image.files, index, manifest, config, layers)
