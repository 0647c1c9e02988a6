"""Plugins that something else runs."""

from __future__ import annotations

import pytest

from gateway.definition import PluginDefinition, parse_definition
from gateway.errors import BadInput
from gateway.model import RemoteArtifact, Source, Tier
from gateway.sources.remote import RemoteSource, remote_artifact


@pytest.mark.parametrize(
    ("url", "address", "identity"),
    [
        ("grpc://notes.local:7000", "notes.local:7000", ""),
        ("grpcs://Notes.Local:7443/", "notes.local:7443", "notes.local"),
        ("grpc://[::1]:7000", "[::1]:7000", ""),
        ("unix:///run/plugway/notes/plugin.sock", "unix:/run/plugway/notes/plugin.sock", ""),
    ],
)
def test_addresses(url: str, address: str, identity: str) -> None:
    assert remote_artifact(url) == RemoteArtifact(address=address, identity=identity)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "notes.local:7000",
        "http://notes.local:7000",
        "grpc://notes.local",
        "grpc://notes.local:0",
        "grpc://notes.local:99999",
        "grpc://notes.local:x",
        "grpc://:7000",
        "grpc://notes.local:7000/path",
        "grpc://notes.local:7000?x=1",
        "grpc://notes local:7000",
        "grpc://user:hunter2@notes.local:7000",
        "grpc://[::1:7000",
        "unix:relative.sock",
        "unix://host/run/x.sock",
        "unix:///run/../etc/x.sock",
        "unix:///run/x.sock#y",
    ],
)
def test_other_forms_are_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        remote_artifact(url)
    assert list(caught.value.fields) == ["/sourceUrl"]
    assert "hunter2" not in repr(caught.value.problem())


async def test_a_remote_release() -> None:
    given = parse_definition({"id": "far", "source": "external", "sourceUrl": "grpcs://far.example:443"})
    release = await RemoteSource().resolve(given)
    assert (release.source, release.tier, release.version, release.name) == (
        Source.REMOTE,
        Tier.EXTERNAL,
        "",
        "far",
    )
    assert release.artifact == RemoteArtifact(address="far.example:443", identity="far.example")
    again = await RemoteSource().resolve(given)
    assert again == release


async def test_what_does_not_apply_is_refused() -> None:
    given = {"id": "far", "source": "remote", "sourceUrl": "grpc://h:1", "signature": "x"}
    with pytest.raises(BadInput) as caught:
        await RemoteSource().resolve(PluginDefinition.model_validate(given))
    assert list(caught.value.fields) == ["/signature"]
