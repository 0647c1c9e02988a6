"""Documents as a reader follows them: their commands in order, their changes, and what they say is printed.

- ``sh``: commands, which have to end well. ``text`` after them: lines that they print, in this order;
  ``...`` stands for anything, within a line or as a line of its own.
- ``diff FILE``: lines of that file that are to be replaced; any other language with a file: the file.
- ``<!-- runs on until: WORDS -->`` before commands that stay in the foreground of a terminal, and
  ``<!-- Ctrl-C: COMMAND -->`` where they are ended.
- ``<!-- ends with CODE -->`` before commands of which the last one ends so.
- ``<!-- as soon as it is so -->`` before commands that are repeated until they print what is said.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.command import ROOT, environment
from tests.running import PATIENCE, until

USUAL = "http://127.0.0.1:8080"
_PART = re.compile(
    r"^<!-- (?P<note>.+?) -->$|^```(?P<language>\w+) ?(?P<file>\S*)\n(?P<text>.*?)^```$", re.M | re.S
)
_NOTES = ("runs on until: ", "Ctrl-C: ", "ends with ", "as soon as it is so")


@dataclass(frozen=True)
class Part:
    """A block of a document, or a note in it (``language`` is ``note``)."""

    language: str
    text: str
    file: str = ""


def parts(document: str) -> list[Part]:
    """Of a file below ``docs``, in order; raises ValueError for a note that nobody understands."""
    found = []
    for match in _PART.finditer((ROOT / "docs" / document).read_text()):
        if note := match["note"]:
            if not note.startswith(_NOTES):
                raise ValueError(f"{document}: {note!r}")
            found.append(Part("note", note))
        else:
            found.append(Part(match["language"], match["text"], match["file"]))
    return found


@dataclass
class Terminal:
    """A program that stays in the foreground, and what it has printed."""

    command: str
    process: asyncio.subprocess.Process
    reading: asyncio.Task[None]
    said: list[str]

    async def interrupt(self) -> None:
        """Ctrl-C, which reaches all that run in the terminal."""
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            await asyncio.wait_for(self.process.wait(), 2 * PATIENCE)
        except TimeoutError:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        finally:
            await self.reading


@dataclass
class Reader:
    """Follows documents in ``directory``, with the installed program and no settings but ``settings``."""

    directory: Path
    settings: dict[str, str] = field(default_factory=dict)
    # Addresses as documents write them, and as they are here.
    swaps: dict[str, str] = field(default_factory=dict)
    terminals: list[Terminal] = field(default_factory=list)

    async def follow(self, document: str) -> None:
        """Raises AssertionError where anything is not as the document says."""
        waiting, printed = "", ""
        steps = parts(document)
        for number, part in enumerate(steps):
            if part.language == "note":
                waiting = part.text
                if waiting.startswith("Ctrl-C: "):
                    await self._terminal(waiting.removeprefix("Ctrl-C: ")).interrupt()
                    waiting = ""
            elif part.language == "diff":
                await asyncio.to_thread(self.change, part)
            elif part.file:
                await asyncio.to_thread(self._write, part)
            elif part.language == "text":
                assert fits(part.text, printed), f"{document} says\n{part.text}\nand this came:\n{printed}"
            elif part.language == "sh" and waiting.startswith("runs on until: "):
                await self._start(part.text, waiting.removeprefix("runs on until: "))
                waiting = ""
            elif part.language == "sh" and waiting.startswith("ends with "):
                printed, waiting = await self.run(part.text, int(waiting.split()[-1])), ""
            elif part.language == "sh" and waiting:
                printed, waiting = await self._run_until(part.text, steps[number + 1].text), ""
            elif part.language == "sh":
                printed = await self.run(part.text)
            else:
                raise AssertionError(f"{document}: what is to be done with {part.language}?")
        assert not self.terminals or all(one.process.returncode is not None for one in self.terminals)

    async def run(self, commands: str, code: int = 0) -> str:
        """What they print; raises AssertionError where they end with another code."""
        process = await self._bash(commands)
        out, _ = await asyncio.wait_for(process.communicate(), 4 * PATIENCE)
        printed = out.decode()
        for written, real in self.swaps.items():
            printed = printed.replace(real, written)
        assert process.returncode == code, f"{commands}\nended with {process.returncode}:\n{printed}"
        return printed

    async def close(self) -> None:
        for terminal in reversed(self.terminals):
            await terminal.interrupt()

    async def _run_until(self, commands: str, wanted: str) -> str:
        printed = ""

        async def once() -> bool:
            nonlocal printed
            printed = await self.run(commands)
            return fits(wanted, printed)

        await until(once, f"{commands!r} to print {wanted!r}")
        return printed

    async def _start(self, commands: str, words: str) -> None:
        process = await self._bash(commands)
        said: list[str] = []
        terminal = Terminal(commands, process, asyncio.create_task(_read(process, said)), said)
        self.terminals.append(terminal)

        def there() -> bool:
            assert process.returncode is None, "".join(said)
            return any(words in line for line in said)

        await until(there, f"{commands!r} to say {words!r}", 2 * PATIENCE)
        if served := re.search(r"console +(http://[\d.]+:\d+)/", "".join(said)):
            self.swaps[USUAL] = self.settings["PLUGWAY_URL"] = served[1]

    async def _bash(self, commands: str) -> asyncio.subprocess.Process:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", self._here(commands), cwd=self.directory,
            env=environment(PATH=path, **self.settings), start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    def _here(self, text: str) -> str:
        for written, real in self.swaps.items():
            text = text.replace(written, real)
        return text

    def _terminal(self, command: str) -> Terminal:
        return next(one for one in self.terminals if command in one.command)

    def _write(self, part: Part) -> None:
        file = self.directory / part.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._here(part.text))

    def change(self, part: Part) -> None:
        """Replace the lines; blocking. Raises AssertionError where the file does not have them once."""
        file = self.directory / part.file
        old, new = (
            "".join(line[1:] for line in part.text.splitlines(True) if line[0] == sign) for sign in "-+"
        )
        text = file.read_text()
        assert text.count(old) == 1, f"{part.file} has not once:\n{old}"
        file.write_text(text.replace(old, new))


def fits(wanted: str, printed: str) -> bool:
    """Whether the lines that are wanted were printed, in this order, one after the other but for ``...``."""
    lines = [re.escape(line).replace(r"\.\.\.", ".*") for line in wanted.splitlines()]
    pattern = "".join("(?:.*\n)*?" if line == ".*" else f"{line} *\n" for line in lines)
    return re.search(f"^{pattern}", printed + "\n", re.M) is not None


async def _read(process: asyncio.subprocess.Process, said: list[str]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        said.append(line.decode(errors="replace"))
