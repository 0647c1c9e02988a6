"""The control process dies, hangs and comes back, while its workers carry calls."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import psutil
import pytest

from tests.load import load
from tests.running import RunningGateway, until
from tests.workers import get, marked, metric, place, plugin_pids, serving, worker_pids

pytestmark = pytest.mark.timeout(240)


def token_of(running: RunningGateway) -> str:
    return str(running.client.headers["authorization"]).removeprefix("Bearer ")


async def test_killed_and_started_again_no_call_fails(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with here.life() as first:
            await here.ready(first, 2)
            workers, plugins = here.workers(), plugin_pids(here.home)
            async with load(first.base, token_of(first)) as counts:
                await until(lambda: counts.calls > 200, "the load to be on")
                await first.kill()
                seen = counts.calls
                await until(lambda: counts.calls > seen + 200, "calls without a control process")
                away = await get(first, "/api/v1/plugins")
                assert away.status_code == 503
                assert away.headers["content-type"] == "application/problem+json"
                assert int(away.headers["retry-after"]) >= 1
                assert away.json()["reason"] == "control-away"
                assert (await get(first, "/healthz")).json() == {"status": "ok"}
                assert (await get(first, "/readyz")).json()["ready"] is True
                async with here.life() as second:
                    assert second.base == first.base
                    await second.healthy("mover")
                    await serving(second, 2)
                    assert here.workers() == workers, "none was started, none ended"
                    assert plugin_pids(here.home) == plugins
                    seen = counts.calls
                    await until(lambda: counts.calls > seen + 200, "calls with the new control process")
                    assert counts.failed == 0, (counts.unary, counts.failures)
                    assert set(counts.uploads) <= {"good"}, counts.uploads
                    assert not counts.stream_ends, counts.stream_ends
                    assert not counts.socket_ends, counts.socket_ends
                    # What it publishes is followed: the new one is not merely looked at.
                    answer = await second.client.post("/api/v1/plugins/mover/disable")
                    assert answer.status_code < 300, answer.text

                    async def refused() -> bool:
                        return (await get(second, "/plugins/mover/api/work")).status_code == 503

                    await until(refused, "the workers to follow the new control process")
        await here.gone()


async def test_killed_again_and_again(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with here.life() as first:
            await here.ready(first, 2)
            workers = here.workers()
            async with load(first.base, token_of(first), streams=False) as counts:
                await first.kill()
                for _ in range(3):
                    async with here.life() as next_:
                        await serving(next_, 2)
                        assert here.workers() == workers, "\n".join(next_.lines)
                        await next_.kill()
            assert counts.failed == 0, (counts.unary, counts.failures)
            assert counts.calls > 0
            async with here.life() as last:
                await serving(last, 2)
                assert here.workers() == workers, "\n".join(last.lines)
        await here.gone()


async def test_a_worker_killed_while_it_was_away_is_replaced_by_the_next(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with here.life() as first:
            await here.ready(first, 2)
            await first.kill()
            gone, stays = here.workers()
            psutil.Process(gone).kill()
            assert (await get(first, "/plugins/mover/api/work")).status_code == 200
            async with here.life() as second:
                await serving(second, 2)
                assert stays in here.workers()
                assert gone not in here.workers()
        await here.gone()


async def test_a_worker_stopped_while_it_was_away_is_ended_by_the_next(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with here.life() as first:
            await here.ready(first, 2)
            await first.kill()
            hung, stays = here.workers()
            psutil.Process(hung).suspend()
            async with here.life() as second:
                await serving(second, 2)
                assert hung not in here.workers()
                assert stays in here.workers()
        await here.gone()


async def test_all_workers_dead_the_next_starts_on_the_port(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with here.life() as first:
            await here.ready(first, 2)
            await first.kill()
            for pid in here.workers():
                psutil.Process(pid).kill()
            async with here.life() as second:
                await serving(second, 2)
                assert (await get(second, "/plugins/mover/api/work")).status_code == 200
        await here.gone()


async def test_gone_for_good_the_workers_end(tmp_path: Path) -> None:
    async with place(tmp_path, worker_alone="2") as here, here.life() as first:
        await here.ready(first, 2)
        assert len(here.workers()) == 2
        await first.kill()
        await until(lambda: not worker_pids(here.home), "the workers to end by themselves")


async def test_stopped_it_counts_as_away_and_comes_back(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.life() as running:
        await here.ready(running, 2)
        workers = here.workers()
        async with load(running.base, token_of(running), streams=False) as counts:
            running.process.send_signal(signal.SIGSTOP)
            try:

                async def away() -> bool:
                    return (await asyncio.wait_for(get(running, "/api/v1/plugins"), 2)).status_code == 503

                async def told() -> bool:
                    try:
                        return await away()
                    except TimeoutError:
                        return False

                await until(told, "the management side to be called away")
                seen = counts.calls
                await until(lambda: counts.calls > seen + 100, "calls meanwhile")
            finally:
                running.process.send_signal(signal.SIGCONT)
            await serving(running, 2)
        assert counts.failed == 0, (counts.unary, counts.failures)
        assert here.workers() == workers


async def test_the_home_removed_nothing_goes_on(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.life() as running:
        await here.ready(running, 2)
        workers = here.workers()
        await running.kill()
        here.home.rename(tmp_path / "away")
        await until(lambda: not any(map(psutil.pid_exists, workers)), "the workers to end")
        (tmp_path / "away").rename(here.home)
        assert await asyncio.to_thread(marked, here.home, "PLUGWAY_WORKER") == []


async def test_failing_calls_are_heard_by_the_control_process(tmp_path: Path) -> None:
    """The passive voice: what workers meet makes it ask the instance at once, and route past it."""
    async with place(tmp_path, check_interval="20", restart_after="60") as here, here.life() as running:
        await here.ready(running, 2)
        (pid,) = plugin_pids(here.home)
        assert await metric(running, 'plugway_plugin_up{plugin="mover"}') == 1
        psutil.Process(pid).suspend()
        try:
            calls = [asyncio.create_task(get(running, "/plugins/mover/api/work")) for _ in range(4)]
            psutil.Process(pid).kill()
            await asyncio.gather(*calls, return_exceptions=True)
            await running.healthy("mover")
        finally:
            assert (await get(running, "/plugins/mover/api/work")).status_code == 200
