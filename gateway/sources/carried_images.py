"""Images in bundles: fetched by digest once, kept, and read elsewhere as if from a registry."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.definition import PluginDefinition
from gateway.errors import BadInput, PlugwayError
from gateway.image_files import (
    ImageDamaged,
    KeptImage,
    hexadecimal,
    keep_image,
    kept_envelopes,
    kept_image,
)
from gateway.model import ImageArtifact, Release
from gateway.sources.base import SourceUnreadable
from gateway.sources.fetch import FetchTooLarge
from gateway.sources.oci import OciSource, image_release
from gateway.sources.oci_documents import (
    MAX_DOCUMENT,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Document,
    read_document,
    read_json,
)
from gateway.sources.oci_signatures import MAX_ENVELOPES
from gateway.sources.steps import step


class NotWhole(BadInput):
    """The parts of an image do not make it up."""

    key, title = "image-not-whole", "The image is not whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageParts:
    """An image for this platform: the documents, and all else that it consists of."""

    root: Document
    manifest: Document

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Configuration and layers, each once."""
        named = (self.manifest.config, *self.manifest.layers)
        return tuple({one.digest: one for one in named}.values())


class CarriedImages:
    """``home`` keeps images once they were in a bundle. ``limit`` is for one image, in bytes."""

    def __init__(self, home: Path, source: OciSource, *, limit: int) -> None:
        self._home = home
        self._source = source
        self._limit = limit

    async def original(self, release: Release, place: Path) -> KeptImage:
        """The image's files, fetched by digest where they are not kept; each was hashed just now.

        ``place`` is for what is not whole yet. Raises what fetching raises, and
        :class:`FetchTooLarge` before anything large is fetched.
        """
        root = _digest(release)
        kept = await self._kept(root)
        if kept is None:
            step("fetching", f"fetching the image of {release.plugin_id}")
            files = await self._fetched(release, place)
            await asyncio.to_thread(keep_image, self._home, root, files, await self.signatures(release))
            kept = await self._kept(root)
        assert kept is not None
        return kept

    async def signatures(self, release: Release) -> tuple[bytes, ...]:
        """Those that were kept with the image, and what lies beside it now if the registry answers."""
        kept = await asyncio.to_thread(kept_envelopes, self._home, _digest(release))
        with suppress(PlugwayError):
            kept += await self._source.envelopes(release)
        return tuple(dict.fromkeys(kept))[:MAX_ENVELOPES]

    async def read(
        self, definition: PluginDefinition, version: str, root: str, files: Mapping[str, Path]
    ) -> Release:
        """The release of an image whose files have the digests they are listed under.

        Raises what a registry's image would lead to, and :class:`NotWhole`.
        """
        return await asyncio.to_thread(self._read, definition, version, root, files)

    async def keep(self, release: Release, files: Mapping[str, Path], envelopes: tuple[bytes, ...]) -> None:
        """Have it at hand for the runtime, which loads it at the start of the plugin."""
        await asyncio.to_thread(keep_image, self._home, _digest(release), files, envelopes)

    async def _kept(self, root: str) -> KeptImage | None:
        try:
            return await asyncio.to_thread(kept_image, self._home, root)
        except ImageDamaged as error:
            raise SourceUnreadable(error.detail, hint=error.hint) from error

    async def _fetched(self, release: Release, place: Path) -> dict[str, Path]:
        async with self._source.opened(release) as registry:
            root = await registry.document(_digest(release))
            manifest = root
            if root.is_index:
                manifest = await registry.document(self._source.chosen(root).digest)
            parts = ImageParts(root=root, manifest=manifest)
            size = sum(blob.size for blob in parts.blobs)
            if size > self._limit:
                raise FetchTooLarge(
                    f"The image of {release.plugin_id} has {size} bytes; a bundle holds {self._limit}.",
                    hint="If that is meant, raise PLUGWAY_BUNDLE_BYTES here and there.",
                    plugin=release.plugin_id,
                )
            files = {}
            for document in (root, manifest):
                files[document.digest] = place / hexadecimal(document.digest)
                await asyncio.to_thread(files[document.digest].write_bytes, document.data)
            for blob in parts.blobs:
                files[blob.digest] = place / hexadecimal(blob.digest)
                await registry.save(blob, files[blob.digest])
            return files

    def _read(
        self, definition: PluginDefinition, version: str, root: str, files: Mapping[str, Path]
    ) -> Release:
        named = _document(root, files)
        parts = ImageParts(root=named, manifest=named)
        if named.is_index:
            parts = ImageParts(root=named, manifest=_document(self._source.chosen(named).digest, files))
        if parts.manifest.is_index:
            raise NotWhole("The image's index names another index.")
        for blob in parts.blobs:
            if _file(blob.digest, files).stat().st_size != blob.size:
                raise NotWhole(f"{blob.digest} has another size than the image's manifest says.")
        if strangers := set(files) - _digests(parts):
            raise NotWhole(f"{sorted(strangers)[0]} is listed as a part of the image, and is none.")
        configuration = _content(parts.manifest.config.digest, files)
        release = image_release(definition, named.digest, configuration)
        if release.version != version:
            raise NotWhole(
                f"The image is of {definition.id} {release.version}; it is offered as {version[:40]}."
            )
        return release


def _digest(release: Release) -> str:
    assert isinstance(release.artifact, ImageArtifact)
    return release.artifact.digest


def _digests(parts: ImageParts) -> set[str]:
    return {parts.root.digest, parts.manifest.digest, *(blob.digest for blob in parts.blobs)}


def _document(digest: str, files: Mapping[str, Path]) -> Document:
    data = _content(digest, files)
    content = read_json(data)
    guessed = OCI_INDEX if "manifests" in content else OCI_MANIFEST
    return read_document(
        data, content_type=str(content.get("mediaType", guessed)), wanted=digest, announced=""
    )


def _content(digest: str, files: Mapping[str, Path]) -> bytes:
    with _file(digest, files).open("rb") as file:
        data = file.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        raise NotWhole(f"{digest} is too large for what it is said to be.")
    return data


def _file(digest: str, files: Mapping[str, Path]) -> Path:
    if digest not in files:
        raise NotWhole(
            f"The image lacks its part {digest}.",
            hint="Have the bundle made anew where it comes from, on a machine of this kind.",
        )
    return files[digest]
