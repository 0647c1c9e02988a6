"""kill -9 in the middle of the build of a plugin's image: the engine ends the build and clears it up."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import docker
import pytest

from tests.parts import need_docker
from tests.running import until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]
ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def building(tag: str, seconds: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.slow_build", need_docker(), tag, seconds,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    need_docker()
    with contextlib.closing(docker.from_env()) as made:
        yield made


@pytest.fixture
def tag(client: docker.DockerClient) -> Iterator[str]:
    name = f"plugway-test/killed:{secrets.token_hex(6)}"
    yield name
    with contextlib.suppress(docker.errors.ImageNotFound):
        client.api.remove_image(name)


async def states(client: docker.DockerClient, command: str) -> list[str]:
    """Of the containers that run that step, whoever made them."""
    found = await asyncio.to_thread(client.api.containers, all=True)
    return [one["State"] for one in found if one["Command"] == command]


@pytest.mark.parametrize("moment", ["created", "running"])
async def test_a_killed_build_leaves_no_container_and_the_next_one_works(
    client: docker.DockerClient, tag: str, moment: str
) -> None:
    # A duration of its own, so that neither the engine's cache nor a neighbour has this step.
    seconds = f"120.{secrets.randbelow(10**9)}"

    async def begun() -> bool:
        found = await states(client, f"sleep {seconds}")
        return bool(found) and (moment == "created" or found == ["running"])

    async def gone() -> bool:
        return await states(client, f"sleep {seconds}") == []

    async with building(tag, seconds) as process:
        await until(begun, "the step to begin")
        process.kill()
        await process.wait()
        await until(gone, "the engine to remove the container of the step")
    assert await asyncio.to_thread(client.images.list, tag) == []
    async with building(tag, "0") as process:
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert (await asyncio.to_thread(client.images.get, tag)).id == out.decode().strip()
