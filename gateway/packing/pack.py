"""Makes the packed form of a UI: texts in the content store, named by their digests in the bundle's record.

A failure of any kind leaves the UI as it is: files of their own, each of which a page asks for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from gateway.errors import PlugwayError
from gateway.packing import script
from gateway.packing.sheets import EMBEDDED, Stays, inline_sheet
from gateway.ui_bundles import PackedUi, UiBundle

VERSION = 2
"""Raised where the same files would be packed otherwise; what an older one made is made anew."""

LARGEST = 4 * 2**20
"""Bytes of a style sheet; what is larger stays a file."""

PATIENCE = 15.0
"""Seconds for the modules of a page; what takes longer here may take less at the next start."""

_log = logging.getLogger(__name__)
# What an interpreter may not start without; nothing else of the gateway's environment.
_NEEDED = ("LD_LIBRARY_PATH", "SYSTEMROOT")
_MODULES = (".js", ".mjs")


class Content(Protocol):
    """What is asked of the content store."""

    def path(self, digest: str) -> Path: ...

    async def put(self, chunks: AsyncIterator[bytes]) -> str: ...

    async def all_intact(self, digests: Collection[str]) -> bool: ...


async def pack(ui: UiBundle, content: Content) -> UiBundle:
    """The bundle with ``packed`` as this gateway makes it; says there why where it has none."""
    done = ui.packed
    if done is not None and done.version == VERSION and await content.all_intact(done.digests):
        return ui
    try:
        packed = await _packed(ui, content)
    except script.NotPackable as problem:
        packed = PackedUi(version=VERSION, why_not=str(problem))
    except (OSError, PlugwayError, ValueError) as error:
        # The disk's fault or this machine's rather than the module's: tried again at the next start.
        _log.warning("The UI %s could not be packed: %r", ui.digest, error)
        packed = None
    return replace(ui, packed=packed)


async def _packed(ui: UiBundle, content: Content) -> PackedUi:
    files = {
        path: str(content.path(digest))
        for path, digest in ui.files.items()
        if path.endswith(_MODULES) or path == ui.entry
    }
    answer = await _run({"entry": ui.entry, "files": files})
    entry = await content.put(_once(answer["text"].encode())) if "text" in answer else ""
    modules = {
        path: await content.put(_once(text.encode())) for path, text in answer.get("modules", {}).items()
    }
    styles = {}
    for path in ui.styles:
        with suppress(Stays):
            text = await asyncio.to_thread(_sheet, ui, path, content)
            styles[path] = await content.put(_once(text.encode()))
    return PackedUi(version=VERSION, entry=entry, modules=modules, styles=styles)


def _sheet(ui: UiBundle, path: str, content: Content) -> str:
    """Raises :class:`Stays`."""

    def read(name: str) -> bytes | None:
        return _read(content.path(ui.files[name]), EMBEDDED) if name in ui.files else None

    data = _read(content.path(ui.files[path]), LARGEST)
    if data is None:
        raise Stays
    return inline_sheet(data, path, read)


def _read(path: Path, most: int) -> bytes | None:
    """None where it is larger."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    return data if len(data) <= most else None


async def _run(asked: dict[str, Any]) -> dict[str, Any]:
    """:mod:`gateway.packing.script` in a process of its own.

    Raises ``NotPackable``, OSError and TimeoutError.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", script.__file__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _NEEDED if name in os.environ},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate(json.dumps(asked).encode())
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise script.NotPackable("its parser gave up (too large, or too deep)")
    answer: dict[str, Any] = json.loads(output)
    if "failed" in answer:
        raise OSError(answer["failed"])
    if "problem" in answer:
        raise script.NotPackable(str(answer["problem"])[:200])
    return answer


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
