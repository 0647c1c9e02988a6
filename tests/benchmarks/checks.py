"""What the checks of files, lock, policy and kept page take at each start of an installed plugin.

The very functions that a start runs, over what a gateway has installed. The files are in the cache of the
system, as they are on a second start; from a cold disk they have to be read for the start in any case.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from gateway.home import Home
from gateway.model import PluginId, Source
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.settings import Settings
from gateway.sources.catalog import SourceCatalog
from gateway.sources.store import ContentStore
from gateway.supervisor.admission import Admission
from gateway.supervisor.attach import kept
from gateway.trust.verify import verify_release
from gateway.unchanged import SETTLED, Unchanged
from tests.fakes.page_package import install_page
from tests.fakes.unsigned import allow_unsigned
from tests.running import gateway

_SIZES: dict[str, tuple[int, int]] = {"small": (10, 20_000), "large": (1990, 25_000)}
"""Files of the page, and bytes of each: 200 kB, and 50 MB."""


async def measure(rounds: int) -> dict[str, Any]:
    """For each size: milliseconds in all, and by what is checked."""
    with tempfile.TemporaryDirectory(prefix="pw-bench-") as name:
        home = Path(name) / "home"
        allow_unsigned(home, *_SIZES)
        # The first start of a large page also compresses all of it.
        settings = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1", "PLUGWAY_START_TIMEOUT": "300"}
        async with gateway(home, settings=settings) as running:
            running.client.timeout = httpx.Timeout(120)
            for size, (files, length) in _SIZES.items():
                await install_page(running, size, _page(files, length), patience=300)
        # What is as fresh as this is not remembered, and no plugin is started over and over within it.
        await asyncio.sleep(SETTLED)
        return await _checked(home, rounds)


def words(found: dict[str, Any]) -> list[str]:
    return [
        f"- checks at the start of a {size} plugin ({of['files']} files, {of['megabytes']:.1f} MB): "
        f"{of['ms']:.1f} ms (files and policy {of['release_ms']:.1f}, page {of['page_ms']:.1f}; "
        f"the first after a change {of['first_ms']:.1f})"
        for size, of in found.items()
    ]


def _page(files: int, length: int) -> Mapping[str, str]:
    # A line that repeats: a page is compressed as it is stored, which is none of the checks. Not of words
    # alone, which an archive would be refused for as a bomb.
    def part() -> str:
        line = f"// {os.urandom(500).hex()}\n"
        return line * (length // len(line))

    return {"page.js": "export function mount() {}\n"} | {f"part{n}.js": part() for n in range(files)}


async def _checked(path: Path, rounds: int) -> dict[str, Any]:
    home = Home(path).open()
    settings = Settings.model_validate({"home": path})
    store = await RegistryStore.open(settings.database, SecretCipher(path / "keys" / "secrets.key"))
    try:
        catalog = SourceCatalog(dict[Source, Any]())
        # What the gateway remembered is left aside, so that the first round is a first one.
        unchanged = Unchanged(path / "bench-unchanged.json")
        verify = partial(verify_release, unchanged=unchanged)
        admission = Admission(home=path, store=store, catalog=catalog, verify=verify)
        content = ContentStore(path / "store", unchanged)
        found = {}
        for size, (files, length) in _SIZES.items():
            record = store.release(store.plugin(PluginId(size)).release_id)
            release, page = [], []
            # The first after a change reads every byte; no other start waits for it.
            for _ in range(rounds + 1):
                began = time.perf_counter()
                await admission.verify(record.release)
                between = time.perf_counter()
                assert await kept(record.ui, content)
                release.append(between - began)
                page.append(time.perf_counter() - between)
            found[size] = {
                "files": files,
                "megabytes": files * length / 1e6,
                "first_ms": (release[0] + page[0]) * 1000,
                "ms": median(map(sum, zip(release[1:], page[1:], strict=True))) * 1000,
                "release_ms": median(release[1:]) * 1000,
                "page_ms": median(page[1:]) * 1000,
            }
        return found
    finally:
        await store.close()
        home.close()
