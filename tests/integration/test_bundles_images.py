"""Images in bundles: from a real registry through a file into an engine, with all registries away."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.home import Home
from gateway.image_files import hexadecimal, keep_image
from gateway.model import ImageArtifact, Login, PluginId, Source, Tier, VerifiedRelease
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.docker_load import ImageNotLoaded
from gateway.settings import Settings
from gateway.sources.addresses import read_allow_list
from gateway.sources.fetch import Fetcher
from gateway.sources.oci import OciSource
from gateway.sources.oci_documents import OCI_INDEX, digest_of
from gateway.sources.oci_reference import parse_reference
from gateway.sources.oci_registry import Registries
from tests.command import Ran, plugway
from tests.contract.runtime_kit import tiny
from tests.fakes.catalogue import Publisher, plugin, signed, version
from tests.fakes.catalogue import index as index_of
from tests.fakes.serving import serving
from tests.fakes.unsigned import install_agreed
from tests.ground import Ground
from tests.image_registry import PASSWORD, USER
from tests.image_shelf import Shelf, image_shelf
from tests.parts import need_docker
from tests.running import RunningGateway, gateway
from tests.signing import ONE, STRANGER, TWO, envelope, lock

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(300)]
AWAY = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1", "PLUGWAY_CATALOGUE_INTERVAL": "0"}


@dataclass
class Origin:
    """What a site with a network has exported; its registry is away, and its engine has forgotten all."""

    bundle: Path
    release: str
    digest: str
    definition: dict[str, Any]
    catalogue: Publisher

    def parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        with tarfile.open(self.bundle) as tar:
            found = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
        return json.loads(found.pop("manifest.json")), found


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with image_shelf(tmp_path_factory.mktemp("shelf")) as shelf:
        yield shelf


@pytest.fixture(scope="module")
def origin(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Origin:
    return asyncio.run(_exported(shelf, tmp_path_factory.mktemp("origin")))


async def _exported(shelf: Shelf, root: Path) -> Origin:
    """The image lies in an index, as those for several platforms do; two have signed it."""
    home, bundle = root / "home", root / "plugins.bundle"
    digest = await asyncio.to_thread(_push_index, shelf, root)
    source = OciSource(
        Registries(
            Fetcher(read_allow_list("127.0.0.1"), timeout=30, max_bytes=2**20),
            {shelf.registry.host: Login(username=USER, password=PASSWORD)}.get,
            timeout=30,
        )
    )
    for key in (ONE, TWO):
        await source.push_envelope(parse_reference(f"oci://{shelf.name}@{digest}"), _signature(key, digest))
    definition = {"id": "tiny", "version": "1.0.0", "source": "oci", "sourceUrl": f"oci://{shelf.name}:1.0.0"}
    trust(home, ONE.public.line)
    publisher = Publisher()
    offer = version("tiny", "1.0.0")
    offer["definition"] = definition
    async with serving(publisher.web) as publisher.base:
        publisher.publish(plugin("tiny", offer, description="From a catalogue."))
        async with gateway(home, "docker", AWAY) as running:
            command = ("registry", "login", shelf.registry.host, "-u", USER, "--password-stdin")
            assert (await plugway(*command, stdin=PASSWORD, PLUGWAY_HOME=str(home))).code == 0
            added = {"name": "acme", "url": publisher.url, "keys": [publisher.key.public.line]}
            (await running.client.post("/api/v1/catalogues", json=added)).raise_for_status()
            await install_agreed(running, definition)
            found = await running.healthy("tiny")
            ran = await told(running, "bundle", "export", "tiny", "-o", str(bundle))
            assert ran.code == 0, ran
            # Once it is kept, the registry is not needed for the next.
            await asyncio.to_thread(shelf.registry.stop)
            again = root / "again.bundle"
            ran = await told(running, "bundle", "export", "tiny", "-o", str(again))
            assert ran.code == 0, ran
            assert again.read_bytes() == bundle.read_bytes()
            purged = await running.client.delete("/api/v1/plugins/tiny", params={"purge": "true"})
            purged.raise_for_status()
    assert not shelf.has(digest)
    return Origin(bundle, str(found["releaseId"]), digest, definition, publisher)


def _push_index(shelf: Shelf, root: Path) -> str:
    image = shelf.push("single", root)
    document = shelf.registry.blob_file(image).read_bytes()
    kind = json.loads(document)["mediaType"]
    entry = {"mediaType": kind, "digest": image, "size": len(document)}
    machine = shelf.client.version()["Arch"]
    entries = [{**entry, "platform": {"os": "linux", "architecture": machine}}]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    with shelf.registry.client() as client:
        place = "/v2/team/tiny/manifests/1.0.0"
        client.put(place, content=index, headers={"Content-Type": OCI_INDEX}).raise_for_status()
    return digest_of(index)


def _signature(key: Any, digest: str) -> bytes:
    said = lock(plugin="tiny", version="1.0.0", ui_type="none", permissions={"volumes": ["data"]})
    return envelope(key, said=said, subjects={"image": digest})


def trust(home: Path, key: str) -> Path:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    signer = f'[signers.acme]\nplugins = ["tiny"]\nkeys = [{{ public = "{key}" }}]\n'
    (home / "policy.toml").write_text(f"policy = 1\n{signer}")
    return home


async def told(running: RunningGateway, *words: str) -> Ran:
    token = (running.home / "admin.token").read_text().strip()
    return await plugway(*words, PLUGWAY_URL=running.base, PLUGWAY_TOKEN=token)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Path]:
    """The home of a site that trusts the second signer alone. What it leaves in the engine goes."""
    home = trust(tmp_path / "site", TWO.public.line)
    yield home
    if (home / "home.id").exists():
        await asyncio.to_thread(Ground(home, "docker").sweep)


async def ids(running: RunningGateway) -> list[str]:
    return [one["id"] for one in (await running.client.get("/api/v1/plugins")).json()["plugins"]]


def left(home: Path) -> list[str]:
    """What lies in the home of images and of half an import."""
    places = [home / "external" / "tmp", home / "images"]
    return [path.name for place in places if place.exists() for path in place.iterdir()]


def images(home: Path) -> list[str]:
    return Ground(home, "docker").images()


async def test_an_image_runs_where_nothing_can_be_fetched(
    shelf: Shelf, origin: Origin, site: Path, tmp_path: Path
) -> None:
    async with gateway(site, "docker", AWAY) as running:
        key, url = origin.catalogue.key.public.line, origin.catalogue.url
        ran = await told(running, "catalogue", "add", "acme", url, "--key", key)
        assert ran.code != 0, ran
        ran = await told(running, "catalogue", "add", "acme", url, "--key", key, "--offline")
        assert ran.code == 0, ran
        ran = await told(running, "bundle", "import", str(origin.bundle), "--yes")
        assert ran.code == 0, ran
        # By the signer that this site trusts, not the one that counted there.
        assert "Signed by acme" in ran.out
        assert "Signed with the keys of the catalogue acme: it is taken" in ran.out
        installed = await running.healthy("tiny")
        assert installed["releaseId"] == origin.release
        assert await asyncio.to_thread(_image_that_runs, site) == _configuration(origin)
        found = (await running.client.get("/api/v1/catalog", params={"catalogue": "acme"})).json()
        assert [(one["id"], one["installed"]) for one in found["plugins"]] == [("tiny", True)]
        onward = tmp_path / "onward.bundle"
        ran = await told(running, "bundle", "export", "tiny", "-o", str(onward))
        assert ran.code == 0, ran
        with tarfile.open(onward) as there, tarfile.open(origin.bundle) as here:
            assert sorted(there.getnames()) == sorted(here.getnames())
        (mine,), (theirs,) = _plugins(onward), _plugins(origin.bundle)
        signatures = {theirs.pop("envelope"), *theirs.pop("envelopes")}
        assert {mine.pop("envelope"), *mine.pop("envelopes")} == signatures
        assert mine == theirs
    # The engine has lost it; it is loaded again, and the catalogue is verified again.
    await asyncio.to_thread(_forget_image, site)
    async with gateway(site, "docker", AWAY) as running:
        await running.healthy("tiny")
        (catalogue,) = (await running.client.get("/api/v1/catalogues")).json()["catalogues"]
        assert (catalogue["plugins"], catalogue["problem"], catalogue["serial"]) == (1, "", 1)
        purged = await running.client.delete("/api/v1/plugins/tiny", params={"purge": "true"})
        purged.raise_for_status()
        assert await asyncio.to_thread(images, site) == []
    async with gateway(site, "docker", AWAY):
        assert left(site) == []


def _plugins(bundle: Path) -> list[dict[str, Any]]:
    with tarfile.open(bundle) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        return list(json.loads(file.read())["plugins"])


def _configuration(origin: Origin) -> str:
    """The digest that engines name the image by."""
    _, files = origin.parts()
    index = json.loads(files[f"files/{hexadecimal(origin.digest)}"])
    manifest = json.loads(files[f"files/{hexadecimal(index['manifests'][0]['digest'])}"])
    return str(manifest["config"]["digest"])


def _image_that_runs(home: Path) -> str:
    ground = Ground(home, "docker")
    with contextlib.closing(ground.client()) as client:
        (container,) = client.containers.list(filters={"label": f"plugway.home={ground.mark}"})
        return str(container.attrs["Image"])


def _forget_image(home: Path) -> None:
    ground = Ground(home, "docker")
    with contextlib.closing(ground.client()) as client:
        for container in client.containers.list(all=True, filters={"label": f"plugway.home={ground.mark}"}):
            container.remove(force=True)
        for image in ground.images():
            client.api.remove_image(image, force=True)


def _write(target: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    with tarfile.open(target, "w") as tar:
        for name, content in {"manifest.json": json.dumps(manifest).encode(), **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


class Forger:
    """Somebody on the way, who makes the bundle's list fit whatever is changed."""

    def __init__(self, origin: Origin) -> None:
        self.manifest, self.files = origin.parts()
        (self.plugin,) = self.manifest["plugins"]
        self.index = self._json(origin.digest)
        self.image = self._json(self.index["manifests"][0]["digest"])

    def _json(self, digest: str) -> dict[str, Any]:
        return dict(json.loads(self.files[f"files/{hexadecimal(digest)}"]))

    def swap(self, old: str, content: bytes) -> str:
        """Other bytes in the place of a digest, under their own; returns that."""
        new = digest_of(content)
        del self.files[f"files/{hexadecimal(old)}"]
        self.files[f"files/{hexadecimal(new)}"] = content
        self.plugin["parts"] = [new if part == old else part for part in self.plugin["parts"]]
        if self.plugin["file"] == old:
            self.plugin["file"] = new
        return new


