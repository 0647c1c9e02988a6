"""From what was named on the command line to a place where it runs: a directory, an image, an endpoint."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gateway.conformance.places import EndpointPlace, Place, RuntimePlace
from gateway.definition import PluginDefinition
from gateway.digests import make_release
from gateway.home import Home
from gateway.image_files import FOLDER as IMAGES
from gateway.model import (
    ImageArtifact,
    InstanceId,
    PluginId,
    Release,
    RemoteArtifact,
    Source,
    Tier,
)
from gateway.runtimes.base import Runtime
from gateway.runtimes.choose import choose_runtime
from gateway.settings import Settings
from gateway.sources.built_in import BuiltInSource
from gateway.sources.check_table import CheckTable
from gateway.sources.manifest_file import read_manifest_file
from gateway.sources.oci_label import read_configuration
from gateway.sources.remote import remote_artifact
from gateway.supervisor.desired import remote_endpoint
from gateway.supervisor.egress import RelaySet, open_relays
from gateway.supervisor.remote_tls import remote_tls
from gateway.trust.verify import verify_release

ENDPOINTS = ("grpc://", "grpcs://", "unix:")
_SHARED = (IMAGES, "wheels")


@asynccontextmanager
async def stage(settings: Settings) -> AsyncIterator[Stage]:
    """Settings are those of the gateway: its runtime, its sandbox, its limits. Leaves nothing behind.

    Raises ``RuntimeMissing`` where the runtime that was asked for cannot be used.
    """
    async with AsyncExitStack() as stack:
        path = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="plugway-check-"))
        stack.push_async_callback(asyncio.to_thread, shutil.rmtree, path, ignore_errors=True)
        await asyncio.to_thread(_share, settings.home, path)
        home = await asyncio.to_thread(lambda: Home(path).open())
        stack.callback(home.close)
        stack.push_async_callback(asyncio.to_thread, shutil.rmtree, home.run_root, ignore_errors=True)
        own = settings.model_copy(update={"home": path})
        runtime, _ = await choose_runtime(own, home)
        stack.push_async_callback(runtime.close)
        yield Stage(runtime, await open_relays(stack, runtime, home, own))


class Stage:
    """Where plugins are started to be checked."""

    def __init__(self, runtime: Runtime, relays: RelaySet | None) -> None:
        self.runtime = runtime
        self._relays = relays

    async def place(self, release: Release) -> RuntimePlace:
        """Raises ``ReleaseChanged`` and ``ReleaseNotRunnable``."""
        self.runtime.check_kind(release)
        return RuntimePlace(self.runtime, await verify_release(release), self._relays)


def _share(home: Path, own: Path) -> None:
    """What is dear to fetch again. The runtime names it by its content, so sharing it harms nobody."""
    for name in _SHARED:
        if (home / name).is_dir():
            (own / name).symlink_to((home / name).resolve())


async def directory_release(directory: Path) -> tuple[Release, CheckTable]:
    """The release that a directory with ``plugway.toml`` is; raises ``BadManifestFile``."""
    manifest = await asyncio.to_thread(read_manifest_file, directory)
    definition = PluginDefinition(id=manifest.id, version=manifest.version)
    release = await BuiltInSource([directory]).resolve(definition)
    return release, manifest.check


async def image_release(name: str) -> Release:
    """The release of an image that the engine has; raises ``NoSuchImage`` and ``UnfitImage``."""
    from gateway.runtimes.docker_local import local_image

    image = await asyncio.to_thread(local_image, name)
    manifest = read_configuration(image.configuration, image.plugin)
    artifact = ImageArtifact(reference=image.name, digest=image.id)
    plugin = PluginId(manifest.id)
    return make_release(
        plugin_id=plugin,
        version=manifest.version,
        name=manifest.name or manifest.id,
        source=Source.OCI,
        tier=Tier.EXTERNAL,
        artifact=artifact,
        permissions=manifest.granted,
        ui_type=manifest.ui_type,
    )


async def endpoint_place(url: str, plugin: str, home: Path) -> Place:
    """Somebody else's; ``plugin`` says which is meant where there are several. Raises ``BadInput``."""
    return await remote_place(remote_artifact(url), plugin, home)


async def remote_place(artifact: RemoteArtifact, plugin: str, home: Path, *, version: str = "") -> Place:
    """TLS files are those that the gateway on ``home`` uses."""
    tls = await asyncio.to_thread(remote_tls, home, artifact)
    endpoint = remote_endpoint(InstanceId("check"), PluginId(plugin), artifact, tls)
    return EndpointPlace(endpoint, version=version)
