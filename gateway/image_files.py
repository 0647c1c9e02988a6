"""Images that are kept as files: index, manifest, configuration and layers, each named by its sha256.

``images/SHA256/`` in a home holds the image of that digest. Below sources and runtimes: the ones put
images there, the others load them into an engine.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.durable import sync_tree
from gateway.errors import Conflict

FOLDER = "images"
_ENVELOPES = "envelopes.json"
_MAX_DOCUMENT = 4 * 2**20


class ImageDamaged(Conflict):
    """What is kept of an image is not what its digest names."""

    key, title = "image-damaged", "What is kept of the image is damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptImage:
    """``root`` is what the image is named by: an index, or the ``manifest`` itself. All are digests."""

    directory: Path
    root: str
    manifest: str
    config: str
    layers: tuple[str, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        """Of all files, each once, the root first."""
        return tuple(dict.fromkeys((self.root, self.manifest, self.config, *self.layers)))

    def path(self, digest: str) -> Path:
        return self.directory / hexadecimal(digest)


def hexadecimal(digest: str) -> str:
    return digest.removeprefix("sha256:")


def digest_of_file(path: Path) -> str:
    """``sha256:...``. Blocking."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def keep_image(home: Path, root: str, files: Mapping[str, Path], envelopes: Sequence[bytes] = ()) -> None:
    """Put an image's files there, all or none; they are linked where that is possible. Blocking.

    ``envelopes`` are signatures of it.
    """
    target = home / FOLDER / hexadecimal(root)
    if target.is_dir():
        return
    target.parent.mkdir(mode=0o700, exist_ok=True)
    begun = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    begun.mkdir(mode=0o700)
    try:
        for digest, path in files.items():
            _link(path, begun / hexadecimal(digest))
        texts = [base64.b64encode(envelope).decode() for envelope in envelopes]
        (begun / _ENVELOPES).write_text(json.dumps(texts))
        # On the disk before the registry names it.
        sync_tree(begun)
        begun.rename(target)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def kept_envelopes(home: Path, root: str) -> tuple[bytes, ...]:
    """The signatures that were kept with an image; none where they cannot be read. Blocking."""
    try:
        texts = json.loads((home / FOLDER / hexadecimal(root) / _ENVELOPES).read_bytes())
        return tuple(base64.b64decode(text, validate=True) for text in texts)
    except (OSError, ValueError, TypeError):
        return ()


def kept_image(home: Path, root: str) -> KeptImage | None:
    """The image of that digest, every byte of it hashed anew; None where it is not kept. Blocking.

    Raises :class:`ImageDamaged`.
    """
    directory = home / FOLDER / hexadecimal(root)
    if not directory.is_dir():
        return None
    try:
        return _read(directory, root)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ImageDamaged(
            f"What is kept of the image {root} does not hold: {str(error) or type(error).__name__}.",
            hint="Uninstall the plugin and import its bundle again (its data stays).",
        ) from error


def _read(directory: Path, root: str) -> KeptImage:
    document, manifest = _document(directory, root), root
    if "manifests" in document:
        here = [one["digest"] for one in document["manifests"]]
        manifest = next((one for one in here if (directory / hexadecimal(one)).is_file()), "none of it")
        document = _document(directory, manifest)
    image = KeptImage(
        directory=directory,
        root=root,
        manifest=manifest,
        config=document["config"]["digest"],
        layers=tuple(layer["digest"] for layer in document["layers"]),
    )
    for digest in image.digests:
        if digest_of_file(image.path(digest)) != digest:
            raise ValueError(f"{digest} has other bytes")
    return image


def _document(directory: Path, digest: str) -> dict[str, Any]:
    with (directory / hexadecimal(digest)).open("rb") as file:
        data = file.read(_MAX_DOCUMENT + 1)
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
        raise ValueError(f"{digest} has other bytes")
    document: dict[str, Any] = json.loads(data)
    return document


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