def _layer_bytes(forger: Forger) -> None:
    name = f"files/{hexadecimal(forger.image['layers'][-1]['digest'])}"
    forger.files[name] = forger.files[name][:-1] + b"x"


def _layer_listed_anew(forger: Forger) -> None:
    old = forger.image["layers"][-1]["digest"]
    forger.swap(old, forger.files[f"files/{hexadecimal(old)}"][:-1] + b"x")


def _layer_up_to_the_root(forger: Forger) -> None:
    old = forger.image["layers"][-1]["digest"]
    new = forger.swap(old, forger.files[f"files/{hexadecimal(old)}"][:-1] + b"x")
    forger.image["layers"][-1]["digest"] = new
    entry = forger.index["manifests"][0]
    document = json.dumps(forger.image).encode()
    entry["digest"], entry["size"] = forger.swap(entry["digest"], document), len(document)
    forger.swap(forger.plugin["file"], json.dumps(forger.index).encode())
    # Left is the one of whom this site trusts.
    forger.plugin["envelope"] = ""


def _layer_missing(forger: Forger) -> None:
    old = forger.image["layers"][-1]["digest"]
    del forger.files[f"files/{hexadecimal(old)}"]
    forger.plugin["parts"].remove(old)


def _part_of_its_own(forger: Forger) -> None:
    content = b"something else"
    forger.files[f"files/{hexadecimal(digest_of(content))}"] = content
    forger.plugin["parts"].append(digest_of(content))


