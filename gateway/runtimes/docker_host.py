"""The blocking half of the docker runtime: what each act asks of the engine."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import time
from collections.abc import Collection, Sequence
from typing import Any

import docker
import requests
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.models.networks import Network

from gateway.home import Home
from gateway.model import InstanceId, PluginId, ReleaseId, TlsFiles
from gateway.runtimes import docker_collect, docker_logs, docker_spec, logs, marks
from gateway.runtimes import docker_names as names
from gateway.runtimes.base import InstanceSpec, ReleaseNotRunnable, RuntimeFailure, RuntimeInstance
from gateway.runtimes.docker_engine import explanation
from gateway.runtimes.docker_observe import observe, running, seconds
from gateway.runtimes.pki import Pki
from gateway.settings import Settings

_KILLED = 137
# The engine learns of the kernel's killing on another way than of the end, sometimes later.
_MEMORY_NEWS = 0.5
_SECURITY_FOR = 60.0
"""Seconds for which the engine's security options are believed."""
_CANNOT_RUN = ("executable file not found", "no such file or directory", "permission denied", "exec format")


class DockerHost:
    """Called from any thread with that thread's client, one act at a time for an instance."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self._home = home
        self._settings = settings
        self._security: tuple[float, tuple[str, ...]] = (-_SECURITY_FOR, ())

    def start(
        self, client: docker.DockerClient, spec: InstanceSpec, image: str, transport: str
    ) -> RuntimeInstance:
        marks.check_instance_id(spec.id)
        found = self._find(client, spec.id)
        if found is not None and running(found.attrs):
            return self._observe(client, found.attrs)
        if found is not None:
            self._discard(found, spec.id)
        try:
            container = self._make(client, spec, image, transport)
            container.start()
            container.reload()
        except Exception as error:
            self._undo(client, spec)
            if isinstance(error, APIError):
                raise _cannot_start(spec, explanation(error)) from error
            raise
        return self._observe(client, container.attrs)

    def _undo(self, client: docker.DockerClient, spec: InstanceSpec) -> None:
        """Leave nothing of a start that failed; a failure here must not hide the first one."""
        with contextlib.suppress(APIError, requests.RequestException):
            self.stop(client, spec.id, 0)
            self._drop_network(client, spec.release.plugin_id)

    def _make_place(self, client: docker.DockerClient, spec: InstanceSpec, transport: str) -> None:
        """Run directory, log, network and TLS files, so that the container finds them."""
        owner = docker_spec.owner()
        self._home.forget_run_directory(spec.id)
        sockets = docker_spec.socket_directory(self._home, spec)
        sockets.mkdir(mode=0o700, parents=True)
        _give(sockets, owner)
        logs.remember_log(self._home, spec.release.plugin_id, spec.id, spec.release.id)
        if transport == "tcp":
            Pki(self._home).issue(spec.id, docker_spec.tls_directory(self._home, spec), owner)
        if docker_spec.by_relay(self._settings, spec, transport):
            # The relay puts its socket here, now or later; what is mounted has to be there before.
            self._home.egress_socket(spec.id).parent.mkdir(parents=True, exist_ok=True)
        if docker_spec.has_network(self._settings, spec, transport):
            self._have_network(client, spec.release.plugin_id)

    def _have_network(self, client: docker.DockerClient, plugin: PluginId) -> None:
        """A bridge for this plugin alone: it meets no other plugin there."""
        if self._networks(client, plugin):
            return
        client.networks.create(
            names.network_name(self._home, plugin),
            driver="bridge",
            check_duplicate=True,
            labels={names.HOME: self._home.id, names.PLUGIN: plugin},
        )

    def _networks(self, client: docker.DockerClient, plugin: PluginId) -> Sequence[Network]:
        # The engine's own filter also finds names that only contain this one.
        name = names.network_name(self._home, plugin)
        return [network for network in client.networks.list(names=[name]) if network.name == name]

    def _make(self, client: docker.DockerClient, spec: InstanceSpec, image: str, transport: str) -> Container:
        volumes = marks.volume_directories(
            self._home, spec.release, docker_spec.owner() if os.getuid() == 0 else None
        )
        self._make_place(client, spec, transport)
        options = docker_spec.container_options(
            home=self._home,
            settings=self._settings,
            spec=spec,
            image=image,
            transport=transport,
            volumes=volumes,
        )
        try:
            return client.containers.create(**options)
        except ImageNotFound as error:
            raise RuntimeFailure(
                f"The image of {spec.release.plugin_id} {spec.release.version} was removed; "
                "the next start makes it anew.",
                plugin=spec.release.plugin_id,
            ) from error
        except APIError as error:
            # An earlier attempt whose answer was lost has made it all the same.
            if error.status_code == 409 and (made := self._find(client, spec.id)) is not None:
                return made
            raise

    def _find(self, client: docker.DockerClient, instance: InstanceId) -> Container | None:
        try:
            return client.containers.get(names.container_name(self._home, instance))
        except NotFound:
            return None

    def _discard(self, container: Container, instance: InstanceId) -> None:
        docker_logs.keep(container, self._home, instance, self._settings.log_bytes)
        try:
            container.remove(force=True, v=True)
        except NotFound:
            return

    def stop(self, client: docker.DockerClient, instance: InstanceId, grace: float) -> None:
        container = self._find(client, instance)
        plugin = ""
        if container is not None:
            plugin = container.labels.get(names.PLUGIN, "")
            if container.status == "paused":
                container.unpause()
            container.stop(timeout=math.ceil(grace))
            self._discard(container, instance)
        self._home.forget_run_directory(instance)
        if plugin:
            self._drop_network(client, PluginId(plugin))

    def _drop_network(self, client: docker.DockerClient, plugin: PluginId) -> None:
        """Once the plugin has no container left in it."""
        for network in self._networks(client, plugin):
            try:
                network.remove()
            except APIError as error:
                if error.status_code not in (403, 404):
                    raise

    def list(self, client: docker.DockerClient) -> list[RuntimeInstance]:
        found = client.containers.list(
            all=True, filters=names.home_filter(self._home), sparse=True, ignore_removed=True
        )
        instances = []
        for container in found:
            try:
                document = client.api.inspect_container(str(container.id))
            except NotFound:
                continue
            instances.append(self._observe(client, document))
        return instances

    def _observe(self, client: docker.DockerClient, document: dict[str, Any]) -> RuntimeInstance:
        labels = document["Config"]["Labels"]
        tls: TlsFiles | None = None
        if labels[names.TRANSPORT] == "tcp":
            tls = Pki(self._home).client_files(InstanceId(labels[names.INSTANCE]))
        security = self._security_of(client)
        if running(document):
            return observe(document, self._home, tls, "", security)
        document = _with_memory_news(client, document)
        words = docker_logs.words(client.containers.get(document["Id"]))
        return observe(document, self._home, tls, words, security)

    def _security_of(self, client: docker.DockerClient) -> tuple[str, ...]:
        """The engine's security options; an engine may be started anew with others."""
        asked_at, options = self._security
        if time.monotonic() - asked_at > _SECURITY_FOR:
            options = tuple(client.info().get("SecurityOptions") or ())
            self._security = (time.monotonic(), options)
        return options

    def purge(self, client: docker.DockerClient, plugin: PluginId) -> None:
        shutil.rmtree(self._home.path / "data" / plugin, ignore_errors=True)
        logs.forget_logs(self._home, plugin)
        self._drop_network(client, plugin)
        docker_collect.drop_images(client, self._home, plugin, ())

    def collect(self, client: docker.DockerClient, plugin: PluginId, keep: Collection[ReleaseId]) -> None:
        docker_collect.drop_images(client, self._home, plugin, keep)
        logs.collect_logs(self._home, plugin, keep)


