"""The runtime contract: the same for processes and containers, over Unix sockets and TCP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable

import docker
import psutil
import pytest

from gateway.home import Home
from gateway.model import ImageArtifact, InstanceId, InstanceState, Permissions, PluginId, VerifiedRelease
from gateway.runtimes.base import LogLine, ReleaseNotRunnable, Runtime, RuntimeFailure
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.docker_pull import RegistryAway
from gateway.runtimes.launch import CannotRunImages
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from tests.contract.runtime_kit import (
    ask,
    describe,
    exited,
    serving,
    spec,
    tiny,
    until,
    with_command,
)
from tests.parts import need_docker

KINDS = [
    "process-unix",
    "process-tcp",
    pytest.param("docker-unix", marks=pytest.mark.docker),
    pytest.param("docker-tcp", marks=pytest.mark.docker),
]
Make = Callable[[], Runtime]


@pytest.fixture(params=KINDS)
async def make(request: pytest.FixtureRequest, home: Home) -> AsyncIterator[Make]:
    """Makes a runtime on one home: a second call is what a second gateway would have."""
    made: list[Runtime] = []

    kind, transport = request.param.split("-")
    base = need_docker() if kind == "docker" else ""

    def one() -> Runtime:
        settings = Settings.model_validate(
            {"home": home.path, "base_image": base, "docker_transport": transport}
        )
        runtime: Runtime = (
            DockerRuntime(home, settings) if kind == "docker" else ProcessRuntime(home, settings, transport)
        )
        made.append(runtime)
        return runtime

    yield one
    cleaner = one()
    for instance in await cleaner.list():
        await cleaner.stop(instance.id, 0)
    for runtime in made:
        await runtime.close()


@pytest.fixture
def runtime(make: Make) -> Runtime:
    return make()


async def test_starts_what_answers_the_contract(runtime: Runtime) -> None:
    await runtime.prepare(tiny(), lambda text: None)
    instance = await runtime.start(spec())
    assert instance.state is InstanceState.RUNNING
    assert (await describe(instance)).instance_id == instance.id
    assert await serving(instance, "tiny")
    assert [found.id for found in await runtime.list()] == [instance.id]


async def test_repeated_start_makes_no_double(runtime: Runtime) -> None:
    await runtime.prepare(tiny(), lambda text: None)
    results = await asyncio.gather(*(runtime.start(spec()) for _ in range(3)))
    assert len({(result.handle, result.endpoint) for result in results}) == 1
    assert len(await runtime.list()) == 1


async def test_second_runtime_adopts(make: Make) -> None:
    first = make()
    await first.prepare(tiny(), lambda text: None)
    started = await first.start(spec())
    await describe(started)
    await first.close()
    second = make()
    assert await second.list() == [started]
    assert await second.start(spec()) == started
    await second.stop(started.id, 5)
    assert await second.list() == []


async def test_kill_is_noticed_and_told(runtime: Runtime) -> None:
    await runtime.prepare(tiny(), lambda text: None)
    instance = await runtime.start(spec())
    await describe(instance)
    changes = runtime.changes()
    await anext(changes)
    await kill(runtime, instance.handle)
    await asyncio.wait_for(anext(changes), 10)
    ended = await exited(runtime, instance.id)
    assert ended.exit is not None
    assert ended.exit.signal == signal.SIGKILL
    assert "SIGKILL" in ended.exit.reason
    assert ended.endpoint is None


async def kill(runtime: Runtime, handle: str) -> None:
    """As the kernel or an operator on the host would: the plugin's own process, not its container's init."""
    if runtime.name == "process":
        os.kill(int(handle), signal.SIGKILL)
        return
    with contextlib.closing(docker.from_env()) as client:
        init = client.containers.get(handle).attrs["State"]["Pid"]
    for child in psutil.Process(init).children():
        child.kill()


async def test_exit_carries_code_and_last_words(runtime: Runtime) -> None:
    await runtime.prepare(tiny(), lambda text: None)
    instance = await runtime.start(spec())
    await ask(instance, "/exit", "3")
    ended = await exited(runtime, instance.id)
    assert ended.exit is not None
    assert ended.exit.code == 3
    assert "exit code 3" in ended.exit.reason
    assert "the disk is full of tests" in ended.exit.reason


async def test_an_exited_instance_is_replaced_by_a_new_incarnation(runtime: Runtime) -> None:
    await runtime.prepare(tiny(), lambda text: None)
    first = await runtime.start(spec())
    await ask(first, "/exit", "3")
    await exited(runtime, first.id)
    second = await runtime.start(spec())
    await describe(second)
    assert first.endpoint is not None
    assert second.endpoint is not None
    assert second.endpoint.incarnation != first.endpoint.incarnation
    assert [found.state for found in await runtime.list()] == [InstanceState.RUNNING]


async def test_stop_leaves_nothing_but_data_and_logs(runtime: Runtime, home: Home) -> None:
    await runtime.prepare(tiny(), lambda text: None)
    instance = await runtime.start(spec())
    environment = dict(line.split("=", 1) for line in (await ask(instance, "/env")).splitlines())
    await ask(instance, "/write", environment["PLUGWAY_VOLUMES"] + "/data/kept")
    await ask(instance, "/fork")
    await runtime.stop(instance.id, 5)
    await runtime.stop(instance.id, 5)
    assert await runtime.list() == []
    assert not list(home.run_root.iterdir())
    assert (home.volume(PluginId("tiny"), "data") / "kept").exists()
    assert [line.text async for line in runtime.logs(instance.id, tail=10, follow=False)]
    await runtime.purge(PluginId("tiny"))
    assert not (home.path / "data" / "tiny").exists()
    assert [line async for line in runtime.logs(instance.id, tail=10, follow=False)] == []


async def test_stop_kills_what_does_not_listen(runtime: Runtime) -> None:
    await runtime.prepare(tiny(), lambda text: None)
    release = with_command(
        "{python}", "-c", "import signal, time; signal.signal(15, 1); print('up', flush=True); time.sleep(99)"
    )
    await runtime.prepare(release, lambda text: None)
    instance = await runtime.start(spec(release))
    await first_line(runtime, instance.id)
    started = asyncio.get_running_loop().time()
    await runtime.stop(instance.id, 1)
    assert 1 <= asyncio.get_running_loop().time() - started < 10
    assert await runtime.list() == []


async def first_line(runtime: Runtime, id_: InstanceId) -> LogLine:
    lines = runtime.logs(id_, tail=10, follow=True)
    return await asyncio.wait_for(anext(lines), 20)


async def test_logs_follow_and_survive_a_restart(runtime: Runtime) -> None:
    await runtime.prepare(tiny(), lambda text: None)
    instance = await runtime.start(spec())
    lines = runtime.logs(instance.id, tail=10, follow=True)
    assert (await asyncio.wait_for(anext(lines), 20)).text == "tiny serves"
    await ask(instance, "/print", "now")
    assert (await asyncio.wait_for(anext(lines), 20)).text == "now"
    await ask(instance, "/exit", "0")
    await exited(runtime, instance.id)
    instance = await runtime.start(spec())
    await describe(instance)

    async def all_three() -> bool:
        found = [line.text async for line in runtime.logs(instance.id, tail=10, follow=False)]
        return found == ["tiny serves", "now", "the disk is full of tests", "tiny serves"]

    await until(all_three)
    assert [line.text async for line in runtime.logs(instance.id, tail=1, follow=False)] == ["tiny serves"]


async def test_logs_without_a_tail_give_only_what_comes(runtime: Runtime) -> None:
    await runtime.prepare(tiny(), lambda text: None)
    instance = await runtime.start(spec())
    await describe(instance)
    assert [line async for line in runtime.logs(instance.id, tail=0, follow=False)] == []
    lines = runtime.logs(instance.id, tail=0, follow=True)
    coming = asyncio.ensure_future(anext(lines))
    for number in range(100):
        # Until the reader is at the end of the log.
        await ask(instance, "/print", f"line {number}")
        if (await asyncio.wait({coming}, timeout=0.3))[0]:
            break
    assert (await coming).text.startswith("line")


async def test_environment_holds_nothing_of_the_host(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("PLUGWAY_TOKEN", "hidden")
    await runtime.prepare(tiny(), lambda text: None)
    instance = await runtime.start(spec())
    told = await ask(instance, "/env")
    allowed = {"PATH", "PYTHONPATH", "HOME", "LANG", "LC_CTYPE", "TZ", "HOSTNAME"}
    # These the official Python images set.
    allowed |= {"PYTHON_VERSION", "PYTHON_SHA256", "GPG_KEY", "PYTHONDONTWRITEBYTECODE"}
    allowed |= {
        f"PLUGWAY_{name}" for name in ("LISTEN", "TLS", "INSTANCE", "VOLUMES", "LOG_LEVEL", "HOME_ID")
    }
    assert {line.split("=")[0] for line in told.splitlines()} <= allowed
    assert "hidden" not in told


async def test_an_image_that_is_not_to_be_had_leaves_nothing_behind(runtime: Runtime, home: Home) -> None:
    image = ImageArtifact(reference="127.0.0.1:9/x", digest="sha256:" + "0" * 64)
    with pytest.raises(RuntimeFailure, match="image") as caught:
        await runtime.prepare(tiny(image), lambda text: None)
    wanted = RegistryAway if runtime.name == "docker" else CannotRunImages
    assert isinstance(caught.value, wanted)
    assert caught.value.hint
    assert await runtime.list() == []
    assert not list(home.run_root.iterdir())


@pytest.mark.parametrize(
    ("release", "words"),
    [
        (with_command("no-such-program"), "no-such-program"),
        (with_command(), "names no command"),
        (with_command("tiny/__init__.py"), "tiny/__init__.py"),
        (tiny(permissions=Permissions(volumes=("../../etc",))), "volume"),
    ],
)
async def test_what_can_never_run_is_told_so(
    runtime: Runtime, home: Home, release: VerifiedRelease, words: str
) -> None:
    async def attempt() -> None:
        await runtime.prepare(release, lambda text: None)
        await runtime.start(spec(release))

    with pytest.raises(ReleaseNotRunnable, match=words) as caught:
        await attempt()
    assert caught.value.hint
    assert await runtime.list() == []
    assert not list(home.run_root.iterdir())
