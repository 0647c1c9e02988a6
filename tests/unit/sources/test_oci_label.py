"""The label that the gateway gives to images it builds is the one that it reads."""

from __future__ import annotations

import json

from gateway.model import IMAGE_MANIFEST
from gateway.runtimes.docker_image import manifest_label
from gateway.sources.oci_label import label_line, read_configuration
from tests.samples import make_release


def test_what_is_written_is_what_is_read() -> None:
    release = make_release()
    labels = {IMAGE_MANIFEST: manifest_label(release)}
    configuration = {"os": "linux", "config": {"Labels": labels}}
    found = read_configuration(json.dumps(configuration).encode(), "notes")
    assert (found.id, found.version, found.name) == (release.plugin_id, release.version, release.name)
    assert found.ui_type is release.ui_type
    assert found.granted == release.permissions


def test_the_line_for_authors_holds_by_itself() -> None:
    text = label_line("notes").removeprefix(f"LABEL {IMAGE_MANIFEST}='").removesuffix("'")
    configuration = {"os": "linux", "config": {"Labels": {IMAGE_MANIFEST: text}}}
    assert read_configuration(json.dumps(configuration).encode(), "notes").version == "1.0.0"
