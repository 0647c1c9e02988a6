"""The SDK for Node: its own tests, its example against the conformance suite, and behind a real gateway."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
import google.api
import pytest
from docker.errors import DockerException
from websockets.asyncio.client import connect

from gateway.conformance.findings import Outcome
from gateway.conformance.opening import opened
from gateway.conformance.places import RuntimePlace
from gateway.conformance.run import run_checks
from gateway.conformance.subject import Plan, Shared
from gateway.conformance.suite import SUITE
from gateway.conformance.targets import directory_release, image_release, stage
from gateway.home import Home
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from gateway.sources.manifest_file import read_manifest_file
from gateway.sources.oci_label import LABEL, ImageManifest
from gateway.trust.verify import verify_release
from tests.command import PROGRAM
from tests.node_sdk import CLOCK, npm, ran, staged, write_image_context
from tests.parts import need_docker
from tests.running import gateway, until

pytestmark = pytest.mark.timeout(300)
NOT_APPLICABLE = {"manifest.services", "settings.awaited"}
"""The example exports no typed service, and works before it is given settings."""
IN_THE_SANDBOX = (
    "start",
    "health",
    "permissions",
    "settings",
    "call",
    "stream",
    "upload",
    "ui",
    "metrics",
    "logs",
)
"""What its walls could break: no disk, no network, little memory, another user."""


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staged(tmp_path_factory.mktemp("node"))


async def check(directory: Path, home: Path, *words: str) -> dict[str, Any]:
    """What ``plugway check`` says; an AssertionError where it is not content."""
    command = ["env", f"PLUGWAY_HOME={home}", *PROGRAM, "check", str(directory), "--json", *words]
    found: dict[str, Any] = json.loads(await asyncio.to_thread(ran, command, directory))
    return found


async def test_the_sdk_and_its_example_pass_their_own_tests(sdk: Path) -> None:
    for place in (sdk, sdk / CLOCK):
        await asyncio.to_thread(npm, "test", directory=place)


async def test_its_types_are_those_that_it_says(sdk: Path) -> None:
    await asyncio.to_thread(ran, ["node", "node_modules/typescript/bin/tsc", "-p", "tests"], sdk)


async def test_the_plugin_of_its_page_is_one(sdk: Path, tmp_path: Path) -> None:
    page = (sdk / "README.md").read_text()
    manifest, code = re.findall(r"```(?:toml|js)\n(.*?)```", page, re.DOTALL)[:2]
    # Beside the SDK's packages, where "plugway-sdk" is the SDK itself.
    hello = sdk / "hello"
    hello.mkdir()
    (hello / "plugway.toml").write_text(manifest)
    (hello / "hello.js").write_text(code)
    only = [word for name in ("manifest", "call", "settings", "stop") for word in ("--only", name)]
    assert (await check(hello, tmp_path, *only))["counts"]["pass"] > 10


def test_the_examples_image_says_what_its_directory_says(sdk: Path) -> None:
    lines = (sdk / CLOCK / "Dockerfile").read_text().splitlines()
    [label] = [line.partition("=")[2] for line in lines if line.startswith(f"LABEL {LABEL}=")]
    [command] = [line.removeprefix("CMD ") for line in lines if line.startswith("CMD ")]
    said = ImageManifest.model_validate_json(label.strip("'"))
    manifest = read_manifest_file(sdk / CLOCK)
    assert (said.id, said.version, said.name, said.ui_type, said.granted) == (
        manifest.id, manifest.version, manifest.name, manifest.ui_type, manifest.granted,
    )  # fmt: skip
    assert json.loads(command) == list(manifest.command)


async def test_its_example_keeps_the_contract(sdk: Path, tmp_path: Path) -> None:
    found = await check(sdk / CLOCK, tmp_path, "--strict")
    assert {one["id"] for one in found["checks"] if one["outcome"] != "pass"} == NOT_APPLICABLE


async def test_it_takes_only_clients_of_the_gateway_where_it_listens_on_tcp(
    sdk: Path, tmp_path: Path
) -> None:
    home = await asyncio.to_thread(lambda: Home(tmp_path).open())
    runtime = ProcessRuntime(home, Settings.model_validate({"home": tmp_path}), "tcp")
    release, table = await directory_release(sdk / CLOCK)
    place = RuntimePlace(runtime, await verify_release(release))
    try:
        report = await run_checks("clock", place, Plan(routes=table), SUITE, only=("health", "call"))
        assert [(one.id, one.seen) for one in report.of(Outcome.FAIL)] == []
        assert len(report.of(Outcome.PASS)) >= 8
    finally:
        await place.close()
        await runtime.close()
        await asyncio.to_thread(home.close)


@pytest.fixture(scope="module")
def image(sdk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of the example's image."""
    archive = tmp_path_factory.mktemp("context") / "tar"
    write_image_context(sdk, need_docker(), archive)
    tag = f"plugway-test/clock:{uuid4().hex[:12]}"
    with contextlib.closing(docker.from_env(timeout=240)) as client:
        with archive.open("rb") as context:
            client.images.build(
                fileobj=context, custom_context=True, tag=tag, network_mode="none", rm=True, forcerm=True
            )
        yield tag
        with contextlib.suppress(DockerException):
            client.images.remove(tag, force=True)


