"""What was installed is read once more when it has settled, and only what is right is remembered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from gateway.digests import tree_digest
from gateway.model import DirectoryArtifact
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.sources.store import ContentStore
from gateway.supervisor.settling import CALM, Settling
from gateway.trust.verify import ReleaseChanged, verify_release
from gateway.ui_bundles import UiBundle
from gateway.unchanged import SETTLED, Unchanged
from tests.running import until
from tests.samples import make_manifest, make_record, make_release, make_ui, write_plugin


class Bed:
    """A plugin with its files, and its page in the content store."""

    def __init__(self, root: Path, store: RegistryStore) -> None:
        self.memory, self.store = root / "unchanged.json", store
        self.directory = write_plugin(root / "notes")
        digest = tree_digest(self.directory)
        artifact = DirectoryArtifact(
            path=str(self.directory), digest=digest, command=("{python}",), image="plugway/notes"
        )
        self.release = make_release(artifact=artifact)
        # Settled at once: what the clock of the file system has to do with it, test_unchanged says.
        unchanged = Unchanged(self.memory, settled=-1)
        self.verify = partial(verify_release, unchanged=unchanged)
        self.content = ContentStore(root / "store", unchanged)

    async def install(self) -> UiBundle:
        await self.store.add_plugin(make_record(self.release), self.release)

        async def page() -> AsyncIterator[bytes]:
            yield b"export function mount() {}\n"

        digest = await self.content.put(page())
        ui = replace(make_ui(), files={"index.js": digest}, packed=None)
        await self.store.record_facts(self.release.id, make_manifest(self.release), ui)
        return ui

    def remembered(self) -> str:
        with suppress(OSError):
            return " ".join(json.loads(self.memory.read_text()))
        return ""


@asynccontextmanager
async def settling(bed: Bed, calm: float) -> AsyncIterator[None]:
    part = Settling(bed.store, bed.verify, bed.content, calm=calm)
    await part.start()
    try:
        yield
    finally:
        await part.stop()


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    cipher = SecretCipher(tmp_path / "key")
    store = await RegistryStore.open(f"sqlite:///{tmp_path / 'plugway.db'}", cipher)
    yield await asyncio.to_thread(Bed, tmp_path, store)
    await store.close()


async def test_the_next_start_finds_files_and_page_remembered(bed: Bed, tmp_path: Path) -> None:
    async with settling(bed, calm=0.01):
        ui = await bed.install()
        await until(lambda: str(bed.directory) in bed.remembered(), "the files")
        await until(lambda: str(tmp_path / "store") in bed.remembered(), "the page")
    # And not for good: what changes afterwards is not what was remembered.
    page = bed.content.path(ui.files["index.js"])
    await asyncio.to_thread(page.write_bytes, b"export function mount() { evil }\n")
    await asyncio.to_thread((bed.directory / "notes" / "app.py").write_text, "evil")
    assert not await bed.content.all_intact(ui.files.values())
    with pytest.raises(ReleaseChanged):
        await bed.verify(bed.release)


async def test_what_changed_before_it_settled_is_not_remembered(bed: Bed, tmp_path: Path) -> None:
    app = bed.directory / "notes" / "app.py"
    before = await asyncio.to_thread(app.read_text)
    async with settling(bed, calm=0.01):
        await asyncio.to_thread(app.write_text, "evil")
        await bed.install()
        # A change more, when the first look is over: files that are right again are read again.
        await bed.store.update_plugin(bed.release.plugin_id, enabled=False)
        await asyncio.sleep(0.2)
        assert str(bed.directory) not in bed.remembered()
        await asyncio.to_thread(app.write_text, before)
        await bed.store.update_plugin(bed.release.plugin_id, enabled=True)
        await until(lambda: str(bed.directory) in bed.remembered(), "the files")


async def test_a_registry_that_is_busy_is_waited_for(bed: Bed) -> None:
    async with settling(bed, calm=3600):
        await bed.install()
        await asyncio.sleep(0.1)
        assert bed.remembered() == ""
    assert CALM > SETTLED
