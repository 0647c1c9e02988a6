"""Which runtime this gateway uses, and why, in words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.home import Home
from gateway.model import FindLogin
from gateway.runtimes.base import Runtime, RuntimeFailure
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.runtimes.docker import DockerRuntime


class RuntimeMissing(RuntimeFailure):
    """The runtime that was asked for cannot be used on this machine."""

    key, title = "runtime-missing", "The runtime is not available"


async def choose_runtime(
    settings: Settings, home: Home, find_login: FindLogin = lambda host: None
) -> tuple[Runtime, str]:
    """The runtime and a sentence on why it; raises :class:`RuntimeMissing`.

    Instances that another runtime has left on this home are ended, as nobody would see them any more.
    """
    runtime, why = await _chosen(settings, home, find_login)
    await _end_instances_of_others(runtime, settings, home)
    return runtime, why


async def _chosen(settings: Settings, home: Home, find_login: FindLogin) -> tuple[Runtime, str]:
    if settings.runtime == "process":
        return ProcessRuntime(home, settings), "process: asked for; plugins run without isolation"
    docker = _docker(home, settings, find_login)
    diagnosis = await docker.diagnose()
    missing = "" if diagnosis.available else diagnosis.reason
    if diagnosis.available and settings.runtime == "auto":
        try:
            await docker.have_base_image()
        except RuntimeFailure as failure:
            missing = f"{diagnosis.reason} {failure.detail}"
    if not missing:
        return docker, f"docker: {diagnosis.reason}"
    await docker.close()
    if settings.runtime == "docker":
        raise RuntimeMissing(
            f"Docker was asked for, but cannot be used. {missing}",
            hint="Start Docker, check that this user may use it, or set RUNTIME=process.",
        )
    return ProcessRuntime(home, settings), f"process, without isolation: {missing}"


async def _end_instances_of_others(chosen: Runtime, settings: Settings, home: Home) -> None:
    process = chosen.name == "process"
    trace = "*/io" if process else "*/process.json"
    # Only where something was left: an engine that is slow or away is not waited for.
    if not await asyncio.to_thread(lambda: any(home.run_root.glob(trace))):
        return
    other: Runtime = _docker(home, settings, lambda host: None) if process else ProcessRuntime(home, settings)
    try:
        if not (await other.diagnose()).available:
            return
        for instance in await other.list():
            await other.stop(instance.id, settings.stop_grace)
    finally:
        await other.close()


def _docker(home: Home, settings: Settings, find_login: FindLogin) -> DockerRuntime:
    # Imported here, as a gateway that runs processes needs no client of an engine.
    from gateway.runtimes.docker import DockerRuntime

    return DockerRuntime(home, settings, find_login=find_login)
