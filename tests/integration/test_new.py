"""`plugway new`, as its user meets it: from nothing to the first call, and what is written holds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import docker
import pytest
from typer.testing import CliRunner, Result

from gateway.authoring.templates import languages
from gateway.cli.main import app
from tests.command import PROGRAM, ROOT, environment, plugway
from tests.node_sdk import NPM_INSTALL, build_node_base, npm
from tests.parts import need_docker, need_go, need_npm
from tests.running import gateway

pytestmark = pytest.mark.timeout(170)


async def ran(*command: str, cwd: Path) -> str:
    """What a program printed; raises AssertionError where it failed."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode == 0, out.decode()
    return out.decode()


@dataclass(frozen=True)
class Steps:
    """What has to be run before the first call, the tests, and the workflow's lines that do the same."""

    first: tuple[str, ...]
    tests: tuple[str, ...]
    lines: tuple[str, ...]


def steps_in(lang: str) -> Steps:
    if lang == "node":
        need_npm()
        return Steps(NPM_INSTALL, ("npm", "test"), ("npm install", "npm test"))
    if lang == "go":
        need_go()
        build = 'CGO_ENABLED=0 go build -trimpath -tags=grpcnotrace -ldflags="-s -w" -o bin/order-desk .'
        # What is compiled for one is compiled for both: tests need no C either.
        tested = ("env", "CGO_ENABLED=0", "go", "test", "-trimpath", "-tags=grpcnotrace", "-v", "./...")
        return Steps(("sh", "-c", build), tested, ("go vet ./...", "go test ./...", build))
    # pip has put the SDK there already.
    tests = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    return Steps((), tests, ("python -m pytest",))


@pytest.mark.parametrize("lang", sorted(languages()))
async def test_the_first_call_comes_within_two_minutes(lang: str, tmp_path: Path) -> None:
    steps = steps_in(lang)
    began = time.monotonic()
    made = await plugway("new", "order-desk", "--lang", lang, "--in", str(tmp_path), "--json")
    assert made.code == 0, made
    directory = Path(made.json["directory"])
    if steps.first:
        await ran(*steps.first, cwd=directory)
    async with gateway(tmp_path / "home", settings={"PLUGWAY_PLUGIN_PATH": str(tmp_path)}) as running:
        here = {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(running.home)}
        installed = await plugway("install", "order-desk", **here)
        assert installed.code == 0, installed
        first = await running.client.get("/plugins/order-desk/api/greeting")
        took = time.monotonic() - began
        assert first.json()["text"].startswith("Hello, ")
        assert took < 120
        page = await running.client.get("/plugins/order-desk/ui/")
        assert page.status_code == 200
    # What the check workflow of the plugin runs, once the programs are there.
    workflow = (directory / ".github" / "workflows" / "check.yml").read_text()
    lines = re.findall(r"^ +- run: (.*)$", workflow, re.MULTILINE)
    assert {*steps.lines, "plugway check . --strict"} <= set(lines)
    said = await ran(*steps.tests, cwd=directory)
    assert re.search(r"\b[5-9] passed|^# pass [5-9]", said, re.MULTILINE) or said.count("--- PASS: ") >= 4
    judged = await plugway("check", str(directory), "--strict", "--json", PLUGWAY_HOME=str(tmp_path / "home"))
    assert judged.code == 0, judged
    assert judged.json["counts"]["pass"] > 30


def new(*words: str) -> Result:
    return CliRunner().invoke(app, ["new", *words])


def test_what_is_there_stays_and_bad_names_are_told_the_rule(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    cases = {
        ("taken",): "not empty",
        ("Order_Desk",): "2 to 63 lower-case letters, digits and hyphens",
        ("../outside",): "2 to 63 lower-case letters, digits and hyphens",
        ("notes",): "comes with every gateway",
        ("orders", "--lang", "cobol"): f"must be one of: {', '.join(languages())}",
        (): "New what?",
    }
    for words, said in cases.items():
        answer = new(*words, "--in", str(tmp_path))
        assert answer.exit_code in (2, 6), words
        assert said in " ".join(answer.output.split()), words
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "mine.txt", "taken"]
    told = new("empty", "--in", str(tmp_path))
    assert told.exit_code == 0
    for command in ("plugway dev", "plugway check", "python -m pytest"):
        assert command in told.output
    assert (tmp_path / "empty" / "plugway.toml").is_file()


def test_names_that_python_has_already_do_no_harm(tmp_path: Path) -> None:
    for name in ("json", "class", "plugway-sdk"):
        assert new(name, "--in", str(tmp_path)).exit_code == 0
        module = f"{name.replace('-', '_')}_plugin"
        code = (
            f"import json; from plugway_sdk import Plugin; from {module}.app import plugin; print(plugin.id)"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code], check=False, cwd=tmp_path / name, capture_output=True, text=True
        )
        assert ended.stdout.strip() == name, ended.stderr


@pytest.mark.parametrize("lang", sorted(languages()))
def test_nothing_is_left_to_fill_in(lang: str, tmp_path: Path) -> None:
    made = new("x-ray", "--lang", lang, "--in", str(tmp_path), "--json")
    assert made.exit_code == 0
    for name in json.loads(made.output)["files"]:
        if name.endswith(".tgz") or name.startswith("plugway-sdk/"):
            continue
        assert not re.search(r"@[a-z_]+@", name + (tmp_path / "x-ray" / name).read_text()), name
    assert '"x-ray"' in (tmp_path / "x-ray" / "plugway.toml").read_text()


