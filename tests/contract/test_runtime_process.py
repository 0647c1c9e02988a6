"""What only processes can meet: a gateway killed at each step, reused pids, files that are no programs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gateway.home import Home
from gateway.model import InstanceState
from gateway.runtimes import process_record as records
from gateway.runtimes.base import ReleaseNotRunnable
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from tests.contract.runtime_kit import ask, describe, exited, spec, until, with_command


@pytest.fixture
async def runtime(home: Home) -> AsyncIterator[ProcessRuntime]:
    runtime = ProcessRuntime(home, Settings.model_validate({"home": home.path}))
    yield runtime
    for instance in await runtime.list():
        await runtime.stop(instance.id, 0)
    await runtime.close()


def another(home: Home) -> ProcessRuntime:
    return ProcessRuntime(home, Settings.model_validate({"home": home.path}))


async def test_a_process_started_before_its_pid_was_written_is_adopted(
    home: Home, runtime: ProcessRuntime
) -> None:
    started = await runtime.start(spec())
    await describe(started)
    record = await asyncio.to_thread(records.read, home, started.id)
    assert record is not None
    await asyncio.to_thread(records.write, home, replace(record, pid=0, started_at=0.0))
    second = another(home)
    (found,) = await second.list()
    assert (found.handle, found.state) == (started.handle, InstanceState.RUNNING)
    assert (await second.start(spec())).handle == started.handle
    await second.close()


async def test_a_record_without_a_process_is_an_exited_instance_and_is_replaced(
    home: Home, runtime: ProcessRuntime
) -> None:
    started = await runtime.start(spec())
    record = await asyncio.to_thread(records.read, home, started.id)
    assert record is not None
    await runtime.stop(started.id, 0)
    home.run_directory(started.id).mkdir()
    await asyncio.to_thread(records.write, home, replace(record, pid=0))
    (found,) = await another(home).list()
    assert found.state is InstanceState.EXITED
    await describe(await runtime.start(spec()))


async def test_a_process_that_nobody_knows_of_is_ended(home: Home, runtime: ProcessRuntime) -> None:
    started = await runtime.start(spec())
    await describe(started)
    await asyncio.to_thread(home.forget_run_directory, started.id)
    second = another(home)
    assert await second.list() == []
    await until(lambda: gone(int(started.handle)))
    await second.close()


async def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_a_stranger_on_a_reused_pid_is_neither_adopted_nor_killed(
    home: Home, runtime: ProcessRuntime
) -> None:
    started = await runtime.start(spec())
    record = await asyncio.to_thread(records.read, home, started.id)
    assert record is not None
    await runtime.stop(started.id, 0)
    home.run_directory(started.id).mkdir()
    stranger = replace(record, pid=os.getpid(), started_at=record.started_at - 10_000)
    await asyncio.to_thread(records.write, home, stranger)
    (found,) = await runtime.list()
    assert found.state is InstanceState.EXITED
    await runtime.stop(started.id, 0)


async def test_what_a_plugin_forked_goes_with_it(runtime: ProcessRuntime) -> None:
    started = await runtime.start(spec())
    child = int(await ask(started, "/fork"))
    os.kill(int(started.handle), signal.SIGKILL)
    await exited(runtime, started.id)
    await describe(await runtime.start(spec()))
    assert await gone(child)


async def test_a_stopped_process_still_ends_in_order(runtime: ProcessRuntime) -> None:
    started = await runtime.start(spec())
    await describe(started)
    os.kill(int(started.handle), signal.SIGSTOP)
    await runtime.stop(started.id, 10)
    assert await runtime.list() == []


@pytest.mark.parametrize("content", [b"\x7fELF garbage", b"#!/no/such/interpreter\n", b"\x00\x01\x02"])
async def test_a_file_that_is_no_program_is_told_so(
    home: Home, runtime: ProcessRuntime, tmp_path: Path, content: bytes
) -> None:
    program = tmp_path / "program"
    program.write_bytes(content)
    program.chmod(0o700)
    with pytest.raises(ReleaseNotRunnable, match="cannot be run on this machine"):
        await runtime.start(spec(with_command(str(program))))
    assert await runtime.list() == []
    assert not list(home.run_root.iterdir())
