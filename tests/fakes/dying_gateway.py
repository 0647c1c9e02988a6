"""`plugway serve` that kills itself at a chosen transition of a rollout, right after it was committed.

The file named by DIE_AT holds `phase step delay` while a death is wanted; step -1 is any. With a delay of 0
nothing that follows from the transition has begun; with seconds, its acts are under way.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from gateway.__main__ import main
from gateway.registry.records import RolloutRecord
from gateway.registry.store import RegistryStore

_COMMIT = RegistryStore.put_rollout


def wanted() -> tuple[str, int, float] | None:
    try:
        phase, step, delay = Path(os.environ["DIE_AT"]).read_text().split()
    except FileNotFoundError:
        return None
    return phase, int(step), float(delay)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def put_rollout(store: RegistryStore, record: RolloutRecord, steady: str, **changes: Any) -> None:
    await _COMMIT(store, record, steady, **changes)
    found = await asyncio.to_thread(wanted)
    if found and found[0] == record.document["phase"] and found[1] in (-1, record.document["step"]):
        if not found[2]:
            die()
        asyncio.get_running_loop().call_later(found[2], die)


if __name__ == "__main__":
    RegistryStore.put_rollout = put_rollout  # type: ignore[method-assign, assignment]  # the one place to die at
    main()
