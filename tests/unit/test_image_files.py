"""Images that are kept as files: whole or not at all, and never taken for what they are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.image_files import FOLDER, ImageDamaged, hexadecimal, keep_image, kept_envelopes, kept_image
from tests.kept_images import ImageFiles, Written, write_image


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def image(tmp_path: Path, home: Path) -> Written:
    written = write_image(tmp_path / "files")
    keep_image(home, written.index, written.files, (b"one", b"\xff\x00"))
    return written


def place(home: Path, image: Written, digest: str) -> Path:
    return home / FOLDER / hexadecimal(image.index) / hexadecimal(digest)


def rewrite(path: Path, data: bytes) -> None:
    """In place of it: it may be a link to the original."""
    path.unlink()
    path.write_bytes(data)


def test_what_is_kept_is_found_again_with_its_signatures(home: Path, image: Written) -> None:
    found = kept_image(home, image.index)
    assert found is not None
    assert (found.root, found.manifest, found.config) == (image.index, image.manifest, image.config)
    assert found.layers == image.layers
    assert found.digests == (image.index, image.manifest, image.config, *image.layers)
    assert found.path(image.config).read_bytes() == image.files[image.config].read_bytes()
    assert kept_envelopes(home, image.index) == (b"one", b"\xff\x00")
    assert kept_image(home, image.manifest) is None


def test_an_image_without_an_index_is_named_by_its_manifest(home: Path, tmp_path: Path) -> None:
    written = write_image(tmp_path / "files")
    files = {digest: path for digest, path in written.files.items() if digest != written.index}
    keep_image(home, written.manifest, files)
    found = kept_image(home, written.manifest)
    assert found is not None
    assert found.root == found.manifest == written.manifest
    assert len(found.digests) == 4


@pytest.mark.parametrize("which", ["index", "manifest", "config", "layer"])
@pytest.mark.parametrize("how", ["other bytes", "cut off", "gone"])
def test_damage_to_any_file_is_found(home: Path, image: Written, which: str, how: str) -> None:
    digest = image.layers[1] if which == "layer" else str(getattr(image, which))
    path = place(home, image, digest)
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        rewrite(path, data[:-1] if how == "cut off" else data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ImageDamaged) as caught:
        kept_image(home, image.index)
    assert image.index in caught.value.detail
    assert "import its bundle again" in caught.value.hint


@pytest.mark.parametrize(
    "document",
    [b"[]", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"config": 1, "layers": []}', b'{"manifests": 3}'],
    ids=["list", "null", "empty", "no text", "deep", "no digest", "no list"],
)
def test_documents_with_the_right_digest_and_the_wrong_form(
    home: Path, tmp_path: Path, document: bytes
) -> None:
    (tmp_path / "files").mkdir()
    files = ImageFiles(tmp_path / "files")
    root = files.put(document)
    keep_image(home, root, files.files)
    with pytest.raises(ImageDamaged):
        kept_image(home, root)


def test_a_document_of_any_size_is_not_read(home: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    files = ImageFiles(tmp_path / "files")
    root = files.put(json.dumps({"manifests": "x" * 5 * 2**20}).encode())
    keep_image(home, root, files.files)
    with pytest.raises(ImageDamaged, match="other bytes"):
        kept_image(home, root)


def test_where_one_file_is_missing_nothing_is_kept_and_the_next_try_works(home: Path, tmp_path: Path) -> None:
    written = write_image(tmp_path / "files")
    lost = written.files[written.layers[0]]
    data = lost.read_bytes()
    lost.unlink()
    with pytest.raises(FileNotFoundError):
        keep_image(home, written.index, written.files)
    assert list((home / FOLDER).iterdir()) == []
    assert kept_image(home, written.index) is None
    lost.write_bytes(data)
    keep_image(home, written.index, written.files)
    assert kept_image(home, written.index) is not None


def test_what_is_there_already_stays_as_it_is(home: Path, image: Written) -> None:
    keep_image(home, image.index, {}, (b"later",))
    assert kept_envelopes(home, image.index) == (b"one", b"\xff\x00")


@pytest.mark.parametrize("text", ["", "{", "[1]", '["%"]', "3"])
def test_signatures_that_cannot_be_read_are_none(home: Path, image: Written, text: str) -> None:
    rewrite(home / FOLDER / hexadecimal(image.index) / "envelopes.json", text.encode())
    assert kept_envelopes(home, image.index) == ()
    assert kept_envelopes(home, image.manifest) == ()
