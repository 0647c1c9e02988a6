"""``plugway check`` on what it is made for: directories, endpoints, images, and all that is installed."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.conformance.findings import Outcome, Report
from gateway.conformance.places import RuntimePlace
from gateway.conformance.run import run_checks
from gateway.conformance.subject import Plan
from gateway.conformance.suite import SUITE
from gateway.conformance.targets import Stage, directory_release, endpoint_place, stage
from gateway.settings import Settings, shipped_root
from gateway.sources.check_table import CheckTable
from tests.command import PROGRAM, ROOT, environment, plugway
from tests.fakes.broken_plugin.broken import Plugin, serve
from tests.parts import need_docker
from tests.processes import in_directory
from tests.running import gateway, until

pytestmark = pytest.mark.timeout(170)
BROKEN = Path(__file__).resolve().parents[1] / "fakes" / "broken_plugin"
SHIPPED = shipped_root() / "plugin_services"


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(Settings.model_validate({"home": tmp_path, "runtime": "process"})) as made:
        yield made


@pytest.fixture
def sockets() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pc-") as name:
        yield Path(name)


def broken(folder: Path, fault: str, command: str = "") -> Path:
    """A copy of the plugin that has this fault."""
    directory = folder / (fault or "good")
    shutil.copytree(BROKEN, directory, ignore=shutil.ignore_patterns("__pycache__"))
    file = directory / "plugway.toml"
    words = command or json.dumps(["{python}", "-m", "broken", *([fault] if fault else [])])
    file.write_text(file.read_text().replace('["{python}", "-m", "broken"]', words))
    return directory


@pytest.mark.parametrize("page", ["README.md", "plugin_services/sdk/README.md"])
async def test_the_plugin_that_a_page_shows_is_one(page: str, tmp_path: Path) -> None:
    shown = (ROOT / page).read_text().split(" in twenty lines")[1]
    hello = tmp_path / "hello"
    hello.mkdir()
    for name, kind in (("plugway.toml", "toml"), ("hello.py", "python")):
        (hello / name).write_text(shown.split(f"```{kind}\n")[1].split("```")[0])
    only = [word for name in ("manifest", "call", "settings") for word in ("--only", name)]
    ran = await plugway("check", str(hello), "--json", *only, PLUGWAY_HOME=str(tmp_path / "home"))
    assert ran.code == 0, ran
    assert ran.json["counts"]["pass"] > 8


async def checked(ground: Stage, directory: Path, only: Sequence[str] = ()) -> Report:
    release, table = await directory_release(directory)
    place = await ground.place(release)
    try:
        return await run_checks(directory.name, place, Plan(routes=table), SUITE, only=only)
    finally:
        await place.close()


def ids(report: Report, outcome: Outcome) -> set[str]:
    return {finding.id for finding in report.of(outcome)}


async def test_the_plugins_of_this_repository_keep_the_contract(ground: Stage) -> None:
    names = ("examples/notes", "redis_management", "grafana", "power_bi", "minio_management")
    reports = await asyncio.gather(*(checked(ground, SHIPPED / name) for name in names))
    for report in reports:
        assert [(one.id, one.seen) for one in report.of(Outcome.FAIL)] == []
    notes, redis, grafana, power_bi, minio = (ids(report, Outcome.NOT_TRIED) for report in reports)
    assert notes == grafana == power_bi == set()
    # They take a server, and say so in plugway.toml.
    for one in (redis, minio):
        assert {id_.split(".")[0] for id_ in one} == {"stream", "upload", "cancel", "drain"}


async def test_processes_are_told_to_stop(ground: Stage, tmp_path: Path) -> None:
    for fault in ("", "stop.interrupt", "stop.terminate"):
        directory = await asyncio.to_thread(broken, tmp_path, fault)
        report = await checked(ground, directory, only=("stop",))
        assert ids(report, Outcome.FAIL) == ({fault} if fault else set())


async def test_what_does_not_start_is_told_and_the_rest_is_not_tried(tmp_path: Path) -> None:
    command = '["{python}", "-c", "print(\\"the key is lost\\"); raise SystemExit(4)"]'
    directory = await asyncio.to_thread(broken, tmp_path, "start", command)
    ran = await plugway("check", str(directory), "--json", PLUGWAY_HOME=str(tmp_path / "home"))
    assert ran.code == 1
    start, *rest = sorted(ran.json["checks"], key=lambda one: one["id"] != "start.serves")
    assert start["outcome"] == "fail"
    assert "exit code 4" in start["seen"]
    assert "the key is lost" in start["seen"]
    assert {one["outcome"] for one in rest} == {"not-tried"}


async def test_one_that_is_ended_leaves_no_process(tmp_path: Path) -> None:
    directory = await asyncio.to_thread(broken, tmp_path, "negotiation.hangs")
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "check", str(directory), env=environment(PLUGWAY_HOME=str(tmp_path)),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(lambda: in_directory(directory), "the plugin to be started")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 130
        await until(lambda: not in_directory(directory), "the plugin to be ended")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_an_endpoint_is_left_as_it_was_unless_more_is_allowed(sockets: Path, tmp_path: Path) -> None:
    plugin = Plugin("theirs.1")
    server = await serve(plugin, f"unix:{sockets / 's'}")
    routes = CheckTable(call="/ok", stream="/events", upload="/upload", websocket="/socket", slow="none")
    try:
        place = await endpoint_place(f"unix://{sockets / 's'}", "", tmp_path)
        gently = await run_checks("x", place, Plan(routes=routes, configure=False, drain=False), SUITE)
        assert ids(gently, Outcome.FAIL) == set()
        assert {"drain.answered", "stream.open"} < ids(gently, Outcome.NOT_TRIED)
        assert gently.holds(strict=False)
        assert not gently.holds(strict=True)
        assert plugin.settings is None
        assert not plugin.draining.is_set()
        plan = Plan(routes=routes, settings={"greeting": "hi", "password": "hunter22"})
        wholly = await run_checks("x", place, plan, SUITE)
        assert ids(wholly, Outcome.FAIL) == set()
        assert {"drain.sockets", "stream.open"} < ids(wholly, Outcome.PASS)
        assert plugin.settings == {"greeting": "hi"}
    finally:
        await server.stop(None)


async def test_one_that_goes_away_ends_the_checks_and_not_the_program(sockets: Path, tmp_path: Path) -> None:
    plugin = Plugin("theirs.1", "call.crashes")
    server = await serve(plugin, f"unix:{sockets / 's'}")
    ending: list[asyncio.Task[None]] = []
    plugin.die = lambda: ending.append(asyncio.ensure_future(server.stop(None)))
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"greeting": "hi", "password": "hunter22"}))
    words = ("check", f"unix://{sockets / 's'}", "--settings", str(file), "--json")
    ran = await plugway(*words, PLUGWAY_HOME=str(tmp_path))
    await asyncio.gather(*ending)
    assert ran.code == 1
    failed = [one["id"] for one in ran.json["checks"] if one["outcome"] == "fail"]
    assert failed == ["call.unknown-path"]
    assert "hunter22" not in ran.out + ran.err


async def test_all_that_is_installed_is_tried_beside_the_gateway(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    await asyncio.to_thread(broken, plugins, "metrics.text")
    home = tmp_path / "home"
    settings = {"PLUGWAY_PLUGIN_PATH": str(plugins), "PLUGWAY_INSTALL": "notes,broken"}
    async with gateway(home, settings=settings) as running:
        secret = "hunter22"
        change = {"values": {"greeting": "hi", "password": secret}}

        async def configured() -> bool:
            # Its schema is known only once it has said so.
            answer = await running.client.put("/api/v1/plugins/broken/settings", json=change)
            return answer.status_code == 200

        await until(configured, "the plugin to take settings")
        await running.healthy("broken")
        await running.healthy("notes")
        before = sorted(process.pid for process in running.instances())
        only = ("--only", "metrics", "--only", "manifest", "--only", "settings")
        words = ("check", "--installed", *only, "--json")
        ran = await plugway(*words, PLUGWAY_HOME=str(home), PLUGWAY_RUNTIME="process")
        assert ran.code == 1, ran.err
        found = {
            one["plugin"]: {check["id"]: check["outcome"] for check in one["checks"]}
            for one in ran.json["plugins"]
        }
        failed = {
            name: {id_ for id_, outcome in checks.items() if outcome == "fail"}
            for name, checks in found.items()
        }
        assert failed == {"notes": set(), "broken": {"metrics.text"}}
        assert found["broken"]["settings.taken"] == "pass"
        assert secret not in ran.out + ran.err
        # The gateway still owns its registry, and runs what it ran.
        assert await configured()
        assert sorted(process.pid for process in running.instances()) == before
        assert (await running.plugin("notes"))["state"] == "healthy"


@pytest.mark.docker
async def test_an_image_is_checked_in_the_gateways_sandbox(tmp_path: Path) -> None:
    base = need_docker()
    async with stage(
        Settings.model_validate({"home": tmp_path, "runtime": "docker", "base_image": base})
    ) as ground:
        release, _ = await directory_release(BROKEN)
        place = await ground.place(release)
        assert isinstance(place, RuntimePlace)
        try:
            report = await run_checks("built", place, Plan(), SUITE, only=("health", "manifest"))
            assert ids(report, Outcome.FAIL) == set()
            image = f"plugway-test/broken:{release.version}-{release.artifact.digest[7:19]}"  # type: ignore[union-attr]
            only = ("--only", "health", "--only", "permissions", "--only", "stop", "--json")
            ran = await plugway("check", image, *only, PLUGWAY_HOME=str(tmp_path), PLUGWAY_BASE_IMAGE=base)
            assert ran.code == 0, ran.out + ran.err
            assert ran.json["version"] == release.version
            assert "pass" in {
                one["outcome"] for one in ran.json["checks"] if one["id"] == "permissions.granted"
            }
        finally:
            await place.close()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "Check what?"),
        ((".", "--installed"), 2, "Check what?"),
        ((".", "--only", "drian"), 2, "drain"),
        (("./no-such-directory",), 4, "no directory"),
        ((str(BROKEN.parent),), 6, "plugway.toml"),
        ((str(BROKEN), "--stream", "events"), 2, "path"),
        (("grpc://nobody",), 6, "port"),
        (("--installed",), 4, "no registry"),
    ],
    ids=["nothing", "both", "unknown-check", "no-directory", "no-plugin", "no-route", "no-port", "no-home"],
)
def test_wrong_usage_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.setenv("PLUGWAY_HOME", str(tmp_path))
    ran = CliRunner().invoke(app, ["check", *words])
    assert (ran.exit_code, ran.stdout) == (code, "")
    assert said in ran.stderr