def _version(forger: Forger) -> None:
    forger.plugin["version"] = forger.plugin["definition"]["version"] = "9.0.0"


def _no_signatures(forger: Forger) -> None:
    forger.plugin["envelope"], forger.plugin["envelopes"] = "", []


def _catalogue(forger: Forger) -> None:
    (old,) = forger.manifest["catalogues"]
    forged = signed(index_of(plugin("tiny"), serial=7), [STRANGER])
    del forger.files[f"files/{hexadecimal(old)}"]
    forger.files[f"files/{hexadecimal(digest_of(forged))}"] = forged
    forger.manifest["catalogues"] = [digest_of(forged)]


FORGERIES: dict[str, tuple[Callable[[Forger], None], str]] = {
    "a layer's bytes": (_layer_bytes, "another digest than its name says"),
    "a layer and the list": (_layer_listed_anew, "lacks its part"),
    "a layer, list, manifest and index": (_layer_up_to_the_root, "Not what was signed"),
    "a layer left out": (_layer_missing, "lacks its part"),
    "a part of no image": (_part_of_its_own, "is none"),
    "another version": (_version, "it is offered as 9.0.0"),
    "no signatures": (_no_signatures, "is not signed"),
    "a catalogue that another key signed": (_catalogue, "None of the keys"),
}


