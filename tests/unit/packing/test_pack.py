"""Bundles in their packed form, with a real store and the real program that parses."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.model import UiType
from gateway.packing import pack as packing
from gateway.packing.pack import VERSION, pack
from gateway.sources.module_files import module_files
from gateway.sources.store import ContentStore
from gateway.ui_bundles import PackedUi, UiBundle

PAGE = b"export function mount() {}\n"


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path)


async def bundle(store: ContentStore, files: dict[str, bytes]) -> UiBundle:
    kept = {name: await store.put(once(data)) for name, data in files.items()}
    styles = tuple(name for name in files if name.endswith(".css"))
    return UiBundle(digest="sha256:x", type=UiType.STATIC, entry="page.js", styles=styles, files=kept)


async def test_a_bundle_of_one_module_is_packed_once(store: ContentStore) -> None:
    ui = await bundle(store, {"page.js": PAGE, "a.css": b"a{}", "b.css": b"@import 'c.css';"})
    packed = (await pack(ui, store)).packed
    assert packed is not None
    assert packed.why_not == ""
    assert store.path(packed.entry).read_bytes().startswith(PAGE)
    # The digest is what the policy of the page will name.
    assert hashlib.sha256(store.path(packed.entry).read_bytes()).hexdigest() == packed.entry
    assert set(packed.styles) == {"a.css"}
    store.path(ui.files["page.js"]).unlink()
    assert (await pack(replace(ui, packed=packed), store)).packed == packed


async def test_what_an_older_gateway_packed_or_a_disk_lost_is_packed_anew(store: ContentStore) -> None:
    ui = await bundle(store, {"page.js": PAGE})
    known = replace(ui, packed=PackedUi(version=VERSION - 1, why_not="it knew no better"))
    packed = (await pack(known, store)).packed
    assert packed is not None
    assert packed.entry
    store.path(packed.entry).write_bytes(b"damaged")
    assert (await pack(replace(ui, packed=packed), store)).packed == packed
    assert await store.all_intact(packed.digests)


async def test_several_modules_are_packed_under_their_names(store: ContentStore) -> None:
    ui = await bundle(store, {"page.js": b'import "./a.js";\n', "a.js": b'import("./page.js")', "b.js": b"1"})
    packed = (await pack(ui, store)).packed
    assert packed is not None
    assert (packed.entry, packed.why_not, set(packed.modules)) == ("", "", {"page.js", "a.js"})
    text = store.path(packed.modules["page.js"]).read_bytes()
    assert text.startswith(b'import "plugway-bundle/a.js";\n')
    assert hashlib.sha256(text).hexdigest() == packed.modules["page.js"]
    assert set(packed.modules.values()) == packed.digests


@pytest.mark.parametrize("export", ["Panel", "Other"])
async def test_a_module_whose_page_has_a_name_of_its_own_is_packed(store: ContentStore, export: str) -> None:
    files = module_files(PAGE + b"class A {}\nexport { A as Panel };\n", export)
    packed = (await pack(replace(await bundle(store, files), entry="index.js"), store)).packed
    assert packed is not None
    assert packed.why_not == ""
    # Without that export the browser says what is wrong, as it does with files.
    assert bool(packed.entry) == (export == "Panel")
    if packed.entry:
        assert b'"mount": mount, "default": A' in store.path(packed.entry).read_bytes()


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (b'import { a } from "./a.js";\nexport function mount() {}', "imports a.js, which is no module"),
        (b"const x = import.meta.url;", "import.meta"),
        (b"//" + bytes(packing.LARGEST), "larger"),
        # Of the size that is taken, in more parts than the parser has memory for.
        (b"x=[" + b"[]," * 1_300_000 + b"]", "gave up"),
    ],
    ids=["imports", "meta", "large", "many parts"],
)
async def test_others_stay_files_and_say_why(
    store: ContentStore, page: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is too much for the parser takes it a while, on a busy machine longer than a start would wait.
    monkeypatch.setattr(packing, "PATIENCE", 120.0)
    packed = (await pack(await bundle(store, {"page.js": page}), store)).packed
    assert packed is not None
    assert packed.entry == ""
    assert reason in packed.why_not


async def test_what_fails_for_this_machine_is_tried_again(
    store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ui = await bundle(store, {"page.js": PAGE})
    with monkeypatch.context() as patched:
        patched.setattr(packing, "PATIENCE", 0.0)
        late = await pack(ui, store)
    assert late.packed is None
    done = await pack(late, store)
    assert done.packed is not None
    assert done.packed.entry
    store.path(ui.files["page.js"]).unlink()
    assert (await pack(ui, store)).packed is None
