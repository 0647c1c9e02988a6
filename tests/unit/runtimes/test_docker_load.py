"""Kept images, handed to an engine: what it is given, and each way in which it may not take it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.image_files import FOLDER, ImageDamaged, hexadecimal, keep_image
from gateway.model import ImageArtifact, Release
from gateway.runtimes.base import RuntimeFailure
from gateway.runtimes.docker_load import ImageNotLoaded, load_kept
from gateway.runtimes.docker_names import image_repository
from tests.fakes.load_engine import LoadEngine, load_engine
from tests.kept_images import Written, write_image
from tests.samples import make_release

OTHER = "sha256:" + "1" * 64


@dataclass
class Bed:
    place: Path
    home: Home
    image: Written
    release: Release

    @property
    def tag(self) -> str:
        return f"{image_repository(self.home, self.release.plugin_id)}:{self.release.id}"

    def load(self, engine: LoadEngine) -> tuple[bool, list[str]]:
        told: list[str] = []
        with load_engine(self.place, engine) as client:
            return load_kept(client, self.home, self.release, told.append), told


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    home = Home(tmp_path / "home").open()
    image = write_image(tmp_path / "files")
    keep_image(home.path, image.index, image.files)
    artifact = ImageArtifact(reference="registry.example/notes:1.0.0", digest=image.index)
    yield Bed(tmp_path, home, image, make_release(artifact=artifact))
    home.close()


@pytest.mark.parametrize("named_by", ["config", "manifest", "index"])
def test_it_is_given_every_file_under_its_digest_and_its_tag(bed: Bed, named_by: str) -> None:
    engine = LoadEngine(makes=str(getattr(bed.image, named_by)))
    assert bed.load(engine)[0]
    blobs = {name: data for name, data in engine.files.items() if name.startswith("blobs/")}
    assert {f"blobs/sha256/{hashlib.sha256(data).hexdigest()}" for data in blobs.values()} == set(blobs)
    kept = {bed.image.manifest, bed.image.config, *bed.image.layers}
    # Not the index: it names images that are not here, and engines look for them.
    assert set(blobs) == {f"blobs/sha256/{hexadecimal(digest)}" for digest in kept}
    [own] = json.loads(engine.files["manifest.json"])
    assert own["RepoTags"] == [bed.tag]
    assert [f"sha256:{layer.rpartition('/')[2]}" for layer in own["Layers"]] == list(bed.image.layers)
    [named] = json.loads(engine.files["index.json"])["manifests"]
    assert named["digest"] == bed.image.manifest
    assert named["size"] == len(blobs[f"blobs/sha256/{hexadecimal(bed.image.manifest)}"])
    assert engine.removed == []


def test_what_is_loaded_is_told(bed: Bed) -> None:
    assert "registry.example/notes" in bed.load(LoadEngine(makes=bed.image.config))[1][0]


def test_what_is_not_kept_is_not_loaded(bed: Bed) -> None:
    bed.release = make_release(artifact=ImageArtifact(reference="registry.example/notes", digest=OTHER))
    engine = LoadEngine(makes=OTHER)
    assert bed.load(engine) == (False, [])
    assert engine.files == {}


@pytest.mark.parametrize("how", ["other bytes", "gone"])
def test_of_a_corrupt_layer_the_engine_is_given_nothing(bed: Bed, how: str) -> None:
    path = bed.home.path / FOLDER / hexadecimal(bed.image.index) / hexadecimal(bed.image.layers[1])
    data = path.read_bytes()
    path.unlink()
    if how == "other bytes":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    engine = LoadEngine(makes=bed.image.config)
    with pytest.raises(ImageDamaged, match=bed.image.index):
        bed.load(engine)
    assert engine.files == {}


def test_an_engine_that_makes_another_image_of_it_loses_the_tag_again(bed: Bed) -> None:
    engine = LoadEngine(makes=OTHER)
    with pytest.raises(ImageNotLoaded, match=f"made {OTHER} of it, not {bed.image.config}"):
        bed.load(engine)
    assert engine.removed == [bed.tag]


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (LoadEngine(status=500, says=("no space left on device",)), "no space left on device"),
        (
            LoadEngine(says=('{"stream": "a"}', "", '{"error": "invalid diffID for layer 0"}')),
            "invalid diffID for layer 0",
        ),
        (LoadEngine(), "No such image"),
    ],
    ids=["answers 500", "an error in its answer", "says nothing and has no image"],
)
def test_an_engine_that_does_not_take_it_is_quoted(bed: Bed, engine: LoadEngine, words: str) -> None:
    with pytest.raises(ImageNotLoaded, match=words) as caught:
        bed.load(engine)
    assert caught.value.hint
    assert caught.value.plugin == "notes"


@pytest.mark.parametrize("where", ["before its answer", "within its answer"])
def test_an_engine_that_breaks_off_is_no_fault_of_the_image(bed: Bed, where: str) -> None:
    with pytest.raises(RuntimeFailure, match="broke off"):
        bed.load(LoadEngine(makes=bed.image.config, breaks_off=where))
