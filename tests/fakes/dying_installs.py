"""`plugway serve` that kills itself at a chosen step of an install, an update or an uninstall.

The file named by DIE_AT holds the step while a death is wanted.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.__main__ import main
from gateway.registry.store import RegistryStore
from gateway.runtimes import docker_load
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.process import ProcessRuntime
from gateway.sources.carried_images import CarriedImages
from gateway.sources.external import ExternalPlugins
from gateway.supervisor.loop import Supervisor

BEFORE = (
    ("unpacked", ExternalPlugins, "publish"),
    ("laid-out", ExternalPlugins, "_move"),
    ("loading", docker_load, "_send"),
)
AFTER = (
    ("published", ExternalPlugins, "publish"),
    ("kept", CarriedImages, "keep"),
    ("loaded", DockerRuntime, "prepare"),
    ("added", RegistryStore, "add_plugin"),
    ("launched", ProcessRuntime, "start"),
    ("launched", DockerRuntime, "start"),
    ("known", RegistryStore, "add_release"),
    ("switched-off", RegistryStore, "update_plugin"),
    ("stopped", Supervisor, "stopped"),
    ("forgotten", RegistryStore, "remove_plugin"),
)


def die_at(step: str) -> None:
    wanted = Path(os.environ["DIE_AT"])
    if wanted.exists() and wanted.read_text() == step:
        os.kill(os.getpid(), signal.SIGKILL)


def dying_before(step: str, act: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(act)
    def acting(*args: Any, **kwargs: Any) -> Any:
        die_at(step)
        return act(*args, **kwargs)

    return acting


def dying_after(step: str, act: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(act)
    async def acting(*args: Any, **kwargs: Any) -> Any:
        result = await act(*args, **kwargs)
        die_at(step)
        return result

    return acting


if __name__ == "__main__":
    for dying, places in ((dying_before, BEFORE), (dying_after, AFTER)):
        for name, owner, method in places:
            setattr(owner, method, dying(name, getattr(owner, method)))
    main()
