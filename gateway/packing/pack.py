"""Makes the packed form of a UI: texts in the content store, named by their digests in the bundle's record.

A failure of any kind leaves the UI as it is: files of their own, each of which a page asks for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import posixpath
import re
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from gateway.errors import PlugwayError
from gateway.model import PackedUi, UiBundle
from gateway.packing import script
from gateway.packing.sheets import EMBEDDED, Stays, inline_sheet

VERSION = 1
"""Raised where the same files would be packed otherwise; what an older one made is made anew."""

LARGEST = 4 * 2**20
"""Bytes of an entry or of a style sheet; what is larger stays a file."""

PATIENCE = 15.0
"""Seconds for one module; what takes longer here may take less at the next start."""

_log = logging.getLogger(__name__)
# What an interpreter may not start without; nothing else of the gateway's environment.
_NEEDED = ("LD_LIBRARY_PATH", "SYSTEMROOT")
# An import that needs no parser to be seen: a whole line, as people write it.
_IMPORT = re.compile(rb"""^import\b[^\n`]*["'][^"'\n]+["'];?[ \t\r]*$""", re.MULTILINE)
# The entry that the gateway writes for a module whose page is not its default export.
_NAMED = re.compile(rb"""export \* from "\./([^"\\]+)";\nexport \{ (\S+) as default \} from "\./\1";\n""")


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
    data, default = await _module(ui, ui.entry, content), ""
    if named := _NAMED.fullmatch(data):
        module, default = (part.decode() for part in named.groups())
        data = await _module(ui, posixpath.join(posixpath.dirname(ui.entry), module), content)
    if _IMPORT.search(data):
        raise script.NotPackable("it imports other modules")
    entry = await content.put(_once((await _run(data, default)).encode()))
    styles = {}
    for path in ui.styles:
        with suppress(Stays):
            text = await asyncio.to_thread(_sheet, ui, path, content)
            styles[path] = await content.put(_once(text.encode()))
    return PackedUi(version=VERSION, entry=entry, styles=styles)


async def _module(ui: UiBundle, path: str, content: Content) -> bytes:
    if path not in ui.files:
        raise script.NotPackable("it exports from other modules")
    data = await asyncio.to_thread(_read, content.path(ui.files[path]), LARGEST)
    if data is None:
        raise script.NotPackable(f"its module is larger than {LARGEST >> 20} MiB")
    return data


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


async def _run(data: bytes, default: str) -> str:
    """:mod:`gateway.packing.script` in a process of its own; raises ``NotPackable`` and TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", script.__file__, default),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _NEEDED if name in os.environ},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate(data)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise script.NotPackable("its parser gave up (too large, or too deep)")
    answer = json.loads(output)
    if "text" not in answer:
        raise script.NotPackable(str(answer.get("problem"))[:200])
    return str(answer["text"])


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
