"""`plugway dev`: an author's code beside a real gateway, changed, broken, mended, and killed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from gateway.authoring.develop import Workbench
from gateway.authoring.new import write_plugin
from tests.command import PROGRAM, environment, plugway
from tests.developing import GREETINGS, Dev, at, dev, greeted, new_plugin
from tests.processes import in_directory
from tests.running import RunningGateway, gateway, until

pytestmark = [pytest.mark.timeout(170), pytest.mark.asyncio(loop_scope="module")]
PYTHON, NODE, GO = GREETINGS["python"], GREETINGS["node"], GREETINGS["go"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    place = tmp_path_factory.mktemp("dev")
    write_plugin("stock-list", "python", place / "shelf")
    async with gateway(place / "home", settings={"PLUGWAY_PLUGIN_PATH": str(place / "shelf")}) as started:
        yield started


@pytest.fixture
def code(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A new plugin's directory; removed with what a killed run leaves of its own."""
    parent = Path(tempfile.mkdtemp(prefix="pd-"))
    directory = new_plugin(getattr(request, "param", "python"), parent)
    yield directory
    shutil.rmtree(Workbench(directory).place, ignore_errors=True)
    shutil.rmtree(parent)


@pytest.fixture
def place(code: Path) -> Path:
    return Workbench(code).place


async def copy_of(directory: Path) -> set[int]:
    """The one copy that is left, once the one before it has ended: the author's code and its leash."""

    def alone() -> set[int]:
        found = {process.pid for process in in_directory(directory)}
        return found if len(found) == 2 else set()

    return set(await until(alone, "one copy of the code, with its leash, to be left"))


async def reloaded(run: Dev, times: int = 1) -> None:
    """Prints how long it took, which a busy machine decides; see tests/benchmarks/reload.py."""
    said = await run.says("dev", "reloaded in ", times)
    assert re.fullmatch(r"reloaded in \d+\.\d\d s", said)
    print(said)  # noqa: T201


async def known(running: RunningGateway) -> dict[str, Any]:
    answer = await running.client.get("/api/v1/plugins/order-desk")
    return dict(answer.json()) if answer.status_code == 200 else {}


async def test_what_is_saved_serves_and_what_is_broken_does_not(
    running: RunningGateway, code: Path, place: Path
) -> None:
    """And one that is killed is cleared up by the next."""
    app = code / "order_desk_plugin" / "app.py"
    good = app.read_text()

    async def serves(text: str) -> None:
        await until(lambda: _is(running, text), f"{text!r} to be served")

    async with dev(code, **at(running)) as run:
        await run.says("page", "/plugins/order-desk/open")
        await serves("Hello, admin!")
        await run.says("log", "greeting admin")

        PYTHON.say(code, good, "changed")
        await reloaded(run)
        await serves("changed")

        first = await copy_of(code)
        app.write_text(good + "\nraise RuntimeError('the typo')\n")
        await run.says("log", "RuntimeError: the typo")
        await run.says("dev", "What ran before goes on.")
        await serves("changed")
        assert await copy_of(code) == first

        PYTHON.say(code, good, "mended")
        await reloaded(run, times=2)
        await serves("mended")
        assert not await copy_of(code) & first

        second = await asyncio.create_subprocess_exec(
            *PROGRAM, "dev", str(code), env=environment(**at(running)), stderr=asyncio.subprocess.PIPE
        )
        _, err = await asyncio.wait_for(second.communicate(), 60)
        assert second.returncode != 0
        assert "another 'plugway dev'" in err.decode()
        await serves("mended")
        await run.end(signal.SIGKILL)

    await until(lambda: not in_directory(code), "the author's code to end with it")
    await running.in_state("order-desk", "unhealthy")
    assert await greeted(running.client) == "503"
    async with dev(code, **at(running)) as run:
        await run.says("dev", "it is taken over")
        await run.says("page", "/plugins/order-desk/open")
        assert await greeted(running.client) == "mended"
        assert await run.end(signal.SIGINT) == 0
    assert await known(running) == {}
    await until(lambda: not in_directory(code), "nothing to be left")
    assert not place.exists()


async def _is(running: RunningGateway, text: str) -> bool:
    return await greeted(running.client) == text


