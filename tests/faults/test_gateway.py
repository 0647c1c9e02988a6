"""The whole gateway, as a process, while its parts are killed under it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

from tests.parts import base_image
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(180)


def settings_for(runtime: str) -> dict[str, str]:
    wanted = {"PLUGWAY_INSTALL": "notes,redis-management"}
    if runtime == "docker":
        wanted["PLUGWAY_BASE_IMAGE"] = base_image()
    return wanted


class Ground:
    """What really runs for a home, read past the gateway: processes or containers."""

    def __init__(self, running: RunningGateway, runtime: str) -> None:
        self.running, self.runtime = running, runtime
        self.client = docker.from_env() if runtime == "docker" else None

    def containers(self) -> list[Any]:
        assert self.client
        mark = (self.running.home / "home.id").read_text().strip()
        return list(
            self.client.containers.list(
                all=True, filters={"label": f"plugway.home={mark}"}, sparse=True, ignore_removed=True
            )
        )

    def pids(self, plugin: str) -> list[int]:
        """Process ids of the plugin's main processes on this machine."""
        if self.client is None:
            return sorted(
                p.pid for p in self.running.instances() if p.environ()["PLUGWAY_INSTANCE"].startswith(plugin)
            )
        found = []
        for container in self.containers():
            container.reload()
            if container.labels["plugway.plugin"] == plugin and container.status == "running":
                # The first process is the init that reaps; the plugin is its child.
                init = psutil.Process(container.attrs["State"]["Pid"])
                found += [child.pid for child in init.children()] or [init.pid]
        return sorted(found)

    def close(self) -> None:
        if self.client:
            self.client.close()


async def test_killed_plugin_comes_back_and_the_other_never_noticed(tmp_path: Path, runtime: str) -> None:
    async with gateway(tmp_path / "home", runtime, settings_for(runtime)) as running:
        await running.healthy("notes", 120)
        await running.healthy("redis-management", 120)
        ground = Ground(running, runtime)
        statuses: list[int] = []
        stop = asyncio.Event()

        async def use_the_other() -> None:
            while not stop.is_set():
                answer = await running.client.get("/plugins/redis-management/api/openapi.json")
                statuses.append(answer.status_code)
                await asyncio.sleep(0.01)

        using = asyncio.create_task(use_the_other())
        (victim,) = await asyncio.to_thread(ground.pids, "notes")
        os.kill(victim, signal.SIGKILL)
        refused = await until(lambda: _status_not(running, 200), "a refusal while notes is away", 10)
        assert refused.status_code == 503, refused.text
        problem = refused.json()
        assert problem["plugin"] == "notes"
        assert problem["reason"] in ("starting", "unhealthy")
        assert int(refused.headers["retry-after"]) >= 1
        await until(lambda: _back(running), "notes to be started again")
        answer = await running.client.get("/plugins/notes/api/notes")
        assert answer.status_code == 200, "healthy in the registry is healthy on the wire"
        stop.set()
        await using
        assert set(statuses) == {200}
        assert len(statuses) > 20
        ground.close()


async def _back(running: RunningGateway) -> bool:
    view = await running.plugin("notes")
    return bool(view["state"] == "healthy" and view["restarts"] >= 1)


async def _status_not(running: RunningGateway, status: int) -> Any:
    answer = await running.client.get("/plugins/notes/api/notes")
    return answer if answer.status_code != status else None


async def test_killed_gateway_adopts_what_runs(tmp_path: Path, runtime: str) -> None:
    home = tmp_path / "home"
    async with gateway(home, runtime, settings_for(runtime)) as first:
        await first.healthy("notes", 120)
        await first.healthy("redis-management", 120)
        ground = Ground(first, runtime)
        names = ("notes", "redis-management")
        before = {name: await asyncio.to_thread(ground.pids, name) for name in names}
        assert all(len(pids) == 1 for pids in before.values())
        await first.kill()
        after_kill = {name: await asyncio.to_thread(ground.pids, name) for name in names}
        assert after_kill == before, "plugins outlive their gateway"
        async with gateway(home, runtime, settings_for(runtime)) as second:
            answer = await second.client.get("/plugins/notes/api/notes")
            assert answer.status_code == 200, "the first call after the start is routed"
            for name in names:
                assert (await second.healthy(name))["restarts"] == 0
                assert await asyncio.to_thread(ground.pids, name) == before[name], (
                    "none restarted, none doubled"
                )
        left = await asyncio.to_thread(ground.pids, "notes")
        assert left == [], "ended in good order, the second gateway leaves nothing"
        ground.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_nothing_is_left_after_an_interrupt(tmp_path: Path, runtime: str, number: int) -> None:
    home = tmp_path / "home"
    async with gateway(home, runtime, settings_for(runtime)) as running:
        await running.healthy("notes", 120)
        ground = Ground(running, runtime)
        assert await running.stop(number) == 0
        assert running.instances() == []
        if runtime == "docker":
            assert await asyncio.to_thread(ground.containers) == []
        sockets = [path for path in home.rglob("*") if path.is_socket()]
        assert sockets == []
        ground.close()


async def test_interrupt_while_plugins_are_still_starting(tmp_path: Path) -> None:
    async with gateway(tmp_path / "home", "process", settings_for("process")) as running:
        assert await running.stop() == 0
        assert running.instances() == []


async def test_no_secret_in_environment_inspect_logs_or_errors(tmp_path: Path, runtime: str) -> None:
    secret = "hunter2-9f31c7"
    home = tmp_path / "home"
    async with gateway(home, runtime, settings_for(runtime)) as running:
        await running.healthy("redis-management", 120)
        one = {"url": "redis://127.0.0.1:6379/0", "password": secret}
        answer = await running.client.put(
            "/api/v1/plugins/redis-management/settings", json={"values": {"connections": {"local": one}}}
        )
        assert answer.status_code == 200, answer.text
        shown = await running.client.get("/api/v1/plugins/redis-management/settings")
        assert secret not in answer.text + shown.text
        assert "/connections/local/password" in shown.json()["secretsSet"]
        # A call that makes the plugin use it, and fail with it.
        failed = await running.client.get("/plugins/redis-management/api/server")
        assert secret not in failed.text
        ground = Ground(running, runtime)
        for pid in await asyncio.to_thread(ground.pids, "redis-management"):
            process = psutil.Process(pid)
            assert secret not in json.dumps(process.environ())
            assert secret not in " ".join(process.cmdline())
        if ground.client:
            for container in await asyncio.to_thread(ground.containers):
                inspected = await asyncio.to_thread(ground.client.api.inspect_container, container.id)
                assert secret not in json.dumps(inspected)
        logs = await running.client.get("/api/v1/plugins/redis-management/logs")
        assert secret not in logs.text
        ground.close()
        await running.stop()
        assert secret not in "\n".join(running.lines)
    for file in home.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), f"in clear in {file.name}"
