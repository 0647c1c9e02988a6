"""Runs plugins as containers of a Docker engine, each in the sandbox of ``docker_spec``.

The engine's labels are the only memory: a next gateway adopts what carries this home's.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from typing import Any, Literal

import docker

from gateway.home import Home
from gateway.model import (
    FindLogin,
    ImageArtifact,
    InstanceId,
    PluginId,
    Release,
    ReleaseId,
    VerifiedRelease,
)
from gateway.runtimes import docker_collect, docker_image, docker_logs
from gateway.runtimes.base import (
    Diagnosis,
    InstanceSpec,
    LogLine,
    Progress,
    RuntimeFailure,
    RuntimeInstance,
)
from gateway.runtimes.docker_base import have_base
from gateway.runtimes.docker_engine import Engine
from gateway.runtimes.docker_events import Events
from gateway.runtimes.docker_host import DockerHost
from gateway.runtimes.docker_pull import have_pulled
from gateway.runtimes.docker_spec import owner
from gateway.settings import Settings

Transport = Literal["unix", "tcp"]


class DockerRuntime:
    """See :class:`gateway.runtimes.base.Runtime`. ``engine_url`` overrides ``DOCKER_HOST``.

    ``find_login`` is asked, in a thread, before an image is pulled.
    """

    name = "docker"

    def __init__(
        self,
        home: Home,
        settings: Settings,
        *,
        engine_url: str = "",
        find_login: FindLogin = lambda host: None,
    ) -> None:
        self._home = home
        self._find_login = find_login
        self._settings = settings
        self._engine = Engine(engine_url)
        self._host = DockerHost(home, settings)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._images: dict[ReleaseId, str] = {}
        self._plugins: dict[ReleaseId, PluginId] = {}
        self._transport: Transport | None = None
        self._events: set[Events] = set()

    async def diagnose(self) -> Diagnosis:
        try:
            transport = await self._chosen_transport()
            info, version = await self._engine.call(lambda client: (client.info(), client.version()))
        except RuntimeFailure as failure:
            return Diagnosis(available=False, reason=f"{failure.detail} {failure.hint}".strip())
        return Diagnosis(
            available=True,
            reason=f"Docker engine {version['Version']} (API {version['ApiVersion']}) answers.",
            isolation=isolation(info, self._settings, transport),
        )

    async def have_base_image(self) -> None:
        """Have the image that plugin images are built on; raises :class:`RuntimeFailure`."""
        await self._engine.call(
            lambda client: have_base(client, self._settings.base_image, lambda text: None)
        )

    def check_kind(self, release: Release) -> None:
        """Directories are built into images, and images are pulled."""

    async def prepare(self, release: VerifiedRelease, progress: Progress) -> None:
        await self._image(release, progress)

    async def _image(self, release: VerifiedRelease, progress: Progress) -> str:
        loop = asyncio.get_running_loop()

        def have(client: docker.DockerClient) -> str:
            def tell(text: str) -> None:
                loop.call_soon_threadsafe(progress, text)

            if isinstance(release.artifact, ImageArtifact):
                found = have_pulled(client, self._home, release, self._find_login, tell)
            else:
                found = docker_image.have_image(client, self._home, self._settings, release, tell)
            docker_collect.claim(client, self._home, release, found)
            return found

        async with self._locks[f"image {release.id}"]:
            image = await self._engine.call(have)
        self._images[release.id] = image
        self._plugins[release.id] = release.plugin_id
        return image

    async def start(self, spec: InstanceSpec) -> RuntimeInstance:
        image = self._images.get(spec.release.id) or await self._image(spec.release, lambda text: None)
        transport = await self._chosen_transport()
        async with self._locks[spec.id]:
            try:
                return await self._engine.call(
                    lambda client: self._host.start(client, spec, image, transport)
                )
            except RuntimeFailure:
                # The image may be what is wrong: the next start looks for it again.
                self._images.pop(spec.release.id, None)
                raise

    async def _chosen_transport(self) -> Transport:
        if self._transport is not None:
            return self._transport
        wanted = self._settings.docker_transport
        chosen = wanted if wanted != "auto" else await self._engine.call(fitting_transport)
        self._transport = chosen
        return chosen

    async def stop(self, instance: InstanceId, grace: float) -> None:
        async with self._locks[instance]:
            await self._engine.call(lambda client: self._host.stop(client, instance, grace))

    async def list(self) -> Sequence[RuntimeInstance]:
        return await self._engine.call(self._host.list)

    async def changes(self) -> AsyncGenerator[None, None]:
        events = Events(self._engine, self._home)
        self._events.add(events)
        try:
            async for change in events.changes():
                yield change
        finally:
            self._events.discard(events)
            await events.close()

    def logs(self, instance: InstanceId, *, tail: int, follow: bool) -> AsyncIterator[LogLine]:
        return docker_logs.read(self._engine, self._home, instance, tail=tail, follow=follow)

    async def purge(self, plugin: PluginId) -> None:
        await self._engine.call(lambda client: self._host.purge(client, plugin))

    async def collect(self, plugin: PluginId, keep: Collection[ReleaseId]) -> None:
        for release in [id_ for id_, of in self._plugins.items() if of == plugin and id_ not in keep]:
            del self._plugins[release]
            self._images.pop(release, None)
            self._locks.pop(f"image {release}", None)
        await self._engine.call(lambda client: self._host.collect(client, plugin, keep))

    async def close(self) -> None:
        for events in tuple(self._events):
            await events.close()
        await self._engine.close()


def fitting_transport(client: docker.DockerClient) -> Transport:
    """A mounted socket works where engine and gateway share one Linux kernel; else TCP."""
    shared = sys.platform == "linux" and client.api.base_url.startswith("http+docker://")
    desktop = "desktop" in str(client.info().get("OperatingSystem", "")).lower()
    return "unix" if shared and not desktop else "tcp"


def isolation(info: dict[str, Any], settings: Settings, transport: Transport) -> tuple[str, ...]:
    """What this engine really gives: a limit that its kernel does not know is not claimed."""
    security = [str(option) for option in info.get("SecurityOptions") or ()]
    by_relay = settings.docker_egress == "relay"
    mebibytes = settings.memory_bytes // 2**20
    given = [
        (True, f"non-root user {owner()[0]}"),
        (True, "read-only root file system"),
        (True, "no capabilities"),
        (True, "no new privileges"),
        (any("seccomp" in option for option in security), "system calls filtered (seccomp)"),
        (any("apparmor" in option for option in security), "AppArmor profile"),
        (bool(info.get("MemoryLimit")), f"memory limit {mebibytes} MiB"),
        (bool(info.get("SwapLimit")), "no swap beyond it"),
        (bool(info.get("CpuCfsQuota")), f"limit of {settings.cpus:g} CPU"),
        (bool(info.get("PidsLimit")), f"at most {settings.pids} processes"),
        (transport == "unix" and by_relay, "no network, and a relay for what was granted"),
        (transport == "unix" and not by_relay, "no network unless granted"),
    ]
    return tuple(words for holds, words in given if holds)