async def test_what_was_changed_on_the_way_leaves_nothing(origin: Origin, site: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.bundle"
    key = origin.catalogue.key.public.line
    (site / "catalogues.toml").write_text(
        f'catalogues = 1\n[catalogue.acme]\nurl = "{origin.catalogue.url}"\nkeys = ["{key}"]\n'
        'index = "acme"\n'
    )
    async with gateway(site, "docker", AWAY) as running:
        for what, (forge, why) in FORGERIES.items():
            forger = Forger(origin)
            forge(forger)
            _write(bad, forger.manifest, forger.files)
            ran = await told(running, "bundle", "import", str(bad), "--yes")
            assert ran.code == 6, (what, ran)
            assert why in ran.err, (what, ran)
            # Past the command line, too.
            answer = await running.client.post(
                "/api/v1/bundles", params={"consent": origin.release}, content=bad.read_bytes()
            )
            assert answer.is_client_error, (what, answer.text)
            assert await ids(running) == [], what
            assert left(site) == [], what
        assert await asyncio.to_thread(images, site) == []
        (catalogue,) = (await running.client.get("/api/v1/catalogues")).json()["catalogues"]
        assert catalogue["serial"] is None


async def test_a_gateway_of_processes_refuses_an_image_before_anything(
    origin: Origin, tmp_path: Path
) -> None:
    home = trust(tmp_path / "home", ONE.public.line)
    async with gateway(home, "process", AWAY) as running:
        ran = await told(running, "bundle", "import", str(origin.bundle), "--yes")
        assert ran.code != 0
        assert "RUNTIME=docker" in ran.err, ran
        assert (await ids(running), left(home)) == ([], [])


async def test_killed_in_the_middle_it_leaves_the_plugin_or_nothing(origin: Origin, site: Path) -> None:
    die_at = site.parent / "die-at"
    settings = {**AWAY, "DIE_AT": str(die_at)}
    consent = {"consent": origin.release}

    async def dies(running: RunningGateway, step: str) -> None:
        die_at.write_text(step)
        with contextlib.suppress(httpx.HTTPError):
            await running.client.post("/api/v1/bundles", params=consent, content=origin.bundle.read_bytes())
        await asyncio.wait_for(running.process.wait(), 60)
        die_at.unlink()

    for step, there in (("kept", False), ("added", True), ("loading", True), ("loaded", True)):
        async with gateway(site, "docker", settings, module="tests.fakes.dying_installs") as running:
            await dies(running, step)
        async with gateway(site, "docker", settings) as running:
            if there:
                await running.healthy("tiny")
                assert left(site) == [hexadecimal(origin.digest)], step
                purged = await running.client.delete("/api/v1/plugins/tiny", params={"purge": "true"})
                purged.raise_for_status()
            assert await ids(running) == [], step
            assert await asyncio.to_thread(images, site) == [], step
        async with gateway(site, "docker", settings):
            assert left(site) == [], step


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home").open()
    assert home.id
    yield home
    home.close()


@pytest.fixture
async def runtime(home: Home) -> AsyncIterator[DockerRuntime]:
    runtime = DockerRuntime(home, Settings.model_validate({"home": home.path, "base_image": need_docker()}))
    yield runtime
    await runtime.purge(PluginId("tiny"))
    await runtime.close()


async def test_an_image_whose_layers_are_not_those_of_its_configuration_is_not_loaded(
    origin: Origin, runtime: DockerRuntime, home: Home, tmp_path: Path
) -> None:
    """Every digest fits but the one that only the engine can see: of a layer as it is unpacked."""
    root = await asyncio.to_thread(_keep_with_strange_layers, origin, home, tmp_path)
    artifact = ImageArtifact(reference="away.invalid/team/tiny", digest=root)
    release = VerifiedRelease(replace(tiny(artifact), source=Source.OCI, tier=Tier.EXTERNAL))
    with pytest.raises(ImageNotLoaded) as caught:
        await runtime.prepare(release, lambda text: None)
    assert caught.value.hint
    assert await asyncio.to_thread(images, home.path) == []


def _keep_with_strange_layers(origin: Origin, home: Home, place: Path) -> str:
    forger, files = Forger(origin), {}

    def put(content: bytes) -> str:
        digest = digest_of(content)
        files[digest] = place / hexadecimal(digest)
        files[digest].write_bytes(content)
        return digest

    stranger = io.BytesIO()
    with tarfile.open(fileobj=stranger, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("opt/stranger"))
    for layer in forger.image["layers"]:
        layer["digest"] = put(stranger.getvalue())
        layer["size"] = len(stranger.getvalue())
    put(forger.files[f"files/{hexadecimal(forger.image['config']['digest'])}"])
    root = put(json.dumps(forger.image).encode())
    keep_image(home.path, root, files)
    return root
