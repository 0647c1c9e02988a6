"""The content store: whole or not at all, and under its true digest."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import random
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sources.store import ContentMissing, ContentStore, ContentTooLarge, DigestMismatch, StoreFailed

TEXT = b"export function mount(root, host) { return {} }\n" * 100


async def parts(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def encoded(store: ContentStore, digest: str) -> tuple[Path | None, Path | None]:
    return await asyncio.to_thread(lambda: (store.encoded(digest, "br"), store.encoded(digest, "gzip")))


def files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


async def test_content_lies_under_its_digest(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "store")
    assert not (tmp_path / "store").exists()
    digest = await store.put(parts(b"hello ", b"", b"world"))
    assert digest == hashlib.sha256(b"hello world").hexdigest()
    assert store.path(digest).read_bytes() == b"hello world"
    assert await store.intact(digest)
    assert files(tmp_path) == [digest]


async def test_empty_content_is_content(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    digest = await store.put(parts())
    assert store.path(digest).read_bytes() == b""


async def test_compressed_forms_are_made_once_where_they_gain(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    digest = await store.put(parts(TEXT))
    smaller, older = await encoded(store, digest)
    assert smaller is not None
    assert older is not None
    assert brotli.decompress(smaller.read_bytes()) == TEXT
    assert gzip.decompress(older.read_bytes()) == TEXT
    noise = await store.put(parts(random.Random(1).randbytes(4096)))
    small = await store.put(parts(b"tiny"))
    for other in (noise, small):
        assert await encoded(store, other) == (None, None)


@pytest.mark.parametrize("expected", ["0" * 64, "short", "sha256:" + hashlib.sha256(TEXT).hexdigest()])
async def test_content_that_is_not_what_was_promised_is_not_kept(tmp_path: Path, expected: str) -> None:
    with pytest.raises(DigestMismatch):
        await ContentStore(tmp_path).put(parts(TEXT), expected=expected)
    assert files(tmp_path) == []


async def test_a_promise_that_holds(tmp_path: Path) -> None:
    digest = hashlib.sha256(TEXT).hexdigest()
    assert await ContentStore(tmp_path).put(parts(TEXT), expected=digest) == digest


async def test_more_than_was_allowed_is_cut_and_not_kept(tmp_path: Path) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 1000

    with pytest.raises(ContentTooLarge):
        await ContentStore(tmp_path).put(endless(), limit=10_000)
    assert sent == 11
    assert files(tmp_path) == []


async def test_a_sender_that_fails_or_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    store, begun = ContentStore(tmp_path), asyncio.Event()

    async def broken() -> AsyncIterator[bytes]:
        yield TEXT
        raise ConnectionResetError("gone")

    async def silent() -> AsyncIterator[bytes]:
        yield TEXT
        begun.set()
        await asyncio.sleep(600)

    with pytest.raises(ConnectionResetError):
        await store.put(broken())
    waiting = asyncio.create_task(store.put(silent()))
    await begun.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert files(tmp_path) == []


async def test_a_damaged_file_is_seen_and_healed_by_storing_again(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    digest = await store.put(parts(TEXT))
    store.path(digest).write_bytes(b"something else")
    assert not await store.intact(digest)
    assert await store.put(parts(TEXT)) == digest
    assert await store.intact(digest)
    assert not await store.intact("0" * 64)


async def test_the_same_content_stored_at_once_is_one_file(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    digests = await asyncio.gather(*(store.put(parts(TEXT, TEXT)) for _ in range(8)))
    assert len(set(digests)) == 1
    assert len(files(tmp_path)) == 3


async def test_leftovers_of_a_killed_gateway_go(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    old, young = tmp_path / "tmp" / "old", tmp_path / "tmp" / "young"
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    await ContentStore(tmp_path).put(parts(b"x"))
    assert not old.exists()
    assert young.exists()


_CHILD = """
import asyncio, sys
from pathlib import Path
from gateway.sources.store import ContentStore

async def slow():
    yield b"x" * 100_000
    print("half", flush=True)
    await asyncio.sleep(600)

asyncio.run(ContentStore(Path(sys.argv[1])).put(slow()))
"""


async def test_kill_in_the_middle_publishes_nothing(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"half\n"
    child.send_signal(signal.SIGKILL)
    await child.wait()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "tmp"] == []


async def test_a_disk_that_takes_no_more_is_said(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    try:
        with pytest.raises(StoreFailed, match="could not be written") as caught:
            await ContentStore(tmp_path).put(parts(*[b"x" * 65536] * 3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "space" in caught.value.hint
    assert files(tmp_path) == []


NAMES: Iterable[str] = (
    "../../etc/passwd",
    "..",
    "/etc/passwd",
    "A" * 64,
    "0" * 63,
    "0" * 65,
    "",
    "0" * 64 + "\n",
)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_out_of_the_store(tmp_path: Path, name: str) -> None:
    for ask in (ContentStore(tmp_path).path, lambda digest: ContentStore(tmp_path).encoded(digest, "br")):
        with pytest.raises(ContentMissing):
            ask(name)


@given(st.text(max_size=70))
def test_any_name_is_refused_or_inside(name: str) -> None:
    root = Path("/store")
    try:
        found = ContentStore(root).path(name)
    except ContentMissing:
        return
    assert found.parent.parent == root


async def test_what_nobody_names_goes_once_it_is_old(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    kept, old = await store.put(parts(TEXT)), await store.put(parts(TEXT, b"old"))
    fresh = await store.put(parts(b"part of a bundle that is being received"))
    for digest in (kept, old):
        for path in store.path(digest).parent.glob(f"{digest}*"):
            os.utime(path, (time.time() - 3600, time.time() - 3600))
    await store.collect([kept])
    assert files(tmp_path) == sorted([kept, f"{kept}.br", f"{kept}.gz", fresh])
    await ContentStore(tmp_path / "nowhere").collect([])
