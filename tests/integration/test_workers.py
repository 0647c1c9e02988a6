"""Calls carried by processes beside the control process: what callers and operators see is the same."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from tests.load import load
from tests.running import gateway, until
from tests.workers import Place, get, metric, place, serving

pytestmark = pytest.mark.timeout(240)


def connections(pid: int) -> int:
    found = psutil.Process(pid).net_connections("tcp")
    return sum(connection.status == psutil.CONN_ESTABLISHED for connection in found)


async def test_workers_carry_calls_and_pass_on_the_rest(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.life() as running:
        await here.ready(running, 2)
        answer = await running.client.get("/plugins/mover/api/work")
        assert (answer.status_code, answer.text) == (200, "1.0.0")
        assert (await running.client.get("/plugins/nobody/api/")).status_code == 404
        assert (await running.client.get("/healthz")).json() == {"status": "ok"}
        assert (await running.client.get("/readyz")).json() == {"ready": True, "reason": ""}
        page = await running.client.get("/", headers={"accept": "text/html"})
        assert page.status_code == 200
        assert "content-security-policy" in page.headers
        assert page.headers.get_list("date") == [page.headers["date"]]
        head = await running.client.head("/")
        assert (head.status_code, head.content) == (200, b"")
        async with httpx.AsyncClient(base_url=running.base, trust_env=False) as stranger:
            assert (await stranger.get("/plugins/mover/api/work")).status_code == 401
            assert (await stranger.get("/api/v1/plugins")).status_code == 401
        assert "worker" in " ".join(running.lines)
        assert await running.stop(signal.SIGINT) == 0
        await here.gone()
        assert [path for path in here.home.rglob("*") if path.is_socket()] == []


async def test_a_body_too_large_for_the_management_api_is_refused(tmp_path: Path) -> None:
    async with place(tmp_path, 1) as here, here.life() as running:

        async def body() -> object:
            for _ in range(64):
                yield b"x" * 65536

        answer = await running.client.post("/api/v1/plugins", content=body())  # type: ignore[arg-type]
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


async def test_events_reach_the_client_and_end_with_it(tmp_path: Path) -> None:
    async with place(tmp_path, 1) as here, here.life() as running:
        await here.ready(running, 1)
        (worker,) = here.workers()
        async with running.client.stream("GET", "/api/v1/events", timeout=60) as events:
            assert events.headers["content-type"].startswith("text/event-stream")
            restart = asyncio.create_task(running.client.post("/api/v1/plugins/mover/restart"))
            async for line in events.aiter_lines():
                if "plugin.state" in line:
                    break
            assert (await restart).status_code < 300

        def streams() -> int:
            return len(psutil.Process(running.process.pid).net_connections("unix"))

        before = streams()
        async with running.client.stream("GET", "/api/v1/events") as again:
            assert again.status_code == 200
            assert streams() > before
        await until(lambda: streams() <= before, "the control process to hear that the client left")
        assert worker in here.workers()


async def test_connections_are_shared(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.life() as running:
        await here.ready(running, 2)
        workers = here.workers()
        before = {pid: connections(pid) for pid in workers}
        token = running.client.headers["authorization"].removeprefix("Bearer ")
        async with load(running.base, token, unary=32, streams=False) as counts:
            await until(lambda: counts.calls > 300, "calls")
            more = {pid: connections(pid) - before[pid] for pid in workers}
        assert counts.failed == 0, counts.failures
        assert min(more.values()) >= 1, more


async def test_a_session_that_ends_ends_everywhere(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.life() as running:
        await here.ready(running, 2)
        login = re.search(r"code=(\S+)", running.login)
        assert login
        headers = {"origin": running.base}
        async with httpx.AsyncClient(base_url=running.base, headers=headers, trust_env=False) as browser:
            assert (await browser.get(f"/login?code={login[1]}")).status_code == 303
            cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
            assert await _statuses(here, cookie) == {200}
            assert (await browser.post("/api/v1/logout")).status_code < 300

            async def ended() -> bool:
                return await _statuses(here, cookie) == {401}

            await until(ended, "both workers to refuse the session", 10)


async def _statuses(here: Place, cookie: str) -> set[int]:
    """Of calls over connections of their own, so many that each worker has some."""

    async def one() -> int:
        base = f"http://127.0.0.1:{here.port}"
        async with httpx.AsyncClient(base_url=base, headers={"cookie": cookie}, trust_env=False) as client:
            return (await client.get("/plugins/mover/api/work")).status_code

    return set(await asyncio.gather(*(one() for _ in range(24))))


async def test_counters_are_one_sum_and_never_fall(tmp_path: Path) -> None:
    calls = 'plugway_calls_total{method="read"'
    async with place(tmp_path, backoff_first="0.1") as here, here.life() as running:
        await here.ready(running, 2)
        start = await metric(running, calls)
        token = running.client.headers["authorization"].removeprefix("Bearer ")
        async with load(running.base, token, unary=16, streams=False) as counts:
            await until(lambda: counts.calls > 200, "calls")
        made = counts.calls

        async def all_counted() -> bool:
            return await metric(running, calls) == start + made

        await until(all_counted, "every call to be counted, once", 20)
        psutil.Process(here.workers()[0]).kill()
        await serving(running, 2)
        assert await metric(running, calls) >= start + made
        assert await metric(running, "plugway_worker_losses_total") == 1
        assert (await get(running, "/plugins/mover/api/work")).status_code == 200

        async def one_more() -> bool:
            return await metric(running, calls) > start + made

        await until(one_more, "the new worker's call to be counted too", 20)


async def test_new_settings_replace_the_workers_and_no_call_fails(tmp_path: Path) -> None:
    async with place(tmp_path, worker_silence="60") as here:
        async with here.life() as first:
            await here.ready(first, 2)
            before = here.workers()
            token = first.client.headers["authorization"].removeprefix("Bearer ")
            async with load(first.base, token, streams=False) as counts:
                await until(lambda: counts.calls > 100, "calls")
                await first.kill()
                async with here.life(call_timeout="33") as second:
                    await until(lambda: not set(before) & set(here.workers()), "other workers", 90)
                    await serving(second, 2)
                    seen = counts.calls
                    await until(lambda: counts.calls > seen + 100, "calls on the new workers")
                    # A connection that is closed between two calls is no failed call.
                    assert set(counts.unary) <= {"200", "IncompleteReadError", "ConnectionResetError"}
        await here.gone()


async def test_without_workers_the_ones_of_a_killed_start_are_ended(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with here.life() as first:
            await here.ready(first, 2)
            await first.kill()
            assert len(here.workers()) == 2
            async with here.life(workers="0") as alone:
                assert here.workers() == []
                assert (await get(alone, "/plugins/mover/api/work")).status_code == 200
        await here.gone()


async def test_kept_on_exit_they_serve_until_the_next_start(tmp_path: Path) -> None:
    async with place(tmp_path, on_exit="keep", worker_alone="1") as here:
        async with here.life() as first:
            await here.ready(first, 2)
            before = here.workers()
            assert await first.stop() == 0
            assert here.workers() == before
            await asyncio.sleep(3)  # Longer than worker_alone, which does not hold here.
            assert (await first.client.get("/plugins/mover/api/work")).text == "1.0.0"
            away = await first.client.get("/api/v1/plugins")
            assert away.status_code == 503
        async with here.life(on_exit="stop") as second:
            await serving(second, 2)
        await here.gone()


async def test_no_workers_means_no_sockets_for_them(tmp_path: Path) -> None:
    async with gateway(tmp_path / "home") as running:
        assert (await running.client.get("/healthz")).status_code == 200
        assert not list((tmp_path / "home").rglob("workers*"))


async def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        async with place(tmp_path) as here:
            here.port = other.getsockname()[1]
            life = here.life()
            with pytest.raises(AssertionError, match="Cannot listen on"):
                await life.__aenter__()
            await here.gone()
