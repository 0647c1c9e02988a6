"""Plugins as images of a registry: a tag is looked up once, and what it named then is what is run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace

from gateway.definition import PluginDefinition
from gateway.digests import make_release
from gateway.errors import BadInput
from gateway.model import ImageArtifact, Permissions, PluginId, Release, Source, Tier
from gateway.semver import later
from gateway.sources.base import CatalogEntry, NotInCatalog
from gateway.sources.evidence import Evidence, given
from gateway.sources.external import refuse_fields
from gateway.sources.oci_documents import Descriptor, Document, choose, this_platform
from gateway.sources.oci_label import LABEL, ImageManifest, read_configuration
from gateway.sources.oci_reference import SCHEME, Reference, parse_reference, tag_of_version, version_of_tag
from gateway.sources.oci_registry import Registries, Registry
from gateway.sources.oci_signatures import envelopes, push_envelope
from gateway.sources.offer import Offer

_LOOKED_AT = 5
"""Tags of newer versions that are looked into, the newest first, until one is good."""
_NOT_HERE = ("download_url", "ui_config", "api_base_url")


class OciSource:
    """Nothing is pulled here: manifest, configuration and signatures are read, the runtime pulls.

    ``platform`` such as ``linux/amd64`` chooses from images for several; this machine's if left out.
    """

    def __init__(self, registries: Registries, *, platform: str = "") -> None:
        self._registries = registries
        self._platform = platform or this_platform()

    async def resolve(self, definition: PluginDefinition) -> Release:
        """The release that the definition means now.

        The tag of ``sourceUrl`` counts, or else the one of ``version``; where both are there and the
        first holds another version, the second is looked up.
        """
        refuse_fields(definition, _NOT_HERE, "does not apply to the source 'oci'")
        reference = parse_reference(definition.source_url)
        async with self._registries.open(reference) as registry:
            digest, manifest = await self._find(registry, reference, definition)
        _check_sum(definition, digest, manifest)
        return _release(definition, reference, digest, manifest)

    def chosen(self, index: Document) -> Descriptor:
        """The image for this platform; raises ``UnfitImage``."""
        return choose(index.manifests, self._platform)

    def opened(self, release: Release) -> AbstractAsyncContextManager[Registry]:
        """A conversation with the registry that the release is of."""
        return self._registries.open(parse_reference(f"{SCHEME}{_of_release(release).reference}"))

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        """Signatures that lie beside the image, and the one that the definition gives."""
        mine = await given(definition, self._registries.fetcher)
        return replace(mine, envelopes=(*mine.envelopes, *await self.envelopes(release)))

    async def available(self) -> Sequence[CatalogEntry]:
        return ()

    async def envelopes(self, release: Release) -> tuple[bytes, ...]:
        """The signature envelopes that lie beside the release's image, to be judged by ``gateway.trust``."""
        artifact = _of_release(release)
        reference = parse_reference(f"{SCHEME}{artifact.reference}@{artifact.digest}")
        async with self._registries.open(reference) as registry:
            return await envelopes(registry, artifact.digest)

    async def push_envelope(self, reference: Reference, envelope: bytes) -> str:
        """Attach an envelope to ``reference``, which names a digest; returns that of the new artifact."""
        if not reference.digest:
            raise BadInput("A signature is attached to a digest, not to a tag.")
        async with self._registries.open(reference, actions="pull,push") as registry:
            return await push_envelope(registry, reference.digest, envelope)

    async def offer(self, definition: PluginDefinition, release: Release) -> Offer:
        """What the registry has now, held against what is installed. Changes nothing.

        Told first is that the tag of the installed version names other bytes. Newer versions are
        those among the registry's tags whose images are plugins of this id.
        """
        artifact = _of_release(release)
        named = parse_reference(definition.source_url)
        first = named.digest or named.tag or tag_of_version(definition.version) or "latest"
        own = tag_of_version(release.version)
        async with self._registries.open(named) as registry:
            found = await self._look(registry, first, definition)
            if found[1].version != release.version and first != own and not named.digest:
                with suppress(NotInCatalog):
                    again = await self._look(registry, own, definition)
                    if again[0] != artifact.digest:
                        first, found = own, again
            newest = await self._newest(registry, definition, release)
        digest, manifest = found
        return Offer(
            reference=f"{named.name}{'@' if named.digest else ':'}{first}",
            digest=digest,
            installed=artifact.digest,
            version=manifest.version,
            changed=digest != artifact.digest,
            newest=newest.version if newest else "",
            permissions=newest.granted if newest else Permissions(),
        )

    async def _newest(
        self, registry: Registry, definition: PluginDefinition, release: Release
    ) -> ImageManifest | None:
        """The newest version that is tagged, is newer, and is what its tag says."""
        tags = await registry.tags()
        for version in later(release.version, [version_of_tag(tag) for tag in tags])[:_LOOKED_AT]:
            # A tag may lead to something else than this plugin.
            with suppress(NotInCatalog, BadInput):
                _, manifest = await self._look(registry, tag_of_version(version), definition)
                if manifest.version == version:
                    return manifest
        return None

    async def _find(
        self, registry: Registry, reference: Reference, definition: PluginDefinition
    ) -> tuple[str, ImageManifest]:
        wanted = definition.version
        of_version = tag_of_version(wanted)
        tags = [reference.digest or reference.tag or of_version or "latest"]
        if wanted and not reference.digest and of_version not in tags:
            tags.append(of_version)
        held = ""
        for tag in tags:
            try:
                found = await self._look(registry, tag, definition)
            except NotInCatalog:
                if tag == tags[-1] and not held:
                    raise
                continue
            if not wanted or found[1].version == wanted:
                return found
            held = held or found[1].version
        raise NotInCatalog(
            f"{reference} holds version {held} of {definition.id}, not {wanted}.",
            hint="Name the tag of that version in the sourceUrl, or correct 'version'.",
            plugin=definition.id,
        )

    async def _look(
        self, registry: Registry, which: str, definition: PluginDefinition
    ) -> tuple[str, ImageManifest]:
        """The digest that ``which`` stands for (an index's, where there is one), and the image's label."""
        named = await registry.document(which)
        document = named
        if named.is_index:
            document = await registry.document(self.chosen(named).digest)
        return named.digest, _plugin_in(await registry.blob(document.config), definition)


