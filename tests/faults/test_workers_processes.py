"""Workers die, hang and fail to start; releases move under their calls."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from tests.load import load
from tests.moving import begin, ended
from tests.releases import add_release
from tests.running import until
from tests.workers import fresh_client, get, metric, place, serving

pytestmark = pytest.mark.timeout(240)


async def test_a_killed_worker_breaks_its_own_connections_alone(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.life() as running:
        await here.ready(running, 2)
        victim, other = here.workers()
        token = str(running.client.headers["authorization"]).removeprefix("Bearer ")
        async with load(running.base, token, unary=16, streams=False) as counts:
            await until(lambda: counts.calls > 200, "the load to be on")
            mine = {
                connection.raddr.port
                for connection in psutil.Process(victim).net_connections("tcp")
                if connection.status == psutil.CONN_ESTABLISHED and connection.raddr
            }
            psutil.Process(victim).kill()
            await serving(running, 2)
            seen = counts.calls
            await until(lambda: counts.calls > seen + 200, "calls after it")
        broken = counts.calls - counts.unary["200"]
        assert broken <= len(mine), (counts.unary, counts.failures)
        assert not {status for status in counts.unary if status.isdigit() and status != "200"}, counts.unary
        assert other in here.workers()
        assert victim not in here.workers()


async def test_a_stopped_worker_is_noticed_and_replaced(tmp_path: Path) -> None:
    async with place(tmp_path, worker_silence="2") as here, here.life() as running:
        await here.ready(running, 2)
        hung, other = here.workers()
        psutil.Process(hung).suspend()
        # New connections go to the one that takes them.
        for _ in range(8):
            assert (await get(running, "/plugins/mover/api/work")).status_code == 200
        await until(lambda: hung not in here.workers(), "the silent worker to be ended")
        await serving(running, 2)
        assert other in here.workers()


async def test_a_stopped_worker_holds_up_no_rollout(tmp_path: Path) -> None:
    async with place(tmp_path, worker_silence="100") as here, here.life() as running:
        await here.ready(running, 2)
        hung, _ = here.workers()
        psutil.Process(hung).suspend()
        try:
            # Kept connections may be the hung one's.
            async with fresh_client(running) as running.client:
                view = await ended(running, await begin(running, strategy="direct"))
            assert view["phase"] == "succeeded", view["reason"]
        finally:
            psutil.Process(hung).resume()
        for _ in range(16):
            assert (await get(running, "/plugins/mover/api/work")).text == "2.0.0"


async def test_no_call_fails_while_releases_move(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.life() as running:
        await here.ready(running, 2)
        token = str(running.client.headers["authorization"]).removeprefix("Bearer ")
        async with load(running.base, token, unary=8) as counts:
            await until(lambda: counts.calls > 300, "the load to be on")
            steps = [{"weight": 30, "seconds": 1}]
            for version, how in (("2.0.0", {"strategy": "direct"}), ("1.0.0", {"steps": steps})):
                view = await ended(running, await begin(running, version, **how))
                assert view["phase"] == "succeeded", view["reason"]
        assert counts.failed == 0, (counts.unary, counts.failures)
        assert set(counts.versions) == {"1.0.0", "2.0.0"}
        assert set(counts.uploads) == {"good"}, counts.uploads
        assert set(counts.stream_ends) == {"noticed"}, counts.stream_ends
        assert set(counts.socket_ends) == {"1012"}, counts.socket_ends


async def test_calls_are_measured_for_a_rollout(tmp_path: Path) -> None:
    """A candidate that only fails is found out by what workers measured, and goes."""
    async with place(tmp_path) as here:
        add_release(tmp_path / "releases", "3.0.0", fails=True)
        async with here.life() as running:
            await here.ready(running, 2)
            token = str(running.client.headers["authorization"]).removeprefix("Bearer ")
            async with load(running.base, token, unary=4, streams=False):
                steps = [{"weight": 50, "seconds": 30}]
                view = await ended(running, await begin(running, "3.0.0", steps=steps))
            assert view["phase"] == "rolled-back", view
            assert "calls failed" in view["reason"], view["reason"]


async def test_workers_that_die_at_once_are_tried_ever_more_slowly(tmp_path: Path) -> None:
    async with place(tmp_path, 1, backoff_first="0.2", backoff_max="60") as here, here.life() as running:
        await here.ready(running, 1)
        deaths = 0
        while deaths < 4:
            await until(here.workers, "a worker to be started")
            for pid in here.workers():
                os.kill(pid, 9)
            deaths += 1

            def told(number: int = deaths) -> bool:
                return sum("another is started in" in line for line in running.lines) == number

            await until(told, f"death {deaths} to be noticed")
        pauses = [line.rpartition(" in ")[2] for line in running.lines if "another is started in" in line]
        assert pauses == ["0.2 s", "0.4 s", "0.8 s", "1.6 s"]
        await serving(running, 1)
        assert await metric(running, "plugway_worker_losses_total") == 4


async def test_a_worker_without_a_control_process_gives_up(tmp_path: Path) -> None:
    (tmp_path / "home.id").write_text("00000000")
    program = (
        "import gateway.worker, socket, sys\n"
        "gateway.worker.FIRST_WORD = 1.0\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "gateway.worker.main(sys.argv[1], 'w0', str(listener.detach()))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path), stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert b"No control process was there" in said
    assert not list(tmp_path.rglob("*.json"))
