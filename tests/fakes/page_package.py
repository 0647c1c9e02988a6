"""Pages of external plugins: a package with its files, installed from a CDN of the test's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from tests.fakes.npm_registry import tarball
from tests.fakes.serving import serving
from tests.fakes.unsigned import install_agreed
from tests.fakes.web import Page, Web
from tests.running import PATIENCE, RunningGateway


def packed(name: str, files: Mapping[str, str]) -> bytes:
    """A package whose entry is ``page.js``, with its style sheets."""
    section = {"entry": "page.js", "styles": [path for path in files if path.endswith(".css")], "name": name}
    about = json.dumps({"name": name, "version": "1.0.0", "type": "module", "plugway": section})
    return tarball({"package.json": about, **files})


async def install_page(
    running: RunningGateway, plugin: str, files: Mapping[str, str], patience: float = PATIENCE
) -> None:
    """Install it and wait until it is healthy; the gateway has to allow 127.0.0.1 and the unsigned."""
    package = packed(plugin, files)
    async with serving(Web({"/page.tgz": Page(package)})) as cdn:
        definition = {
            "id": plugin,
            "version": "1.0.0",
            "source": "cdn",
            "uiConfig": {"packageUrl": f"{cdn}/page.tgz"},
            "checksum": f"sha256:{hashlib.sha256(package).hexdigest()}",
        }
        await install_agreed(running, definition)
    await running.healthy(plugin, patience)
