"""Log files of instances: the last lines, what comes, and keeping them from growing for ever."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from pathlib import Path

from gateway.home import Home
from gateway.model import InstanceId, PluginId, ReleaseId
from gateway.runtimes.base import LogLine

_BLOCK = 64 * 2**10
_POLL = 0.2
_LONGEST_LINE = 64 * 2**10
_KEPT = 10
_NODE_ENDED = re.compile(r"Node\.js v\d")
_ERROR = re.compile(r"\w*Error\b[^:]*: ")


def parse_line(text: str) -> LogLine:
    """A line with its time, where it is a JSON object that carries one under ``at``."""
    if text.startswith("{"):
        try:
            at = json.loads(text).get("at", 0)
            seconds = datetime.fromisoformat(at).timestamp() if isinstance(at, str) else float(at)
        except (ValueError, TypeError, OverflowError):
            seconds = 0.0
        return LogLine(at=seconds, text=text)
    return LogLine(at=0.0, text=text)


def read_tail(path: Path, lines: int, since: int = 0) -> tuple[list[str], int]:
    """The last lines after byte ``since``, and where the file ended; an unfinished line is left out."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            start, data = end, b""
            while start > since and data.count(b"\n") <= lines:
                step = min(_BLOCK, start - since)
                start -= step
                file.seek(start)
                data = file.read(step) + data
    except FileNotFoundError:
        return [], 0
    whole, newline, _ = data.rpartition(b"\n")
    texts = whole.decode(errors="replace").split("\n") if newline else []
    return (texts[-lines:] if lines > 0 else []), start + len(whole) + len(newline)


def last_words(path: Path, since: int = 0) -> str:
    """The last line that tells a person something; the message alone of a structured one."""
    lines, end = read_tail(path, 20, since)
    try:
        with path.open("rb") as file:
            file.seek(end)
            lines.append(file.read(_LONGEST_LINE).decode(errors="replace"))
    except FileNotFoundError:
        return ""
    return last_words_of(lines)


def last_words_of(lines: list[str]) -> str:
    """As :func:`last_words`. Node tells its version and the stack after an error: the error counts there."""
    if any(_NODE_ENDED.match(line) for line in lines[-2:]):
        lines = [line for line in lines if _ERROR.match(line)] or lines
    for line in reversed(lines):
        text = line.strip()
        if text.startswith("{"):
            try:
                document = json.loads(text)
                text = str(document.get("message") or document.get("event") or "").strip()
            except ValueError:
                pass
        if text:
            return text if len(text) <= 300 else text[:297] + "..."
    return ""


def trim(path: Path, limit: int) -> None:
    """Bring a file over ``limit`` bytes down to its last half, in place: its writer keeps it open.

    Both append, so neither overwrites the other; lines written in the moment of cutting are lost.
    """
    try:
        if path.stat().st_size <= limit:
            return
        with path.open("rb") as file:
            file.seek(-(limit // 2), 2)
            kept = file.read(limit // 2).partition(b"\n")[2]
        with path.open("ab") as file:
            file.truncate(0)
            file.write(kept)
    except FileNotFoundError:
        return


async def follow_file(path: Path, *, tail: int, follow: bool) -> AsyncIterator[LogLine]:
    """The last ``tail`` lines, then those that come, over truncation and re-creation."""
    texts, position = await asyncio.to_thread(read_tail, path, tail)
    for text in texts:
        yield parse_line(text)
    while follow:
        fresh, position = await asyncio.to_thread(_read_on, path, position)
        for text in fresh:
            yield parse_line(text)
        if not fresh:
            await asyncio.sleep(_POLL)


def _read_on(path: Path, position: int) -> tuple[list[str], int]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < position:
                position = 0
            file.seek(position)
            data = file.read(_BLOCK)
    except FileNotFoundError:
        return [], 0
    whole, newline, rest = data.rpartition(b"\n")
    if not newline:
        if len(rest) < _LONGEST_LINE:
            return [], position
        return [rest.decode(errors="replace")], position + len(rest)
    return whole.decode(errors="replace").split("\n"), position + len(whole) + 1


def remember_log(home: Home, plugin: PluginId, instance: InstanceId, release: ReleaseId) -> Path:
    """The instance's log file, noted as the plugin's, so that a purge finds it when the instance is gone."""
    file = home.log_file(instance)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    notes = file.parent / f"{plugin}.instances"
    known = notes.read_text().splitlines() if notes.exists() else []
    if (line := f"{instance} {release}") not in known:
        with notes.open("a") as out:
            out.write(f"{line}\n")
    return file


def forget_logs(home: Home, plugin: PluginId) -> None:
    notes = home.path / "logs" / f"{plugin}.instances"
    if notes.exists():
        for line in notes.read_text().splitlines():
            home.log_file(InstanceId(line.split()[0])).unlink(missing_ok=True)
        notes.unlink()


def collect_logs(home: Home, plugin: PluginId, keep: Collection[ReleaseId]) -> None:
    """Forget the logs of other releases than ``keep``, but for the latest: why one failed is in there."""
    notes = home.path / "logs" / f"{plugin}.instances"
    lines = notes.read_text().splitlines() if notes.exists() else []
    old = [line for line in lines if line.split()[-1] not in keep][:-_KEPT]
    for line in old:
        home.log_file(InstanceId(line.split()[0])).unlink(missing_ok=True)
    if old:
        home.write_private(f"logs/{notes.name}", "".join(f"{line}\n" for line in lines if line not in old))
