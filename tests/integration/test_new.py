"""`plugway new`, as its user meets it: from nothing to the first call, and what is written holds."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.authoring.templates import languages
from gateway.cli.main import app
from tests.command import environment, plugway
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


async def test_the_first_call_comes_within_two_minutes(tmp_path: Path) -> None:
    began = time.monotonic()
    made = await plugway("new", "order-desk", "--in", str(tmp_path), "--json")
    assert made.code == 0, made
    directory = Path(made.json["directory"])
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
    # What the check workflow of the plugin runs, once pip has put the programs there.
    workflow = (directory / ".github" / "workflows" / "check.yml").read_text()
    steps = re.findall(r"^ +- run: (.*)$", workflow, re.MULTILINE)
    assert steps[-2:] == ["python -m pytest", "plugway check . --strict"]
    assert " passed" in await ran(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=directory
    )
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
        assert not re.search(r"@[a-z_]+@", name + (tmp_path / "x-ray" / name).read_text()), name
    assert '"x-ray"' in (tmp_path / "x-ray" / "plugway.toml").read_text()