def test_the_sdk_that_goes_along_is_what_npm_packs_and_the_same_each_time(tmp_path: Path) -> None:
    sdk = languages()["node"].sdk
    [told] = json.loads(npm("pack", "--dry-run", "--json", "--silent", str(sdk), directory=tmp_path))
    archives = []
    for name in ("one", "two"):
        assert new(name, "--lang", "node", "--in", str(tmp_path)).exit_code == 0
        archives.append(tmp_path / name / "vendor" / told["filename"])
    with tarfile.open(archives[0]) as tar:
        assert sorted(tar.getnames()) == sorted(f"package/{file['path']}" for file in told["files"])
    assert archives[0].read_bytes() == archives[1].read_bytes()
    assert new("--sdk", "--lang", "node").output.strip() == str(sdk)


def test_the_go_sdk_that_goes_along_is_the_one_whose_versions_are_named(tmp_path: Path) -> None:
    assert new("one", "--lang", "go", "--in", str(tmp_path)).exit_code == 0
    sdk, mine = tmp_path / "one" / "plugway-sdk", tmp_path / "one"
    assert not list(sdk.rglob("*_test.go"))
    assert (sdk / "internal" / "pluginv1" / "plugin.pb.go").is_file()
    assert (sdk / "go.sum").read_text() == (mine / "go.sum").read_text()
    versions = {line.split(" //")[0].strip() for line in (mine / "go.mod").read_text().splitlines()}
    named = {line.split(" //")[0].strip() for line in (sdk / "go.mod").read_text().splitlines()}
    assert named - {"module plugway.dev/sdk-go"} <= versions
    assert new("--sdk", "--lang", "go").output.strip() == str(languages()["go"].sdk)


@pytest.mark.docker
def test_the_image_of_a_go_plugin_is_its_program(tmp_path: Path) -> None:
    need_docker()
    assert new("order-desk", "--lang", "go", "--in", str(tmp_path)).exit_code == 0
    directory = tmp_path / "order-desk"
    readme = (directory / "README.md").read_text()
    [build] = re.findall(r"^(CGO_ENABLED=0 go build .*-ldflags.*)$", readme, re.MULTILINE)
    subprocess.run(["sh", "-c", build], check=True, cwd=directory, timeout=100)
    tag = f"plugway-test/order-desk:{uuid4().hex[:12]}"
    with contextlib.closing(docker.from_env(timeout=60)) as client:
        image, _ = client.images.build(
            path=str(directory), tag=tag, network_mode="none", rm=True, forcerm=True
        )
        try:
            assert image.attrs["Size"] < 20_000_000
            words = ["check", tag, "--call", "/greeting"]
            words += [f"--only={group}" for group in ("manifest", "call", "ui")]
            judged = subprocess.run(
                [*PROGRAM, *words], check=False, cwd=ROOT, capture_output=True, text=True, timeout=100,
                env=environment(PLUGWAY_HOME=str(tmp_path / "home")),
            )  # fmt: skip
            assert judged.returncode == 0, judged.stdout + judged.stderr
        finally:
            client.images.remove(tag, force=True)


@pytest.mark.docker
@pytest.mark.timeout(300)
def test_the_image_of_a_node_plugin_is_built_of_its_own_dockerfile(tmp_path: Path) -> None:
    """By the way of its README for builds that reach no registry, which is the only one in which this can."""
    base = need_docker()
    assert new("order-desk", "--lang", "node", "--in", str(tmp_path)).exit_code == 0
    directory = tmp_path / "order-desk"
    npm(*NPM_INSTALL[1:], directory=directory)
    readme = (directory / "README.md").read_text()
    [fetch] = re.findall(r"^npm (ci .*)$", readme, re.MULTILINE)
    [options] = re.findall(r'^docker build .*--build-arg NPM_OPTIONS="(.*)" \.$', readme, re.MULTILINE)
    npm(*fetch.split(), "--prefer-offline", directory=directory)
    tag = f"plugway-test/order-desk:{uuid4().hex[:12]}"
    with contextlib.closing(docker.from_env(timeout=240)) as client:
        arguments = {"BASE_IMAGE": build_node_base(client, base), "NPM_OPTIONS": options}
        client.images.build(
            path=str(directory), tag=tag, buildargs=arguments, network_mode="none", rm=True, forcerm=True
        )
        try:
            listed = client.containers.run(tag, ["ls", "-A"], remove=True, network_mode="none").decode()
            assert {"main.js", "node_modules", "ui"} <= set(listed.split())
            assert not {"vendor", "tests"} & set(listed.split()), "what only a build needs"
            words = ["check", tag, "--call", "/greeting", "--stream", "/events", "--json"]
            judged = subprocess.run(
                [*PROGRAM, *words], check=False, cwd=ROOT, capture_output=True, text=True, timeout=150,
                env=environment(PLUGWAY_HOME=str(tmp_path / "home")),
            )  # fmt: skip
            assert judged.returncode == 0, judged.stdout + judged.stderr
            assert json.loads(judged.stdout)["counts"]["pass"] > 30
        finally:
            client.images.remove(tag, force=True)
