"""Images of a real registry, run by a real engine: by digest, offline, and never by a moved tag."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.definition import parse_definition
from gateway.digests import identified
from gateway.home import Home
from gateway.model import ImageArtifact, Login, PluginId, Source, Tier, VerifiedRelease
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.docker_pull import ImageRefused, RegistryAway, have_pulled
from gateway.settings import Settings
from gateway.sources.addresses import read_allow_list
from gateway.sources.fetch import Fetcher
from gateway.sources.oci import OciSource
from gateway.sources.oci_documents import OCI_MANIFEST, digest_of
from gateway.sources.oci_registry import Registries
from tests.command import plugway
from tests.contract.runtime_kit import describe, spec, tiny
from tests.fakes.serving import serving
from tests.ground import Ground
from tests.image_registry import CONFIG, LAYER, PASSWORD, USER, descriptor
from tests.image_shelf import Shelf, image_shelf
from tests.parts import need_docker
from tests.running import gateway

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(180)]
LOGIN = Login(username=USER, password=PASSWORD)
POLICY = 'policy = 1\n[[allow_unsigned]]\nplugins = ["tiny"]\nsources = ["oci"]\n'


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with image_shelf(tmp_path_factory.mktemp("shelf")) as shelf:
        yield shelf


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home").open()
    assert home.id
    yield home
    home.close()
    shutil.rmtree(home.run_root, ignore_errors=True)


@pytest.fixture
async def runtime(shelf: Shelf, home: Home) -> AsyncIterator[DockerRuntime]:
    settings = Settings.model_validate({"home": home.path, "base_image": need_docker()})
    logins = {shelf.registry.host: LOGIN}
    runtime = DockerRuntime(home, settings, find_login=logins.get)
    yield runtime
    for instance in await runtime.list():
        await runtime.stop(instance.id, 0)
    await runtime.purge(PluginId("tiny"))
    await runtime.close()


def release(shelf: Shelf, digest: str) -> VerifiedRelease:
    artifact = ImageArtifact(reference=shelf.name, digest=digest)
    made = tiny()
    found = replace(made, source=Source.OCI, tier=Tier.EXTERNAL, artifact=artifact)
    return VerifiedRelease(identified(found))


async def test_an_image_is_pulled_by_digest_once_and_goes_with_its_last_release(
    shelf: Shelf, runtime: DockerRuntime, tmp_path: Path
) -> None:
    digest = await asyncio.to_thread(shelf.push, "1.0.0", tmp_path)
    assert not shelf.has(digest)
    told: list[str] = []
    wanted = release(shelf, digest)
    await runtime.prepare(wanted, told.append)
    assert told[0] == f"pulling {shelf.name}@{digest}"
    assert shelf.has(digest)
    told.clear()
    await runtime.prepare(wanted, told.append)
    assert told == []
    instance = await runtime.start(spec(wanted))
    assert (await describe(instance)).manifest.id == "tiny"
    await runtime.stop(instance.id, 2)
    await runtime.collect(PluginId("tiny"), [wanted.id])
    assert shelf.has(digest)
    await runtime.collect(PluginId("tiny"), [])
    assert not shelf.has(digest)


async def test_an_image_that_a_person_has_named_stays(
    shelf: Shelf, runtime: DockerRuntime, tmp_path: Path
) -> None:
    digest = await asyncio.to_thread(shelf.push, "1.0.0", tmp_path)
    await runtime.prepare(release(shelf, digest), lambda text: None)
    named = f"plugway-test/mine:{digest[-12:]}"
    await asyncio.to_thread(shelf.client.images.get(f"{shelf.name}@{digest}").tag, named)
    await runtime.purge(PluginId("tiny"))
    assert shelf.has(digest)
    await asyncio.to_thread(shelf.client.api.remove_image, named)
    shelf.client.api.remove_image(f"{shelf.name}@{digest}")


async def test_an_image_whose_names_a_person_removed_is_still_found_without_the_registry(
    shelf: Shelf, runtime: DockerRuntime, tmp_path: Path
) -> None:
    digest = await asyncio.to_thread(shelf.push, "1.0.0", tmp_path)
    wanted = release(shelf, digest)
    await runtime.prepare(wanted, lambda text: None)
    shelf.client.api.remove_image(f"{shelf.name}@{digest}")
    shelf.registry.stop()
    try:
        told: list[str] = []
        await runtime.prepare(wanted, told.append)
        assert told == []
        await describe(await runtime.start(spec(wanted)))
    finally:
        shelf.registry.start()


@pytest.mark.parametrize("part", ["manifest", "configuration", "layer"])
async def test_what_was_changed_in_the_registrys_storage_does_not_run(
    shelf: Shelf, runtime: DockerRuntime, tmp_path: Path, part: str
) -> None:
    digest = await asyncio.to_thread(shelf.push, "1.0.0", tmp_path)
    manifest = shelf.registry.blob_file(digest)
    changed = {
        "manifest": manifest,
        "configuration": shelf.registry.blob_file(json.loads(manifest.read_bytes())["config"]["digest"]),
        "layer": shelf.registry.blob_file(shelf.layer(digest)),
    }[part]
    before = changed.read_bytes()
    at = len(before) // 2
    changed.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
    assert hashlib.sha256(changed.read_bytes()).digest() != hashlib.sha256(before).digest()
    with pytest.raises(ImageRefused) as caught:
        await runtime.prepare(release(shelf, digest), lambda text: None)
    assert caught.value.hint
    assert not shelf.has(digest)
    assert await runtime.list() == []


async def test_logins_that_are_missing_or_wrong_end_in_words_without_the_password(
    shelf: Shelf, home: Home, tmp_path: Path
) -> None:
    digest = await asyncio.to_thread(shelf.push, "1.0.0", tmp_path)
    settings = Settings.model_validate({"home": home.path, "base_image": need_docker()})
    for login in (None, Login(username=USER, password="hunter2")):
        runtime = DockerRuntime(home, settings, find_login=lambda host, login=login: login)  # type: ignore[misc]
        with pytest.raises(ImageRefused) as caught:
            await runtime.prepare(release(shelf, digest), lambda text: None)
        await runtime.close()
        assert f"plugway registry login {shelf.registry.host}" in caught.value.hint
        assert "hunter2" not in f"{caught.value.problem()}"


async def test_a_registry_that_stops_in_the_middle_of_a_layer_is_not_waited_for_without_end(
    home: Home,
) -> None:
    configuration = json.dumps(
        {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers"}}
    ).encode()
    layer = "sha256:" + "5" * 64
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(CONFIG, configuration, digest_of(configuration)),
            "layers": [{"mediaType": LAYER, "digest": layer, "size": 10**6}],
        }
    ).encode()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(30)

    async def answer(request: Request) -> Response:
        path = request.url.path
        if "/manifests/" in path:
            return Response(manifest, media_type=OCI_MANIFEST)
        if path.endswith(layer):
            return StreamingResponse(stuck(), headers={"Content-Length": str(10**6)})
        return Response(configuration if "/blobs/" in path else b"{}")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "HEAD"])])
    async with serving(app) as url:
        image = ImageArtifact(reference=f"{url.removeprefix('http://')}/x", digest=digest_of(manifest))

        def pull() -> None:
            with contextlib.closing(docker.from_env()) as client:
                have_pulled(client, home, tiny(image), lambda host: None, lambda text: None, silence=1.5)

        with pytest.raises(RegistryAway, match="said nothing for"):
            await asyncio.wait_for(asyncio.to_thread(pull), 20)


async def test_an_image_that_the_gateway_built_can_be_pushed_and_installed_as_it_is(shelf: Shelf) -> None:
    await asyncio.to_thread(shelf.push_as_built, "built")
    fetcher = Fetcher(read_allow_list("127.0.0.1"), timeout=10, max_bytes=2**20)
    source = OciSource(Registries(fetcher, {shelf.registry.host: LOGIN}.get, timeout=10))
    definition = parse_definition(
        {"id": "tiny", "source": "oci", "sourceUrl": f"oci://{shelf.name}:built", "version": "1.0.0"}
    )
    found = await source.resolve(definition)
    assert (found.version, found.permissions, found.ui_type) == ("1.0.0", tiny().permissions, tiny().ui_type)


async def test_from_login_to_purge_with_a_gateway(shelf: Shelf, tmp_path: Path) -> None:
    """Install by tag; the tag moves, the registry goes, the gateway is started anew: the same bytes run."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "policy.toml").write_text(POLICY)
    digest = await asyncio.to_thread(shelf.push, "1.0.0", tmp_path)
    settings = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1", "PLUGWAY_BASE_IMAGE": need_docker()}
    definition = {
        "id": "tiny",
        "source": "external",
        "sourceUrl": f"oci://{shelf.name}:1.0.0",
        "lockVersion": True,
    }
    ground = Ground(home, "docker")
    try:
        async with gateway(home, "docker", settings) as running:
            refused = await running.client.post("/api/v1/plugins", json=definition)
            assert refused.status_code == 422
            assert refused.json()["type"] == "urn:plugway:problem:registry-login"
            command = ("registry", "login", shelf.registry.host, "-u", USER, "--password-stdin")
            assert (await plugway(*command, stdin=PASSWORD, PLUGWAY_HOME=str(home))).code == 0
            shown = await running.client.post("/api/v1/plugins", json=definition)
            assert shown.status_code == 409
            consent = {"consent": shown.json()["consent"]}
            installing = await running.client.post("/api/v1/plugins", json=definition, params=consent)
            installing.raise_for_status()
            installed = await running.healthy("tiny")
            image = await asyncio.to_thread(_running_image, ground)
            moved = await asyncio.to_thread(shelf.push, "1.0.0", tmp_path, name="Moved")
            assert moved != digest
            verified = (await running.client.post("/api/v1/plugins/tiny/verify")).json()
            told = {check["what"]: check for check in verified["checks"]}["tag"]
            assert told["ok"] is False
            assert moved in told["words"]
            assert digest in told["words"]
            held = await running.client.post("/api/v1/plugins/tiny/rollouts", json={"version": "1.0.0"})
            assert held.json()["type"] == "urn:plugway:problem:pinned"
            (await running.client.post("/api/v1/plugins/tiny/restart")).raise_for_status()
            assert (await running.healthy("tiny"))["releaseId"] == installed["releaseId"]
            assert PASSWORD not in "\n".join(running.lines)
            assert PASSWORD not in json.dumps(await running.plugin("tiny"))
        await asyncio.to_thread(shelf.registry.stop)
        async with gateway(home, "docker", settings) as running:
            again = await running.healthy("tiny")
            assert again["releaseId"] == installed["releaseId"]
            assert await asyncio.to_thread(_running_image, ground) == image
            assert shelf.has(digest)
            gone = await running.client.delete("/api/v1/plugins/tiny", params={"purge": "true"})
            gone.raise_for_status()
        assert not shelf.has(digest)
        assert not await asyncio.to_thread(ground.images)
    finally:
        await asyncio.to_thread(ground.sweep)
        if shelf.registry.stopped:
            await asyncio.to_thread(shelf.registry.start)


def _running_image(ground: Ground) -> str:
    with contextlib.closing(ground.client()) as client:
        filters: dict[str, Any] = {"label": f"plugway.home={ground.mark}"}
        (container,) = client.containers.list(filters=filters)
        return str(container.attrs["Image"])
