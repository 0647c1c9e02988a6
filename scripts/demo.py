"""``make demo``: one plugin moved while it is in use, then a bad version that takes itself back.

A real gateway with a home of its own, the real command line, the real plugin. Versions 2.0.0 and 3.0.0
are copies of Notes with what is said below changed. Ends with 0 only where no call failed, every
note that was written is there, and nothing is left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
NOTES = ROOT / "plugin_services" / "examples" / "notes"
PLUGWAY = (sys.executable, "-m", "gateway")
READERS = 3
QUICK = ("--min-healthy", "2s", "--bake", "4s", "--drain", "4s", "--steps", "20:4s,50:4s")
TAKEN_BACK = 8


@dataclass
class Counts:
    """``outcomes`` by status or by the error's name; ``versions`` by which release answered."""

    outcomes: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    written: set[int] = field(default_factory=set)

    @property
    def failed(self) -> int:
        return sum(n for outcome, n in self.outcomes.items() if not outcome.startswith("2"))


def copy_release(directory: Path, version: str, *, slow: bool) -> None:
    """Notes as ``version``, which says so in /about; a slow one takes a quarter of a second for it."""
    target = directory / f"notes-{version}"
    shutil.copytree(NOTES, target, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    old = re.findall(r'^version = "(.+)"$', (NOTES / "plugway.toml").read_text(), re.MULTILINE)[0]
    _change(target / "plugway.toml", f'version = "{old}"', f'version = "{version}"')
    app, models = target / "notes" / "app.py", target / "notes" / "models.py"
    _change(app, f'version="{old}"', f'version="{version}"')
    _change(models, "class About(_Model):\n", f'class About(_Model):\n    version: str = "{version}"\n')
    if slow:
        _change(app, "import logging\n", "import asyncio\nimport logging\n")
        _change(
            app,
            "    settings = plugin.settings\n",
            "    await asyncio.sleep(0.25)\n    settings = plugin.settings\n",
        )


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if old not in text:
        raise SystemExit(f"{file.name} of Notes has changed; scripts/demo.py looks for {old!r}")
    file.write_text(text.replace(old, new))


@asynccontextmanager
async def gateway(home: Path, releases: Path, runtime: str) -> AsyncIterator[str]:
    """A gateway on a free port; its address. It is ended in good order, its plugins with it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PLUGWAY_") or k == "PLUGWAY_BASE_IMAGE"}
    given = {**kept, "PLUGWAY_PLUGIN_PATH": str(releases), "PLUGWAY_INSTALL": ""}
    log = home.parent / "gateway.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *PLUGWAY, "serve", "--json", "--port", "0", "--home", str(home), "--runtime", runtime,
            cwd=ROOT, env=given, stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
    assert process.stdout
    try:
        base = ""
        async for raw in process.stdout:
            said = json.loads(raw)
            if said["label"] == "runtime":
                tell(f"runtime: {said['text']}")
            if said["label"] == "console":
                base = said["text"].split("/login")[0]
                break
        if not base:
            raise SystemExit("the gateway did not start:\n" + log.read_text())
        drain = asyncio.create_task(process.stdout.read())
        yield base
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
    await drain


async def plugway(*words: str, environment: dict[str, str]) -> int:
    """Run a command in sight of the user; its exit code."""
    tell(f"\n$ plugway {' '.join(words)}")
    process = await asyncio.create_subprocess_exec(
        *PLUGWAY, *words, cwd=ROOT, env={**os.environ, **environment}
    )
    return await process.wait()


@asynccontextmanager
async def load(base: str, token: str) -> AsyncIterator[Counts]:
    """Readers and one writer, a call after the other, none retried, until the block ends."""
    counts, stop = Counts(), asyncio.Event()
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=f"{base}/plugins/notes/api", headers=headers, timeout=30, trust_env=False
    ) as client:
        tasks = [asyncio.create_task(_read(client, counts, stop)) for _ in range(READERS)]
        tasks.append(asyncio.create_task(_write(client, counts, stop)))
        try:
            yield counts
        finally:
            stop.set()
            await asyncio.gather(*tasks)


async def _call(
    client: httpx.AsyncClient, counts: Counts, method: str, path: str, body: object = None
) -> dict[str, object]:
    began = time.perf_counter()
    try:
        answer = await client.request(method, path, json=body)
    except httpx.HTTPError as error:
        counts.outcomes[type(error).__name__] += 1
        return {}
    counts.outcomes[str(answer.status_code)] += 1
    counts.seconds.append(time.perf_counter() - began)
    return dict(answer.json()) if answer.is_success else {}


async def _read(client: httpx.AsyncClient, counts: Counts, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if about := await _call(client, counts, "GET", "/about"):
            counts.versions[str(about.get("version", "1.0.0"))] += 1
        await asyncio.sleep(0.005)


async def _write(client: httpx.AsyncClient, counts: Counts, stop: asyncio.Event) -> None:
    while not stop.is_set():
        note = await _call(client, counts, "POST", "/notes", {"title": f"note {len(counts.written)}"})
        if "id" in note:
            counts.written.add(int(str(note["id"])))
        await asyncio.sleep(0.05)


async def kept_notes(base: str, token: str) -> set[int]:
    """The ids of all notes that are there."""
    found: set[int] = set()
    headers, cursor = {"authorization": f"Bearer {token}"}, ""
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30, trust_env=False) as client:
        while True:
            query: dict[str, str | int] = {"limit": 200, "cursor": cursor}
            page = (await client.get("/plugins/notes/api/notes", params=query)).raise_for_status().json()
            found.update(note["id"] for note in page["notes"])
            cursor = page["next"] or ""
            if not cursor:
                return found


async def show(home: Path, releases: Path, runtime: str) -> list[str]:
    """The whole demonstration; what went wrong, in words."""
    wrong: list[str] = []

    async def expect(code: int, *words: str) -> None:
        if (ended := await plugway(*words, environment=environment)) != code:
            wrong.append(f"plugway {words[0]} ended with {ended}, not {code}")

    began = time.monotonic()
    async with gateway(home, releases, runtime) as base:
        token = (home / "admin.token").read_text().strip()
        environment = {"PLUGWAY_URL": base, "PLUGWAY_TOKEN": token}
        await expect(0, "install", "notes", "--version", "1.0.0")
        async with load(base, token) as counts:
            tell("\nFrom here on, readers and a writer use it without a break.")
            await asyncio.sleep(2)
            await expect(0, "rollout", "notes", "2.0.0", *QUICK, "--watch")
            tell("\nThe next version is broken: what took milliseconds takes it a quarter of a second.")
            await expect(TAKEN_BACK, "rollout", "notes", "3.0.0", *QUICK, "--watch")
            await asyncio.sleep(1)
        missing = counts.written - await kept_notes(base, token)
        await expect(0, "status", "notes")
        await expect(0, "uninstall", "notes", "--purge", "--yes")
    report(counts, missing, time.monotonic() - began)
    if counts.failed:
        wrong.append(f"{counts.failed} calls failed: {dict(counts.outcomes)}")
    if missing:
        wrong.append(f"{len(missing)} notes are gone")
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        if not counts.versions[version]:
            wrong.append(f"{version} was never called")
    return wrong


def report(counts: Counts, missing: set[int], seconds: float) -> None:
    times = sorted(counts.seconds) or [0.0]
    middle, late, longest = (1000 * times[int((len(times) - 1) * share)] for share in (0.5, 0.99, 1.0))
    served = ", ".join(f"{version} {n}" for version, n in sorted(counts.versions.items()))
    tell("")
    tell(f"  calls     {sum(counts.outcomes.values())}")
    tell(f"  failed    {counts.failed}")
    tell(f"  served    {served}")
    tell(f"  notes     {len(counts.written)} written, {len(counts.written) - len(missing)} there at the end")
    tell(f"  times     median {middle:.1f} ms, 99th of 100 {late:.1f} ms, longest {longest:.0f} ms")
    tell(f"  took      {seconds:.0f} s")


def left_behind(home: Path) -> list[str]:
    """Processes that carry the mark of this home; the gateway gives it to each plugin that it starts."""
    mark, found = (home / "home.id").read_text().strip(), []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PLUGWAY_HOME_ID") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"process {process.pid} is left behind")
    return found


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runtime", default="process", help="auto, process or docker")
    runtime = parser.parse_args().runtime
    # Sockets lie in the home, and their paths have to be short.
    with tempfile.TemporaryDirectory(prefix="plugway-demo-") as directory:
        home, releases = Path(directory) / "home", Path(directory) / "releases"
        copy_release(releases, "2.0.0", slow=False)
        copy_release(releases, "3.0.0", slow=True)
        wrong = asyncio.run(show(home, releases, runtime))
        wrong += left_behind(home)
    tell("\n" + ("\n".join(wrong) if wrong else "No call failed."))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
