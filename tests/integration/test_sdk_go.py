"""The Go SDK and its example, against the whole contract: as a process, and as an image in the sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
import pytest
from docker.errors import DockerException

from gateway.conformance.findings import Outcome, Report
from gateway.conformance.opening import opened
from gateway.conformance.run import run_checks
from gateway.conformance.subject import Plan, Shared
from gateway.conformance.suite import SUITE
from gateway.conformance.targets import directory_release, image_release, stage
from gateway.model import Release
from gateway.settings import Settings
from tests.go_programs import CLIPBOARD, SDK, clipboard, go, image_context
from tests.parts import need_docker
from tests.running import PATIENCE

pytestmark = pytest.mark.timeout(290)
LARGEST_IMAGE = 20_000_000
# It exports no typed services, and works without settings; see the README's plugin for one that waits.
NOT_OF_IT = {"manifest.services", "settings.awaited"}
NOT_SEEN_IN_A_CONTAINER = {"stop.interrupt", "stop.terminate"}


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clipboard(tmp_path_factory.mktemp("go") / "plugin")


@pytest.fixture
def image(plugin: Path) -> Iterator[tuple[str, Any]]:
    """Its name, and what the engine knows of it."""
    need_docker()
    tag = f"plugway-test/clipboard:{uuid4().hex[:12]}"
    with contextlib.closing(docker.from_env(timeout=60)) as client:
        client.images.build(
            fileobj=image_context(plugin),
            custom_context=True,
            tag=tag,
            network_mode="none",
            rm=True,
            forcerm=True,
        )
        yield tag, client.images.get(tag).attrs
        with contextlib.suppress(DockerException):
            client.images.remove(tag, force=True)


async def checked(release: Release, plan: Plan, settings: Settings, only: tuple[str, ...] = ()) -> Report:
    async with stage(settings) as ground:
        place = await ground.place(release)
        try:
            return await run_checks(release.plugin_id, place, plan, SUITE, only=only)
        finally:
            await place.close()


def keeps_the_contract(report: Report, *, but: set[str]) -> None:
    bad = [*report.of(Outcome.FAIL), *report.of(Outcome.NOT_TRIED)]
    assert [(one.id, one.seen) for one in bad] == []
    assert report.holds(strict=True)
    assert {one.id for one in report.of(Outcome.NOT_APPLICABLE)} == but


async def test_the_example_keeps_the_contract_as_a_process(plugin: Path, tmp_path: Path) -> None:
    release, table = await directory_release(plugin)
    settings = Settings.model_validate({"home": tmp_path, "runtime": "process"})
    report = await checked(release, Plan(routes=table), settings)
    keeps_the_contract(report, but=NOT_OF_IT)


@pytest.mark.docker
async def test_the_example_keeps_the_contract_as_an_image_from_scratch(
    image: tuple[str, Any], plugin: Path, tmp_path: Path
) -> None:
    name, found = image
    assert found["Size"] < LARGEST_IMAGE
    assert len(found["RootFS"]["Layers"]) == 1, "a program and nothing else"
    directory, table = await directory_release(plugin)
    release = await image_release(name)
    assert (release.plugin_id, release.version) == (directory.plugin_id, directory.version)
    assert (release.permissions, release.ui_type) == (directory.permissions, directory.ui_type)
    settings = Settings.model_validate({"home": tmp_path, "runtime": "docker"})
    report = await checked(release, Plan(routes=table), settings)
    keeps_the_contract(report, but=NOT_OF_IT | NOT_SEEN_IN_A_CONTAINER)


@pytest.mark.docker
async def test_its_webhook_is_reached_through_the_gateways_relay(
    image: tuple[str, Any], tmp_path: Path
) -> None:
    told: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def hook(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()
        if not told.done():
            told.set_result(head)

    server = await asyncio.start_server(hook, "127.0.0.1", 0)
    there = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/new"
    plan = Plan(settings={"webhook": there, "webhookToken": "hunter22"})
    release = await image_release(image[0])
    async with server, stage(Settings.model_validate({"home": tmp_path, "runtime": "docker"})) as ground:
        place = await ground.place(release)
        try:
            await place.prepare()
            subject = await opened(place, plan, Shared(), configure=True)
            answer = await subject.handle(subject.head("POST", "/files", "name=a.txt"), b"content")
            assert answer.response.status == 201
            head = await asyncio.wait_for(told, PATIENCE)
            await subject.close()
        finally:
            await place.close()
    assert head.startswith(b"POST /new HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer hunter22\r\n" in head


async def test_the_plugin_of_the_readme_waits_for_its_settings(hello: Path, tmp_path: Path) -> None:
    release, table = await directory_release(hello)
    settings = Settings.model_validate({"home": tmp_path, "runtime": "process"})
    plan = Plan(routes=table, settings={"greeting": "Hi", "password": "hunter22"})
    report = await checked(release, plan, settings, only=("start", "settings", "logs", "call"))
    assert [(one.id, one.seen) for one in report.of(Outcome.FAIL)] == []
    passed = {one.id for one in report.of(Outcome.PASS)}
    assert {
        "settings.awaited",
        "settings.taken",
        "settings.secrets",
        "logs.secrets",
        "call.answered",
    } <= passed


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    text = (SDK / "README.md").read_text()
    blocks = dict(re.findall(r"```(toml|go)\n(.*?)```", text, re.DOTALL))
    source, place = tmp_path / "source", tmp_path / "hello"
    source.mkdir()
    place.mkdir()
    (place / "plugway.toml").write_text(blocks["toml"])
    (source / "main.go").write_text(blocks["go"])
    # As an author begins: the example's versions, and its own module.
    words = (CLIPBOARD / "go.mod").read_text().replace("../../sdk/go", json.dumps(str(SDK)))
    (source / "go.mod").write_text(words)
    (source / "go.sum").write_bytes((CLIPBOARD / "go.sum").read_bytes())
    go("build", "-o", str(place / "hello"), ".", directory=source)
    return place


@pytest.mark.parametrize("module", [SDK, CLIPBOARD], ids=["sdk", "example"])
def test_gos_own_checks_and_tests_pass(module: Path) -> None:
    go("vet", "./...", directory=module)
    go("test", "-count=1", "./...", directory=module)