@pytest.mark.parametrize("code", ["node"], indirect=True)
async def test_code_in_another_language_is_run_and_reloaded_as_well(
    running: RunningGateway, code: Path
) -> None:
    app = code / "app.js"
    good = app.read_text()
    async with dev(code, **at(running)) as run:
        await run.says("page", "/plugins/order-desk/open")
        assert await greeted(running.client) == "Hello, admin!"
        await run.says("log", '"user":"admin"')
        app.write_text(good + "\nthrow new Error('the typo');\n")
        await run.says("log", "Error: the typo")
        await run.says("dev", "What ran before goes on.")
        assert await greeted(running.client) == "Hello, admin!"
        NODE.say(code, good, "changed")
        await reloaded(run)
        await until(lambda: _is(running, "changed"), "the change to be served")
        assert await run.end(signal.SIGINT) == 0
    assert await known(running) == {}
    await until(lambda: not in_directory(code), "nothing to be left")


@pytest.mark.parametrize("code", ["go"], indirect=True)
async def test_a_program_is_built_first_and_again_at_each_change(running: RunningGateway, code: Path) -> None:
    app = code / "app.go"
    good = app.read_text()
    async with dev(code, **at(running)) as run:
        await run.says("page", "/plugins/order-desk/open")
        assert await greeted(running.client) == "Hello, admin!"
        app.write_text(good + "\nthe typo\n")
        await run.says("log", "syntax error")
        await run.says("dev", "Its build ended with exit code 1. What ran before goes on.")
        assert await greeted(running.client) == "Hello, admin!"
        GO.say(code, good, "changed")
        await reloaded(run)
        await until(lambda: _is(running, "changed"), "the change to be served")
        # What a build writes is no change: that would go on for ever.
        changed = [text for text in run.texts("dev") if text.endswith(" changed")]
        assert set(changed) == {"app.go changed"}
        assert await run.end(signal.SIGINT) == 0
    await until(lambda: not in_directory(code), "nothing to be left")


async def test_what_everybody_uses_is_not_taken_from_them(running: RunningGateway, code: Path) -> None:
    manifest = code / "plugway.toml"
    manifest.write_text(manifest.read_text().replace('id = "order-desk"', 'id = "notes"'))
    await running.client.post("/api/v1/plugins", json={"id": "notes"})
    before = await running.healthy("notes")
    async with dev(code, **at(running)) as run:
        await until(lambda: run.process.returncode is not None, "it to refuse")
    assert run.process.returncode == 1
    assert not run.texts("log"), "it was not even started"
    assert any("notes is installed already" in text for text in run.texts("other")), run.said
    assert (await running.plugin("notes"))["definition"] == before["definition"]
    assert (await running.plugin("notes"))["state"] == "healthy"


async def test_without_a_gateway_it_brings_one_that_ends_with_it(code: Path) -> None:
    nowhere = {"PLUGWAY_PORT": "1", "PLUGWAY_HOME": str(code.parent / "no-home")}
    async with dev(code, **nowhere) as run:
        await run.says("dev", "No gateway answers")
        link = (await run.says("sign in", "/login")).split()[0]
        base = link.split("/login")[0]
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=20) as browser:
            assert (await browser.get(link)).status_code == 303
            assert await greeted(browser) == "Hello, admin!"
        mine = psutil.Process(run.process.pid).children(recursive=True)
        homes = [word for process in mine for word in process.cmdline() if "plugway-dev-home-" in word]
        assert homes
        assert len(mine) >= 4
        await run.end(signal.SIGKILL)
    await until(lambda: not any(_lives(process) for process in mine), "all that it started to end")
    await until(lambda: not any(os.path.exists(home) for home in homes), "the gateway's home to be gone")  # noqa: PTH110


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def rename(code: Path) -> None:
    """It is a copy of the plugin that is installed, with a page of its own."""
    for file in code.rglob("*"):
        if file.suffix in (".py", ".go", ".toml", ".js") and file.is_file():
            file.write_text(
                file.read_text().replace("order-desk", "stock-list").replace("Greet me", "Greet mine")
            )


async def installed(running: RunningGateway) -> None:
    """It says who installed it; done once for the module."""
    if (await running.client.post("/api/v1/plugins", json={"id": "stock-list"})).status_code == 201:
        await running.healthy("stock-list")
        await running.client.put(
            "/api/v1/plugins/stock-list/settings", json={"values": {"greeting": "Installed"}}
        )


async def token(running: RunningGateway, name: str, **rights: Any) -> str:
    made = await running.client.post("/api/v1/tokens", json={"name": name, **rights})
    return str(made.json()["secret"])


