"""A real gateway as a process of its own, as `make run` starts it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.processes import of_home

ROOT = Path(__file__).resolve().parents[1]
# What a test waits at most for something that takes under a second on an idle machine.
PATIENCE = 40.0


async def until(probe: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Ask ``probe`` (sync or async) until it answers something true, and return that."""
    end = asyncio.get_running_loop().time() + patience
    while True:
        found = probe()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"waited {patience:g} s in vain for {what}")
        await asyncio.sleep(0.05)


@dataclass
class RunningGateway:
    """One gateway process and a client that is signed in with its admin token."""

    home: Path
    process: asyncio.subprocess.Process
    base: str
    login: str
    client: httpx.AsyncClient
    lines: list[str] = field(default_factory=list)

    async def plugin(self, name: str) -> dict[str, Any]:
        answer = await self.client.get(f"/api/v1/plugins/{name}")
        return dict(answer.raise_for_status().json())

    async def healthy(self, name: str, patience: float = PATIENCE) -> dict[str, Any]:
        return dict(await self.in_state(name, "healthy", patience))

    async def in_state(self, name: str, state: str, patience: float = PATIENCE) -> dict[str, Any]:
        seen: dict[str, Any] = {}

        async def probe() -> bool:
            answer = await self.client.get(f"/api/v1/plugins/{name}")
            seen.clear()
            # The shipped plugins are installed while the first requests come in already.
            seen.update(answer.json() if answer.status_code == 200 else {"state": "not installed"})
            return bool(seen["state"] == state)

        try:
            await until(probe, f"{name} to be {state}", patience)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen.get('state')}: {seen.get('reason')}") from None
        return seen

    def instances(self) -> list[psutil.Process]:
        """Processes of the process runtime that carry this home's mark."""
        return of_home((self.home / "home.id").read_text().strip())

    async def stop(self, number: int = signal.SIGINT) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        # Containers of a rollout that is under way get their own time to end.
        return await asyncio.wait_for(self.process.wait(), 2 * PATIENCE)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def gateway(
    home: Path,
    runtime: str = "process",
    settings: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    port: int = 0,
    module: str = "gateway",
) -> AsyncIterator[RunningGateway]:
    """Start ``plugway serve``; port 0 takes a free one. On exit it is stopped in good order.

    ``settings`` are environment variables; ``module`` is what is run in the gateway's place.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PLUGWAY_")},
        "PLUGWAY_INSTALL": "",
        **(settings or {}),
    }
    if image := os.environ.get("PLUGWAY_BASE_IMAGE"):
        environment.setdefault("PLUGWAY_BASE_IMAGE", image)
    place = ["--port", str(port), "--home", str(home)]
    command = ["-m", module, "serve", "--json", *place, "--runtime", runtime]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=cwd, env=environment, start_new_session=True,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    lines: list[str] = []
    reading = asyncio.create_task(_read(process, lines))

    def login_line() -> str | None:
        if process.returncode is not None:
            raise AssertionError("the gateway ended at once:\n" + "\n".join(lines))
        found = [re.search(r"(https?://\S+)/login\?code=(\S+)", line) for line in lines]
        return next((match[0] for match in found if match), None)

    try:
        login = await until(login_line, "the gateway to listen")
        base = login.split("/login")[0]
        token = (home / "admin.token").read_text().strip()
        verify: ssl.SSLContext | bool = True
        if base.startswith("https://"):
            made = home / "tls" / "ca.pem"
            verify = ssl.create_default_context(cafile=environment.get("TEST_AUTHORITY", str(made)))
        async with httpx.AsyncClient(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False,
            verify=verify,
        ) as client:  # fmt: skip
            running = RunningGateway(home, process, base, login, client, lines)
            try:
                yield running
            finally:
                # A failed test leaves no plugin behind either.
                await running.stop()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        reading.cancel()


async def _read(process: asyncio.subprocess.Process, lines: list[str]) -> None:
    assert process.stdout
    async for raw in process.stdout:
        text = raw.decode(errors="replace").rstrip()
        try:
            document = json.loads(text)
            lines.append(f"{document['label']}: {document['text']}" if "label" in document else text)
        except (ValueError, TypeError):
            lines.append(text)
