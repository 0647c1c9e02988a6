"""Indexes made from directories."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.catalogue.errors import CatalogueRefused
from gateway.catalogue.index import Index, parse_index
from gateway.catalogue.make import BadCatalogueDirectory, make_payload, next_serial
from gateway.trust.keys import generate
from tests.fakes.catalogue import digest, index, picture, plugin, signed, version

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "catalogue.toml").write_text('name = "acme"\ntitle = "Acme"\n')
    clock = tmp_path / "clock"
    clock.mkdir()
    (clock / "shot.png").write_bytes(picture())
    (clock / "plugin.toml").write_text(
        'name = "Clock"\ndescription = "The time."\ncategories = ["time"]\n'
        '[[screenshots]]\npath = "clock/shot.png"\nalt = "The clock at noon"\n'
    )
    put(tmp_path, "1.0.0", version("clock", "1.0.0")["definition"])
    put(tmp_path, "1.1.0", {**version("clock", "1.1.0"), "notes": "Faster."})
    return tmp_path


def put(directory: Path, number: str, document: Any) -> None:
    (directory / "clock" / f"{number}.json").write_text(json.dumps(document))


def made(directory: Path) -> Index:
    return parse_index(make_payload(directory, serial=7, issued=NOW, expires=NOW + timedelta(days=30)))


def test_a_directory_becomes_an_index(directory: Path) -> None:
    found = made(directory)
    clock = found.plugins["clock"]
    assert (found.name, found.serial, clock.name, clock.categories) == ("acme", 7, "Clock", ("time",))
    assert [(one.version, one.notes) for one in clock.versions] == [("1.1.0", "Faster."), ("1.0.0", "")]
    assert f"sha256:{clock.screenshots[0].sha256}" == digest(picture())


@pytest.mark.parametrize(
    ("number", "document", "says"),
    [
        ("1.2.0", {"id": "other", "source": "cdn"}, "another plugin"),
        ("1.2.0", {"source": "teleport"}, "source"),
        ("1.2.0", {"definition": {"source": "cdn", "verified": True}}, "verified"),
        ("1.2.0", [1], "not a JSON object"),
    ],
)
def test_every_definition_has_to_hold(directory: Path, number: str, document: Any, says: str) -> None:
    put(directory, number, document)
    with pytest.raises(BadCatalogueDirectory) as caught:
        made(directory)
    assert says in caught.value.detail


def test_what_a_gateway_would_refuse_is_not_made(directory: Path) -> None:
    put(directory, "one", version("clock", "1.0.0")["definition"] | {"version": "one"})
    with pytest.raises(CatalogueRefused):
        made(directory)


def test_a_screenshot_has_to_be_a_picture(directory: Path) -> None:
    (directory / "clock" / "shot.png").write_text("<svg onload='alert(1)'/>")
    with pytest.raises(BadCatalogueDirectory, match="no picture"):
        made(directory)
    (directory / "clock" / "shot.png").unlink()
    with pytest.raises(BadCatalogueDirectory, match="cannot be read"):
        made(directory)


def test_serials_only_grow() -> None:
    assert next_serial(b"", 1000.9) == 1000
    earlier = signed(index(plugin("clock"), serial=5000), [generate()])
    assert next_serial(earlier, 1000.0) == 5001
    assert next_serial(earlier, 9000.0) == 9000
