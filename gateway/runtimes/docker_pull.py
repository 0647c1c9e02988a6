"""An image of a registry: here already, or pulled by digest through the engine. All blocking."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import docker
import requests
from docker.auth import encode_header
from docker.errors import APIError, ImageNotFound
from docker.models.images import Image

from gateway.home import Home
from gateway.image_files import ImageDamaged
from gateway.model import FindLogin, ImageArtifact, Login, Release
from gateway.runtimes import docker_names as names
from gateway.runtimes.base import Progress, ReleaseNotRunnable, RuntimeFailure
from gateway.runtimes.docker_load import load_kept

_EVERY = 1.0
SILENCE = 300.0
"""Seconds without a word of the engine after which a pull counts as stuck."""
_MIB = 2**20


class ImageRefused(ReleaseNotRunnable):
    """The image cannot be had as it is named: gone, closed, or other than its digest says."""

    key, title = "image-refused", "The image cannot be pulled"


class RegistryAway(RuntimeFailure):
    """The registry does not answer now; the next start tries again."""

    key, title = "registry-away", "The image registry does not answer"


def have_pulled(
    client: docker.DockerClient,
    home: Home,
    release: Release,
    find_login: FindLogin,
    progress: Progress,
    *,
    silence: float = SILENCE,
) -> str:
    """The id of the image; without a word to the registry where it is here already, or kept as files.

    Raises :class:`ImageRefused`, :class:`RegistryAway` and what ``load_kept`` raises.
    """
    artifact = release.artifact
    assert isinstance(artifact, ImageArtifact)
    found = _here(client, home, release, artifact)
    if found is None and _loaded(client, home, release, progress):
        found = _here(client, home, release, artifact)
    if found is None:
        progress(f"pulling {artifact.reference}@{artifact.digest}")
        login = find_login(artifact.reference.partition("/")[0])
        try:
            for text in told(_events(client, artifact, login, silence)):
                progress(f"pulling {artifact.reference}: {text}")
        except _PullFailed as error:
            raise refusal(release, artifact, login, str(error)) from error
        except requests.RequestException as error:
            # In the middle of an answer, a time-out is only told in words.
            if "timed out" not in str(error).lower():
                raise
            raise refusal(release, artifact, login, f"the engine said nothing for {silence:g} s") from error
        found = _here(client, home, release, artifact)
    if found is None:
        raise refusal(
            release, artifact, None, "what the engine has is not of that digest: verification failed"
        )
    return str(found.id)


def _loaded(client: docker.DockerClient, home: Home, release: Release, progress: Progress) -> bool:
    try:
        return load_kept(client, home, release, progress)
    except ImageDamaged as error:
        # The registry may still have it.
        progress(error.detail)
        return False


def _here(client: docker.DockerClient, home: Home, release: Release, artifact: ImageArtifact) -> Image | None:
    """The image if the engine has it.

    The home's own tag is looked at too: with the last tag that a person removes, the engine forgets
    the digest, and the image would be asked for anew from a registry that may be away.
    """
    by_digest = f"{artifact.reference}@{artifact.digest}"
    claimed = f"{names.image_repository(home, release.plugin_id)}:{release.id}"
    for name in (by_digest, artifact.digest, claimed):
        try:
            image = client.images.get(name)
        except (ImageNotFound, APIError):
            continue
        known = {str(text).rpartition("@")[2] for text in image.attrs.get("RepoDigests") or ()}
        if name == claimed or artifact.digest in known or image.id == artifact.digest:
            return image
    return None


class _PullFailed(Exception):
    """The engine's words on why not."""


def _events(
    client: docker.DockerClient, artifact: ImageArtifact, login: Login | None, silence: float
) -> Iterator[Mapping[str, Any]]:
    """What the engine tells while it pulls. The SDK's own call waits without end, and looks for logins
    in the user's files."""
    auth = {"username": login.username, "password": login.password} if login else {}
    api = client.api
    response = api.post(
        f"{api.base_url}/v{api.api_version}/images/create",
        params={"fromImage": artifact.reference, "tag": artifact.digest},
        headers={"X-Registry-Auth": encode_header(auth)},
        stream=True,
        timeout=silence,
    )
    with contextlib.closing(response):
        if response.status_code >= 400:
            raise _PullFailed(_message(response.content))
        for line in response.iter_lines():
            event = json.loads(line) if line else {}
            if event.get("error"):
                raise _PullFailed(str(event["error"]))
            yield event


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:500]


@dataclass
class _Layers:
    """Bytes of each layer: how many are here, of how many."""

    here: dict[str, int] = field(default_factory=dict)
    whole: dict[str, int] = field(default_factory=dict)

    def note(self, event: Mapping[str, Any]) -> None:
        layer, detail = str(event.get("id", "")), event.get("progressDetail") or {}
        status = str(event.get("status", ""))
        if status == "Downloading" and detail.get("total"):
            self.here[layer], self.whole[layer] = int(detail.get("current", 0)), int(detail["total"])
        elif status in ("Download complete", "Pull complete", "Already exists"):
            self.here[layer] = self.whole.get(layer, 0)

    def __str__(self) -> str:
        return f"{sum(self.here.values()) // _MIB} of {sum(self.whole.values()) // _MIB} MiB"


def told(events: Iterator[Mapping[str, Any]], every: float = _EVERY) -> Iterator[str]:
    """How far a pull is, at most once in ``every`` seconds."""
    layers, said, last = _Layers(), "", time.monotonic()
    for event in events:
        layers.note(event)
        if layers.whole and time.monotonic() - last >= every and str(layers) != said:
            said, last = str(layers), time.monotonic()
            yield said


_KINDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        (
            "verification failed",
            "does not match",
            "digest mismatch",
            "unexpected commit digest",
            "invalid checksum",
        ),
        "The registry sent other bytes than the digest says. Do not use it until its owner knows why.",
    ),
    (
        ("unauthorized", "authentication", "no basic auth", "denied"),
        "plugway registry login {host} --username USER --password-stdin",
    ),
    (
        ("server gave http response",),
        "The engine speaks to {host} with TLS only. Give the registry a certificate, or list it under "
        "insecure-registries in the engine's daemon.json.",
    ),
    (
        ("x509", "certificate"),
        "Tell the engine which authority to trust: /etc/docker/certs.d/{host}/ca.crt.",
    ),
    (
        ("not found", "manifest unknown", "no such image", "repository does not exist"),
        "The registry has this image no more. Push it again, or install another version.",
    ),
)


def refusal(release: Release, artifact: ImageArtifact, login: Login | None, why: str) -> RuntimeFailure:
    host = artifact.reference.partition("/")[0]
    what = f"The image {artifact.reference}@{artifact.digest} cannot be pulled: {why}"
    if login is not None:
        # Nobody's words are trusted not to repeat it.
        what = what.replace(login.password, "***")
    said = why.lower()
    for words, hint in _KINDS:
        if any(word in said for word in words):
            return ImageRefused(what, hint=hint.format(host=host), plugin=release.plugin_id)
    return RegistryAway(
        what, hint=f"Check that this machine reaches {host}; it is tried again.", plugin=release.plugin_id
    )
