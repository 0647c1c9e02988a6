"""`plugway dev` as an author runs it, and a new plugin in each language for it to run."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from gateway.authoring.new import write_plugin
from tests.command import PROGRAM, environment
from tests.node_sdk import NPM_INSTALL, npm
from tests.parts import need_go
from tests.running import PATIENCE, RunningGateway, until

PLUGIN = "order-desk"


@dataclass(frozen=True, slots=True)
class Greeting:
    """Where the template of a language says how callers are greeted."""

    file: str
    code: str
    code_for: str
    """Code in its place that says ``@`` alone."""

    def say(self, directory: Path, good: str, text: str) -> None:
        """Blocking: save the file ``good`` with a greeting of ours."""
        assert good.count(self.code) == 1
        (directory / self.file).write_text(good.replace(self.code, self.code_for.replace("@", text)))


GREETINGS = {
    "python": Greeting("order_desk_plugin/app.py", 'f"{plugin.settings.greeting}, {user}!"', '"@"'),
    "node": Greeting("app.js", "`${plugin.settings.greeting}, ${user}!`", '"@"'),
    "go": Greeting("app.go", '"%s, %s!"', '"@%.0s%.0s"'),
}


def new_plugin(language: str, parent: Path) -> Path:
    """Its directory, ready to be run. Blocking; skips the test where a part is missing."""
    if language == "go":
        need_go()
    directory = write_plugin(PLUGIN, language, parent).directory
    if language == "node":
        npm(*NPM_INSTALL[1:], directory=directory)
    return directory


@dataclass
class Dev:
    """A run of it, and what it has said, each with the time of the steady clock as ``heard``."""

    process: asyncio.subprocess.Process
    said: list[dict[str, str]] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)

    def texts(self, kind: str) -> list[str]:
        return [one["text"] for one in self.said if one["kind"] == kind]

    def times(self, kind: str, text: str) -> list[float]:
        """When it said so, on the steady clock."""
        both = zip(self.heard, self.said, strict=True)
        return [at for at, one in both if one["kind"] == kind and text in one["text"]]

    async def says(self, kind: str, text: str, times: int = 1) -> str:
        def found() -> str:
            hits = [one for one in self.texts(kind) if text in one]
            assert self.process.returncode is None or len(hits) >= times, self.said
            return hits[times - 1] if len(hits) >= times else ""

        # A gateway and a plugin may have to start first, and on a busy machine.
        return str(await until(found, f"{kind} to say {text!r} {times} times", 2 * PATIENCE))

    async def end(self, number: int) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 80)


@asynccontextmanager
async def dev(directory: Path, *words: str, **settings: str) -> AsyncIterator[Dev]:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "dev", str(directory), "--json", *words, env=environment(**settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    run = Dev(process)

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                said = {}
            run.heard.append(time.monotonic())
            run.said.append(said if "kind" in said else {"kind": "other", "text": line.decode()})

    reading = asyncio.create_task(read())
    try:
        yield run
    finally:
        if process.returncode is None:
            await run.end(signal.SIGINT)
        await reading


def at(running: RunningGateway) -> dict[str, str]:
    """The settings by which the program finds a gateway."""
    return {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(running.home)}


async def greeted(client: httpx.AsyncClient) -> str:
    answer = await client.get(f"/plugins/{PLUGIN}/api/greeting")
    return str(answer.json()["text"]) if answer.status_code == 200 else f"{answer.status_code}"
