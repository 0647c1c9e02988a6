"""Runs plugins as processes of this machine: no isolation, and no engine needed.

Nothing is held only in memory: the run directories and the marks in the processes'
environments are what a next gateway adopts from.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from typing import Any, Literal, TypeVar

from gateway.home import Home
from gateway.model import InstanceId, InstanceState, PluginId, Release, ReleaseId, VerifiedRelease
from gateway.runtimes import launch, logs
from gateway.runtimes.base import Diagnosis, InstanceSpec, LogLine, Progress, RuntimeFailure, RuntimeInstance
from gateway.runtimes.listen import TcpListening, UnixListening
from gateway.runtimes.process_host import ProcessHost, as_starting, placeholder
from gateway.runtimes.watch import Broadcast, ExitWatch
from gateway.settings import Settings

T = TypeVar("T")
_LOOK_AGAIN = 0.02


class ProcessRuntime:
    """See :class:`gateway.runtimes.base.Runtime`."""

    name = "process"

    def __init__(self, home: Home, settings: Settings, transport: Literal["unix", "tcp"] = "unix") -> None:
        self._home = home
        listening = UnixListening() if transport == "unix" else TcpListening()
        self._host = ProcessHost(home, settings, listening)
        self._changes = Broadcast()
        self._watch = ExitWatch(self._changes)
        self._locks: defaultdict[InstanceId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._starting: dict[InstanceId, InstanceSpec] = {}

    async def diagnose(self) -> Diagnosis:
        return Diagnosis(
            available=True,
            reason="Plugins run as processes of this user, without isolation.",
            isolation=(),
        )

    async def _call(self, act: Callable[..., T], *arguments: Any) -> T:
        """Run ``act`` in a thread; raises :class:`RuntimeFailure` for what the system refuses."""
        try:
            return await asyncio.to_thread(act, *arguments)
        except OSError as error:
            raise RuntimeFailure(
                f"The operating system refused: {error.strerror or error}.",
                hint="Look at the free space, the open files and the permissions of the home directory.",
            ) from error

    def check_kind(self, release: Release) -> None:
        launch.check_kind(release)

    async def prepare(self, release: VerifiedRelease, progress: Progress) -> None:
        del progress  # Nothing here takes time.
        await self._call(launch.resolved_command, release)

    async def start(self, spec: InstanceSpec) -> RuntimeInstance:
        async with self._locks[spec.id]:
            self._starting[spec.id] = spec
            try:
                instance = await self._call(self._host.start, spec)
            finally:
                del self._starting[spec.id]
        self._watch_over([instance])
        self._changes.wake()
        return instance

    async def stop(self, instance: InstanceId, grace: float) -> None:
        async with self._locks[instance]:
            record = await self._call(self._host.ask_to_end, instance)
            deadline = time.monotonic() + grace
            while record is not None and time.monotonic() < deadline:
                if await self._call(self._host.gone, record):
                    break
                await asyncio.sleep(_LOOK_AGAIN)
            await self._call(self._host.remove, instance)
        self._changes.wake()

    async def list(self) -> Sequence[RuntimeInstance]:
        found = {instance.id: instance for instance in await self._call(self._host.list)}
        for id_, spec in self._starting.items():
            found[id_] = as_starting(found[id_]) if id_ in found else placeholder(spec)
        self._watch_over(found.values())
        return list(found.values())

    def _watch_over(self, instances: Iterable[RuntimeInstance]) -> None:
        for instance in instances:
            if instance.state is InstanceState.RUNNING:
                self._watch.watch(int(instance.handle))

    def changes(self) -> AsyncIterator[None]:
        return self._changes.listen()

    def logs(self, instance: InstanceId, *, tail: int, follow: bool) -> AsyncIterator[LogLine]:
        return logs.follow_file(self._home.log_file(instance), tail=tail, follow=follow)

    async def purge(self, plugin: PluginId) -> None:
        await self._call(self._host.purge, plugin)

    async def collect(self, plugin: PluginId, keep: Collection[ReleaseId]) -> None:
        await self._call(logs.collect_logs, self._home, plugin, keep)

    async def close(self) -> None:
        self._changes.end()
        await self._watch.close()