def _with_memory_news(client: docker.DockerClient, document: dict[str, Any]) -> dict[str, Any]:
    """The document, looked at again for a moment where a kill may have been for want of memory."""
    deadline = time.monotonic() + _MEMORY_NEWS
    while document["State"]["ExitCode"] == _KILLED and not document["State"]["OOMKilled"]:
        if _memory_event(client, document):
            return {**document, "State": {**document["State"], "OOMKilled": True}}
        if time.monotonic() > deadline or not _just_ended(document):
            break
        time.sleep(0.1)
        document = client.api.inspect_container(document["Id"])
    return document


def _memory_event(client: docker.DockerClient, document: dict[str, Any]) -> bool:
    """Whether the engine tells of it among its events: news after the end it notes nowhere else."""
    started = int(seconds(document["State"]["StartedAt"]))
    which = {"container": document["Id"], "event": "oom"}
    # A time to come would be waited for, and whole seconds leave out the latest; the stubs know no parts.
    now: Any = f"{time.time():.9f}"
    events = client.events(since=started, until=now, filters=which, decode=True)
    return any(True for _ in events)


def _just_ended(document: dict[str, Any]) -> bool:
    return abs(time.time() - seconds(document["State"]["FinishedAt"])) < 2 * _MEMORY_NEWS


def _give(path: os.PathLike[str], owner: tuple[int, int]) -> None:
    if os.getuid() == 0:
        os.chown(path, *owner)


def _cannot_start(spec: InstanceSpec, why: str) -> RuntimeFailure:
    what = f"{spec.release.plugin_id} {spec.release.version}"
    if any(words in why.lower() for words in _CANNOT_RUN):
        return ReleaseNotRunnable(
            f"The command of {what} cannot be run in its image: {why}",
            hint="Correct the plugin's command, or its image.",
            plugin=spec.release.plugin_id,
        )
    return RuntimeFailure(
        f"The container of {what} could not be started: {why}", plugin=spec.release.plugin_id
    )