def image_release(definition: PluginDefinition, digest: str, configuration: bytes) -> Release:
    """The release of an image that came another way than from its registry.

    Raises as :meth:`OciSource.resolve` does of an image that does not fit the definition.
    """
    refuse_fields(definition, _NOT_HERE, "does not apply to the source 'oci'")
    reference = parse_reference(definition.source_url)
    manifest = _plugin_in(configuration, definition)
    if reference.digest not in ("", digest):
        raise BadInput(
            f"The image of {definition.id} {manifest.version} is another one.",
            fields={"/sourceUrl": f"the image is {digest}"},
            plugin=definition.id,
        )
    _check_sum(definition, digest, manifest)
    return _release(definition, reference, digest, manifest)


def _plugin_in(configuration: bytes, definition: PluginDefinition) -> ImageManifest:
    manifest = read_configuration(configuration, definition.id)
    if definition.ui_type not in (None, manifest.ui_type):
        raise BadInput(
            f"The UI of {definition.id} is of another type.",
            fields={"/uiType": f"is '{manifest.ui_type.value}' in the image's label {LABEL}"},
            plugin=definition.id,
        )
    return manifest


def _check_sum(definition: PluginDefinition, digest: str, manifest: ImageManifest) -> None:
    if definition.checksum and definition.checksum != digest:
        raise BadInput(
            f"The image of {definition.id} {manifest.version} is another one.",
            fields={"/checksum": f"is {digest}"},
            hint="Leave 'checksum' out, or find out why the images differ.",
            plugin=definition.id,
        )


def _release(
    definition: PluginDefinition, reference: Reference, digest: str, manifest: ImageManifest
) -> Release:
    artifact = ImageArtifact(reference=reference.name, digest=digest)
    plugin_id = PluginId(definition.id)
    return make_release(
        plugin_id=plugin_id,
        version=manifest.version,
        name=definition.name or manifest.name or definition.id,
        source=Source.OCI,
        tier=Tier.EXTERNAL,
        artifact=artifact,
        permissions=manifest.granted,
        ui_type=manifest.ui_type,
    )


def _of_release(release: Release) -> ImageArtifact:
    if not isinstance(release.artifact, ImageArtifact):
        raise BadInput(f"{release.plugin_id} does not come from a registry.", plugin=release.plugin_id)
    return release.artifact
