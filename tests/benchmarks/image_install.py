"""From `install` to the first call that is answered, beside `docker run` to healthy of the same image."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import docker

from gateway.contract.client import Health, PluginClient
from gateway.contract.errors import ContractError
from gateway.home import Home
from gateway.model import Endpoint, InstanceId, PluginId
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.docker_names import image_repository
from gateway.settings import Settings
from tests.contract.runtime_kit import tiny
from tests.fakes.unsigned import allow_unsigned
from tests.ground import Ground
from tests.image_registry import image_registry
from tests.parts import need_docker
from tests.running import RunningGateway, gateway, until

_KEPT = "plugway-bench/tiny:cached"
_LABEL = json.dumps({"id": "tiny", "version": "1.0.0", "permissions": {}})
_PATIENCE = 60.0
_STEP = 0.01
"""Seconds between two looks, the same on both sides."""


async def measure(rounds: int) -> dict[str, Any]:
    """Medians in seconds, and the median of the ratios of neighbours in time."""
    base = need_docker()
    program = shutil.which("docker")
    assert program, "the engine is here, its command is not"
    with tempfile.TemporaryDirectory(prefix="pw-bench-") as name:
        directory = Path(name)
        with image_registry(directory / "registry") as registry:
            image = await _image(directory, base, registry.host)
            home = directory / "home"
            allow_unsigned(home, "tiny")
            settings = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1", "PLUGWAY_BASE_IMAGE": base}
            definition = {"id": "tiny", "source": "oci", "sourceUrl": f"oci://{image}:1.0.0"}
            pairs: list[tuple[float, float]] = []
            try:
                async with gateway(home, "docker", settings) as running:
                    # The first of each warms what the others find warm.
                    for number in range(rounds + 1):
                        installed = await _installed(running, definition)
                        ran = await _ran(program, directory / f"run-{number}")
                        pairs.append((installed, ran))
            finally:
                await asyncio.to_thread(Ground(home, "docker").sweep)
                await asyncio.to_thread(_forget, image)
    pairs = pairs[1:]
    return {
        "install_s": median(pair[0] for pair in pairs),
        "docker_run_s": median(pair[1] for pair in pairs),
        "ratio": median(installed / ran for installed, ran in pairs),
        "ratios": sorted(round(installed / ran, 2) for installed, ran in pairs),
    }


def words(found: dict[str, Any]) -> list[str]:
    return [
        f"- install of a cached image to its first served call: {found['install_s']:.2f} s; docker run to "
        f"healthy: {found['docker_run_s']:.2f} s; ratio {found['ratio']:.2f} (rounds: {found['ratios']})"
    ]


async def _image(directory: Path, base: str, host: str) -> str:
    """Built as the gateway builds plugins, pushed, and kept in the engine under a name of ours."""
    home = Home(directory / "maker").open()
    runtime = DockerRuntime(home, Settings.model_validate({"home": home.path, "base_image": base}))
    try:
        await runtime.prepare(tiny(), lambda text: None)
        built = f"{image_repository(home, PluginId('tiny'))}:{tiny().id}"
        return await asyncio.to_thread(_push, directory / "context", built, f"{host}/team/tiny")
    finally:
        await runtime.purge(PluginId("tiny"))
        await runtime.close()
        home.close()


def _push(context: Path, built: str, name: str) -> str:
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {built}\n")
    with contextlib.closing(docker.from_env()) as client:
        client.images.build(
            path=str(context),
            tag=f"{name}:1.0.0",
            labels={"io.plugway.manifest": _LABEL},
            rm=True,
            forcerm=True,
        )
        for event in client.api.push(name, tag="1.0.0", stream=True, decode=True):
            assert "error" not in event, event
        client.images.get(f"{name}:1.0.0").tag(_KEPT)
    return name


def _forget(image: str) -> None:
    with contextlib.closing(docker.from_env()) as client:
        for name in (f"{image}:1.0.0", _KEPT):
            with contextlib.suppress(docker.errors.APIError):
                client.api.remove_image(name)


async def _installed(running: RunningGateway, definition: dict[str, Any]) -> float:
    shown = (await running.client.post("/api/v1/plugins/preview", json=definition)).raise_for_status().json()
    began = time.perf_counter()
    answer = await running.client.post(
        "/api/v1/plugins", json=definition, params={"consent": shown["releaseId"]}
    )
    answer.raise_for_status()
    while (await running.client.get("/plugins/tiny/api/print?a=x")).status_code != 200:
        assert time.perf_counter() < began + _PATIENCE, "the plugin is not served"
        await asyncio.sleep(_STEP)
    took = time.perf_counter() - began
    (await running.client.delete("/api/v1/plugins/tiny", params={"purge": "true"})).raise_for_status()

    async def gone() -> bool:
        return (await running.client.get("/api/v1/plugins/tiny")).status_code == 404

    await until(gone, "the uninstall")
    return took


async def _ran(program: str, directory: Path) -> float:
    """Seconds from the command to the word of the container that it is healthy."""
    directory.mkdir()
    # For the user of the image, who is not the one that measures.
    directory.chmod(0o777)
    began = time.perf_counter()
    async with _container(program, directory):
        client = PluginClient(
            Endpoint(instance_id=InstanceId("bench"), address=f"unix:{directory}/plugin.sock")
        )
        try:
            while not await _serves(client, directory / "plugin.sock"):
                assert time.perf_counter() < began + _PATIENCE, "the container is not healthy"
                await asyncio.sleep(_STEP)
            return time.perf_counter() - began
        finally:
            await client.close()


async def _serves(client: PluginClient, socket: Path) -> bool:
    # A call before there is a socket would begin gRPC's pauses between its tries.
    if not socket.exists():
        return False
    try:
        return await client.check("tiny", 2.0) is Health.SERVING
    except ContractError:
        return False


@asynccontextmanager
async def _container(program: str, directory: Path) -> AsyncIterator[None]:
    command = [program, "run", "--detach", "--network", "none", "--volume", f"{directory}:/run/plugway"]
    command += ["--env", "PLUGWAY_LISTEN=unix:/run/plugway/plugin.sock", "--env", "PLUGWAY_INSTANCE=bench"]
    started = await asyncio.create_subprocess_exec(*command, _KEPT, stdout=asyncio.subprocess.PIPE)
    id_ = (await started.communicate())[0].decode().strip()
    assert started.returncode == 0, "docker run failed"
    try:
        yield
    finally:
        await asyncio.to_thread(
            subprocess.run, [program, "rm", "--force", id_], check=True, capture_output=True
        )
