"""What the engine says of a pull, put into words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.model import ImageArtifact, Login
from gateway.runtimes.docker_pull import ImageRefused, RegistryAway, refusal, told
from tests.samples import DIGEST, make_release

ARTIFACT = ImageArtifact(reference="registry.example/notes", digest=DIGEST)


def test_progress_is_told_in_sums_and_seldom() -> None:
    events: list[Mapping[str, Any]] = [
        {"status": "Pulling from notes", "id": DIGEST},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 2**20, "total": 4 * 2**20}},
        {"status": "Downloading", "id": "b", "progressDetail": {"current": 2**20, "total": 2 * 2**20}},
        {"status": "Download complete", "id": "b", "progressDetail": {}},
        {"status": "Pull complete", "id": "b", "progressDetail": {}},
        {"status": "Status: Downloaded newer image"},
    ]
    assert list(told(iter(events), every=0)) == ["1 of 4 MiB", "2 of 6 MiB", "3 of 6 MiB"]
    assert list(told(iter(events), every=60)) == []


@pytest.mark.parametrize(
    ("why", "kind", "hint"),
    [
        ("filesystem layer verification failed for digest sha256:0", ImageRefused, "other bytes"),
        ("unauthorized: authentication required", ImageRefused, "plugway registry login registry.example"),
        ("http: server gave HTTP response to HTTPS client", ImageRefused, "insecure-registries"),
        ("x509: certificate signed by unknown authority", ImageRefused, "certs.d/registry.example/ca.crt"),
        ("manifest unknown", ImageRefused, "Push it again"),
        ("dial tcp: connection refused", RegistryAway, "tried again"),
    ],
)
def test_each_failure_says_what_to_do(why: str, kind: type[Exception], hint: str) -> None:
    login = Login(username="reader", password="hunter2")
    found = refusal(make_release(artifact=ARTIFACT), ARTIFACT, login, f"{why} (hunter2)")
    assert type(found) is kind
    assert hint in found.hint
    assert why in found.detail
    assert "hunter2" not in f"{found.problem()}"
