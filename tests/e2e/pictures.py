"""Makes the pictures in ``docs/images``: ``python -m tests.e2e.pictures``. Needs Chromium and Redis."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio
from playwright.async_api import Browser, expect

from tests.e2e.browser import PLUGINS, Visitor, chromium, visitor
from tests.parts import need_chromium, need_redis
from tests.running import ROOT, RunningGateway, gateway, until

TARGET = ROOT / "docs" / "images"
_NOTES = (
    ("Release on Thursday", "Check the drain times of **redis** first."),
    ("Ideas", "A page that compares two snapshots."),
    ("Shopping", "Coffee, filters, oat milk"),
)


@asynccontextmanager
async def sample_redis(directory: Path) -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    process = await asyncio.create_subprocess_exec(
        need_redis(), *arguments, stdout=asyncio.subprocess.DEVNULL
    )
    client = redis.asyncio.Redis(port=port)
    try:
        await until(lambda: _answers(client), "Redis to answer")
        for number in range(240):
            await client.set(f"session:{number:04}", "token" * 4, ex=3600 + number)
        for number in range(40):
            await client.hset(f"user:{number:03}", mapping={"name": f"User {number}", "plan": "team"})
        await client.zadd("ranking", {f"user:{number:03}": number * 7 for number in range(20)})
        await client.rpush("jobs:mail", *[f"mail-{number}" for number in range(12)])
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        await client.aclose()
        process.terminate()
        await process.wait()


async def _answers(client: redis.asyncio.Redis) -> bool:
    try:
        return bool(await client.ping())
    except redis.ConnectionError:
        return False


async def prepare(running: RunningGateway, redis_url: str) -> None:
    for definition in ({"id": "notes", "version": "1.0.0"}, {"id": "broken"}):
        (await running.client.post("/api/v1/plugins", json=definition)).raise_for_status()
    for name in ("notes", "redis-management"):
        await running.healthy(name)
    values = {"values": {"connections": {"local": {"url": redis_url}}}}
    answer = await running.client.put("/api/v1/plugins/redis-management/settings", json=values)
    answer.raise_for_status()
    for title, text in _NOTES:
        note = {"title": title, "text": text}
        (await running.client.post("/plugins/notes/api/notes", json=note)).raise_for_status()
    await running.in_state("broken", "quarantined")
    await running.healthy("redis-management")


def add_newer_notes(directory: Path) -> None:
    """The notes plugin once more, as a version of which nothing but the number is new."""
    target = directory / "notes-1.1.0"
    leave = shutil.ignore_patterns("tests", "__pycache__")
    shutil.copytree(ROOT / "plugin_services" / "examples" / "notes", target, ignore=leave)
    for name in ("plugway.toml", "notes/app.py"):
        path = target / name
        path.write_text(path.read_text().replace("1.0.0", "1.1.0"))


async def move_notes(running: RunningGateway) -> None:
    """Notes halfway to its newer version, with calls to both."""
    steps = [{"weight": 20, "seconds": 600}, {"weight": 50, "seconds": 600}]
    asked = {"version": "1.1.0", "steps": steps, "minHealthy": 1}
    (await running.client.post("/api/v1/plugins/notes/rollouts", json=asked)).raise_for_status()

    async def shared() -> bool:
        answer = await running.client.get("/api/v1/rollouts")
        return [rollout["phase"] for rollout in answer.json()["rollouts"]] == ["canary"]

    await until(shared, "notes to be shared by both versions")
    for _ in range(300):
        (await running.client.get("/plugins/notes/api/notes")).raise_for_status()


async def shoot(visit: Visitor, name: str) -> None:
    await visit.page.wait_for_timeout(1200)  # for what fades in
    await visit.page.screenshot(path=TARGET / f"{name}.png")


async def take(browser: Browser, running: RunningGateway) -> None:
    desktop = {"width": 1200, "height": 700}
    phone = {"width": 375, "height": 740}
    for scheme in ("light", "dark"):
        async with visitor(browser, running, viewport=desktop, color_scheme=scheme) as visit:
            await expect(visit.page.locator(".row .state")).to_have_count(3)
            await shoot(visit, "console" if scheme == "light" else "console-dark")
            frame = await visit.frame("redis-management", "#/keys" if scheme == "light" else "")
            if scheme == "light":
                await frame.get_by_text("user:0").first.click()
            await shoot(visit, f"plugin-{scheme}")
    async with visitor(browser, running, viewport=phone, color_scheme="dark") as visit:
        await visit.go("/plugins/redis-management/settings")
        await expect(visit.page.locator(".field").first).to_be_visible()
        await shoot(visit, "settings-phone")
    await move_notes(running)
    async with visitor(browser, running, viewport=desktop) as visit:
        await visit.go("/plugins/notes/rollouts")
        await shoot(visit, "rollout")
    async with visitor(browser, running, viewport=phone, color_scheme="dark") as visit:
        await visit.go("/plugins/notes/rollouts")
        await shoot(visit, "rollout-phone")


async def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    settings = {
        "PLUGWAY_INSTALL": "redis-management",
        "PLUGWAY_QUARANTINE_AFTER": "2",
    }
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        add_newer_notes(home / "releases")
        settings["PLUGWAY_PLUGIN_PATH"] = f"{PLUGINS}:{home / 'releases'}"
        async with (
            sample_redis(home) as url,
            gateway(home / "home", settings=settings) as running,
            chromium(need_chromium()) as browser,
        ):
            await prepare(running, url)
            await take(browser, running)


if __name__ == "__main__":
    asyncio.run(main())