async def met_by(running: RunningGateway, headers: dict[str, str]) -> str:
    answer = await running.client.get("/plugins/stock-list/api/greeting", headers=headers)
    return str(answer.json()["text"]) if answer.status_code == 200 else f"{answer.status_code}"


async def test_only_who_asked_meets_the_copy(running: RunningGateway, code: Path) -> None:
    """And everybody else what they met before: API, page, also with the copy's release in the header."""
    rename(code)
    app = code / "order_desk_plugin" / "app.py"
    good = app.read_text()
    app.write_text(good.replace(PYTHON.code, 'f"mine: {plugin.settings.greeting}"'))
    await installed(running)
    ann = await token(running, "ann", role="admin")
    bob = await token(running, "bob", grants={"stock-list": "operator"})
    others = {"Authorization": f"Bearer {ann}"}

    async def met(headers: dict[str, str]) -> str:
        return await met_by(running, headers)

    async with dev(code, "--route-me", **{**at(running), "PLUGWAY_TOKEN": bob}) as refused:
        await until(lambda: refused.process.returncode is not None, "it to refuse")
    assert refused.process.returncode == 5, refused.said

    async with dev(code, "--route-me", **at(running)) as run:
        await run.says("dev", "Your calls to stock-list come here")
        await run.says("page", "/plugins/stock-list/open")
        assert (await met({}), await met(others)) == ("mine: Installed", "Installed, ann!")
        pages = [
            (await running.client.get("/plugins/stock-list/ui/", headers=who)).text for who in ({}, others)
        ]
        assert ["Greet mine" in page for page in pages] == [True, False]
        # Each page's files, also for a page of the other kind that was open before.
        files = [re.findall(r"/plugins/stock-list/ui/~[0-9a-f]{32}/", page)[0] for page in pages]
        assert len(set(files)) == 2
        for file in files:
            for who in ({}, others):
                assert (await running.client.get(f"{file}index.js", headers=who)).status_code == 200
        seen = await running.plugin("stock-list")
        assert (seen["personal"], seen["state"]) == (["admin"], "healthy")
        told = await plugway("status", "stock-list", **at(running))
        assert "the calls of admin go to their own" in told.out
        release = next(
            series.split('release="')[1].split('"')[0]
            for series in (await running.client.get("/metrics")).text.splitlines()
            if "plugway_" in series and 'release="stock-list-' in series and seen["releaseId"] not in series
        )
        assert await met({"X-Plugway-Release": release}) == "mine: Installed"
        assert "mine" not in await met({**others, "X-Plugway-Release": release})
        audit = (await running.client.get("/api/v1/audit")).json()["entries"]
        assert any(one["act"] == "routeMe" and one["user"] == "admin" for one in audit)

        PYTHON.say(code, good, "mine: changed")
        await reloaded(run)
        assert (await met({}), await met(others)) == ("mine: changed", "Installed, ann!")
        await run.end(signal.SIGKILL)

    async def back() -> bool:
        return await met({}) == "Installed, admin!"

    await until(back, "the calls to go where everybody's go")
    assert (await running.plugin("stock-list"))["personal"] == []
    await until(lambda: not in_directory(code), "the author's code to end with it")


@pytest.mark.parametrize("code", ["go"], indirect=True)
async def test_a_copy_in_another_language_is_met_by_who_asked_alone(
    running: RunningGateway, code: Path
) -> None:
    """The release that everybody meets is in Python."""
    rename(code)
    app = code / "app.go"
    good = app.read_text()
    GO.say(code, good, "mine")
    await installed(running)
    others = {"Authorization": f"Bearer {await token(running, 'eve', role='admin')}"}
    async with dev(code, "--route-me", **at(running)) as run:
        await run.says("dev", "Your calls to stock-list come here")
        assert (await met_by(running, {}), await met_by(running, others)) == ("mine", "Installed, eve!")
        GO.say(code, good, "changed")
        await reloaded(run)
        assert (await met_by(running, {}), await met_by(running, others)) == ("changed", "Installed, eve!")
        assert await run.end(signal.SIGINT) == 0

    async def back() -> bool:
        return await met_by(running, {}) == "Installed, admin!"

    await until(back, "the calls to go where everybody's go")
    await until(lambda: not in_directory(code), "the author's code to end with it")
