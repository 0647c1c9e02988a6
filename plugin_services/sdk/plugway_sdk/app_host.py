"""What every call of one server shares, and the app's lifespan."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from plugway_sdk.calls import Calls
from plugway_sdk.metrics import CallStats
from plugway_sdk.plugin import AsgiApp, Message
from plugway_sdk.timing import Timing

log = logging.getLogger("plugway_sdk")


class StartupFailed(Exception):
    """The app's own startup said that it failed."""


class AppHost:
    """Runs the app's lifespan and holds what calls need: the app, its state, counts, timing."""

    def __init__(self, app: AsgiApp, timing: Timing) -> None:
        self.app = app
        self.timing = timing
        self.loop = asyncio.get_running_loop()
        self.calls = Calls()
        self.stats = CallStats()
        self.state: dict[str, Any] = {}
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message | None] = asyncio.Queue()
        self._lifespan: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run the app's startup; raises :class:`StartupFailed`. An app without lifespan is fine."""
        self._lifespan = asyncio.create_task(self._run())
        answer = await self._ask("startup")
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            raise StartupFailed(answer.get("message") or "the app's startup failed; see the log above")

    async def stop(self) -> None:
        answer = await self._ask("shutdown") if self._lifespan and not self._lifespan.done() else None
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            log.error("the app's shutdown failed: %s", answer.get("message", ""))
        if self._lifespan is not None:
            self._lifespan.cancel()
            await asyncio.gather(self._lifespan, return_exceptions=True)

    async def _ask(self, what: str) -> Message | None:
        await self._inbox.put({"type": f"lifespan.{what}"})
        return await self._answers.get()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self.app(scope, self._inbox.get, self._answers.put)
        except Exception as error:  # noqa: BLE001 - see below
            # By the ASGI specification an app that raises here has no lifespan. One that raises
            # after asking for its startup tells so itself; the log keeps the reason of the others.
            log.debug("the app has no lifespan: %r", error)
        finally:
            self._answers.put_nowait(None)
