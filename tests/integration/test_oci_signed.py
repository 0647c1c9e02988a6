"""From an author's key to a gateway that lets the image in: sign, attach, trust, preview."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.command import plugway
from tests.image_registry import LABEL, REPOSITORY, ImageRegistry, image_registry
from tests.running import gateway

ALLOW = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ImageRegistry]:
    with image_registry(tmp_path / "registry") as running:
        yield running


async def preview(client: httpx.AsyncClient, registry: ImageRegistry, which: str) -> dict[str, Any]:
    url = f"oci://{registry.host}/{REPOSITORY}{which}"
    definition = {"id": "notes", "source": "oci", "sourceUrl": url}
    answer = await client.post("/api/v1/plugins/preview", json=definition)
    return dict(answer.raise_for_status().json())


@pytest.mark.timeout(120)
async def test_a_signature_that_was_attached_is_found_and_counts_for_these_bytes_only(
    registry: ImageRegistry, tmp_path: Path
) -> None:
    signed = await asyncio.to_thread(registry.put_image, "1.0.0")
    other = await asyncio.to_thread(registry.put_image, "other", {**LABEL, "name": "Other"})
    home, key, envelope = tmp_path / "home", tmp_path / "key", tmp_path / "envelope.json"
    author = {"PLUGWAY_HOME": str(tmp_path / "author"), **ALLOW}
    image = f"{registry.host}/{REPOSITORY}@{signed}"

    async def done(*words: str, **settings: str) -> None:
        ran = await plugway(*words, **settings)
        assert ran.code == 0, ran.err

    await done("key", "generate", str(key))
    facts = ("--id", "notes", "--version", "1.0.0", "--volume", "data", "--ui-type", "none")
    await done("sign", image, "--key", str(key), *facts, "-o", str(envelope))
    home.mkdir(mode=0o700)
    trust = ("policy", "trust", "acme", "--key", f"{key}.pub", "--plugins", "notes")
    await done(*trust, PLUGWAY_HOME=str(home))
    async with gateway(home, "process", ALLOW) as running:
        before = await preview(running.client, registry, ":1.0.0")
        assert before["refusal"]["rule"] == "unsigned"
        await done("registry", "attach", image, str(envelope), **author)
        shown = await preview(running.client, registry, ":1.0.0")
        assert shown["refusal"] is None, shown["refusal"]
        assert shown["trust"]["verified"]
        assert shown["trust"]["signer"] == "acme"
        # The same signature, attached to bytes that it is not of.
        wrong = f"{registry.host}/{REPOSITORY}@{other}"
        await done("registry", "attach", wrong, str(envelope), **author)
        refused = await preview(running.client, registry, ":other")
        assert refused["trust"] is None
        assert refused["refusal"]["rule"] == "file-changed"


@pytest.mark.timeout(120)
async def test_where_plugins_are_processes_an_image_is_refused_with_the_next_step(
    registry: ImageRegistry, tmp_path: Path
) -> None:
    await asyncio.to_thread(registry.put_image, "1.0.0")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "policy.toml").write_text('policy = 1\n[[allow_unsigned]]\nplugins = ["notes"]\n')
    async with gateway(home, "process", ALLOW) as running:
        url = f"oci://{registry.host}/{REPOSITORY}:1.0.0"
        definition = {"id": "notes", "source": "oci", "sourceUrl": url}
        answer = await running.client.post("/api/v1/plugins", json=definition)
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:plugway:problem:runtime-cannot-run-images"
        assert "RUNTIME=docker" in answer.json()["hint"]
        assert (await running.client.get("/api/v1/plugins")).json()["plugins"] == []
