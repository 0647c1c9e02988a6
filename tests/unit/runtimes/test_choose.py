from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.runtimes.choose import RuntimeMissing, choose_runtime
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from tests.contract.runtime_kit import spec
from tests.parts import need_docker


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home").open()
    assert home.id
    yield home
    home.close()
    shutil.rmtree(home.run_root, ignore_errors=True)


@pytest.fixture
def base_image() -> str:
    return need_docker()


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'nobody.sock'}")


@pytest.mark.usefixtures("no_engine")
async def test_auto_takes_processes_where_no_engine_answers_and_says_so(home: Home) -> None:
    runtime, why = await choose_runtime(Settings.model_validate({"home": home.path}), home)
    assert runtime.name == "process"
    assert "No Docker engine answers" in why
    assert "without isolation" in why
    await runtime.close()


@pytest.mark.usefixtures("no_engine")
async def test_docker_that_was_asked_for_and_is_away_is_an_error(home: Home) -> None:
    with pytest.raises(RuntimeMissing, match="Docker was asked for") as caught:
        await choose_runtime(Settings.model_validate({"home": home.path, "runtime": "docker"}), home)
    assert caught.value.hint


async def test_process_is_taken_where_asked_for(home: Home) -> None:
    runtime, why = await choose_runtime(
        Settings.model_validate({"home": home.path, "runtime": "process"}), home
    )
    assert runtime.name == "process"
    assert "asked for" in why
    await runtime.close()


@pytest.mark.docker
async def test_auto_takes_docker_where_it_answers_and_ends_what_processes_left(
    home: Home, base_image: str
) -> None:
    settings = Settings.model_validate({"home": home.path, "base_image": base_image, "stop_grace": 1})
    before = ProcessRuntime(home, settings)
    await before.start(spec())
    runtime, why = await choose_runtime(settings, home)
    assert runtime.name == "docker"
    assert "answers" in why
    assert await before.list() == []
    await before.close()
    await runtime.close()


@pytest.mark.docker
async def test_auto_takes_processes_where_there_is_no_base_image(home: Home, base_image: str) -> None:
    settings = Settings.model_validate({"home": home.path, "base_image": "localhost:1/no-such-image:1"})
    runtime, why = await choose_runtime(settings, home)
    assert runtime.name == "process"
    assert "cannot be pulled" in why
    await runtime.close()
