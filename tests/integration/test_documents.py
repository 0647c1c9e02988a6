"""Documents with commands, as a new user follows them: in their order, from an empty directory."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.documents import Reader

pytestmark = pytest.mark.timeout(400)


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    # A free port, and only the plugins of the document; all else as for a new user.
    settings = {"PLUGWAY_PORT": "0", "PLUGWAY_INSTALL": "", "PLUGWAY_KEY_PASSPHRASE": "correct horse battery"}
    port = free_port()
    swaps = {"127.0.0.1:8000": f"127.0.0.1:{port}", "http.server 8000": f"http.server {port}"}
    reader = Reader(tmp_path, settings, swaps)
    try:
        yield reader
    finally:
        await reader.close()


@pytest.mark.parametrize("document", ["tutorial.md", "cookbook.md", "publish.md"])
async def test_it_works_as_the_document_says(document: str, reader: Reader) -> None:
    await reader.follow(document)