@pytest.mark.docker
async def test_its_example_runs_in_the_sandbox_and_reaches_what_it_was_granted(
    image: str, sdk: Path, tmp_path: Path
) -> None:
    async def an_hour_ahead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 204 No Content\r\nDate: {formatdate(time.time() + 3600)}\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(an_hour_ahead, "127.0.0.1", 0)
    granted = {"reference": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"}
    _, routes = await directory_release(sdk / CLOCK)
    release = await image_release(image)
    async with server, stage(Settings.model_validate({"home": tmp_path, "runtime": "docker"})) as ground:
        place = await ground.place(release)
        try:
            report = await run_checks("clock", place, Plan(routes=routes), SUITE, only=IN_THE_SANDBOX)
            bad = [*report.of(Outcome.FAIL), *report.of(Outcome.NOT_TRIED)]
            assert [(one.id, one.seen) for one in bad] == []
            assert len(report.of(Outcome.PASS)) > 20
            subject = await opened(place, Plan(settings=granted), Shared(), configure=True)
            answer = await subject.handle(subject.head("GET", "/drift"))
            told = json.loads(answer.body)
            assert 3500 < told["seconds"] < 3700, told
            await subject.close()
        finally:
            await place.close()


def write_shop(sdk: Path) -> Path:
    """The plugin with a typed service that the SDK's page shows, beside the example."""
    page = (sdk / "README.md").read_text().split("## Typed services")[1]
    blocks = dict(re.findall(r"```(proto|js)\n(.*?)```", page, re.DOTALL)[:2])
    shop = (sdk / CLOCK).with_name("shop")
    shop.mkdir()
    (shop / "stock.proto").write_text(blocks["proto"])
    (shop / "main.js").write_text(blocks["js"])
    (shop / "plugway.toml").write_text(
        'id = "shop"\nversion = "1.0.0"\nname = "shop"\ncommand = ["node", "main.js"]\nimage = "shop"\n'
    )
    imports = Path(google.api.__path__[0]).parents[1]
    command = [
        "--include_imports",
        "--include_source_info",
        "--descriptor_set_out=stock.binpb",
        "stock.proto",
    ]
    ran([sys.executable, "-m", "grpc_tools.protoc", f"-I{imports}", "-I.", *command], shop)
    return shop


async def test_it_works_behind_a_gateway(sdk: Path, tmp_path: Path) -> None:
    shop = await asyncio.to_thread(write_shop, sdk)
    found = await check(shop, tmp_path / "check", "--only", "manifest", "--only", "negotiation")
    assert "manifest.services" in {one["id"] for one in found["checks"] if one["outcome"] == "pass"}
    settings = {"PLUGWAY_PLUGIN_PATH": str(shop.parent), "PLUGWAY_INSTALL": "clock,shop"}
    async with gateway(tmp_path, settings=settings) as running:
        await running.healthy("clock")
        api = "/plugins/clock/api"
        secret = "of-the-clock-and-hidden"
        change = {"values": {"zones": ["Asia/Tokyo"], "token": secret}}

        async def configured() -> bool:
            answer = await running.client.put("/api/v1/plugins/clock/settings", json=change)
            return answer.status_code == 200

        await until(configured, "the clock to take its settings")
        times = (await running.client.get(f"{api}/now")).raise_for_status().json()["times"]
        assert [time["zone"] for time in times] == ["Asia/Tokyo"]

        sound = hashlib.sha256()

        async def parts() -> AsyncIterator[bytes]:
            for number in range(256):
                part = bytes([number]) * 2**18
                sound.update(part)
                yield part

        (await running.client.put(f"{api}/sound", content=parts())).raise_for_status()
        kept = hashlib.sha256()
        async with running.client.stream("GET", f"{api}/sound") as answer:
            async for part in answer.aiter_bytes():
                kept.update(part)
        assert kept.digest() == sound.digest()

        address = running.base.replace("http", "ws", 1) + f"{api}/alarms"
        headers = {"Authorization": running.client.headers["Authorization"]}
        async with connect(address, additional_headers=headers, proxy=None) as socket:
            await socket.send(json.dumps({"in": 0, "text": secret}))
            assert json.loads(await socket.recv()) == {"text": secret}
        log = "".join(path.read_text() for path in (tmp_path / "logs").rglob("*.log"))
        assert '"text":"******"' in log
        assert secret not in log
        await running.healthy("shop")
        item = await running.client.get("/plugins/shop/api/v1/items/tea")
        assert item.raise_for_status().json() == {"name": "tea", "amount": "7"}
        document = (await running.client.get("/openapi.json")).json()
        assert (
            document["paths"]["/plugins/shop/api/v1/items/{name}"]["get"]["summary"] == "How many there are."
        )
        page = await running.client.get("/plugins/clock/ui/index.js")
        assert "mount" in page.raise_for_status().text
