"""The compose file: gateway and plugins as containers apart from each other, on images built here."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.parts import need_compose, need_docker
from tests.running import ROOT, until

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(400)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Project:
    """One compose project of the test's own."""

    def __init__(self, command: list[str], home: Path) -> None:
        self.name = f"plugway-test-{secrets.token_hex(3)}"
        self.port = free_port()
        self._command = [*command, "-p", self.name, "-f", str(ROOT / "deploy" / "compose.yaml")]
        self._environment = {**os.environ, "PORT": str(self.port), "PLUGWAY_HOME": str(home)}

    async def run(self, *words: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            [*self._command, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
async def project(tmp_path: Path) -> AsyncIterator[Project]:
    base, command = need_docker(), need_compose()
    made = Project(command, tmp_path / "home")
    environment = {**os.environ, "PLUGWAY_BASE_IMAGE": base, "PLUGWAY_HOME": str(tmp_path / "home")}
    await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(ROOT / "deploy" / "images.py")],
        env=environment,
        cwd=ROOT,
        check=True,
        timeout=300,
        capture_output=True,
    )
    try:
        await made.run("up", "-d")
        yield made
    finally:
        await made.run("down", "-v", "--timeout", "3")


async def test_gateway_and_plugins_run_apart(project: Project) -> None:
    async with httpx.AsyncClient(base_url=f"http://localhost:{project.port}", trust_env=False) as client:

        async def ready() -> bool:
            try:
                return (await client.get("/readyz")).status_code == 200
            except httpx.HTTPError:
                return False

        await until(ready, "the gateway in its container", 90)
        token = (await project.run("exec", "-T", "gateway", "cat", "/var/lib/plugway/admin.token")).strip()
        client.headers["authorization"] = f"Bearer {token}"

        async def healthy() -> bool:
            plugins = (await client.get("/api/v1/plugins")).json()["plugins"]
            return {p["id"] for p in plugins if p["state"] == "healthy"} >= {"notes", "redis-management"}

        await until(healthy, "both plugins to be healthy", 60)
        made = await client.post("/plugins/notes/api/notes", json={"title": "from outside", "text": "hello"})
        assert made.status_code == 201, made.text

        await project.run("kill", "-s", "SIGKILL", "notes")

        async def honest() -> httpx.Response | None:
            answer = await client.get("/plugins/notes/api/notes")
            return answer if answer.status_code != 200 else None

        refused = await until(honest, "an honest refusal", 30)
        assert refused.status_code == 503
        assert refused.json()["plugin"] == "notes"
        await project.run("up", "-d", "notes")
        await until(healthy, "notes to be back", 60)
        assert "from outside" in (await client.get("/plugins/notes/api/notes")).text, "its volume is its own"
