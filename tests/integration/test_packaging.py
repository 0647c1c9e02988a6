"""What `pip install .` gives: the wheel alone runs a gateway with its shipped plugins."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.command import environment, plugway
from tests.running import ROOT, gateway


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(target),
    ]
    subprocess.run([*build, str(ROOT)], check=True, timeout=120)
    with zipfile.ZipFile(next(target.glob("plugway-*.whl"))) as wheel:
        wheel.extractall(target / "site")
    return target / "site"


@pytest.mark.timeout(180)
async def test_the_wheel_serves_the_shipped_plugins(unpacked: Path, tmp_path: Path) -> None:
    settings = {"PYTHONPATH": str(unpacked), "PLUGWAY_INSTALL": "notes,redis-management"}
    async with gateway(tmp_path / "home", "process", settings, cwd=tmp_path) as running:
        await running.healthy("notes")
        await running.healthy("redis-management")
        used = {p.environ().get("PYTHONPATH", "") for p in running.instances()}
        assert all(str(unpacked) in path for path in used), "they run from the wheel, not from the checkout"
        page = await running.client.get("/")
        assert page.status_code == 200
        assert "text/html" in page.headers["content-type"]


def test_the_wheel_says_what_the_program_is(unpacked: Path) -> None:
    entry = next(unpacked.glob("plugway-*.dist-info/entry_points.txt")).read_text()
    assert "plugway = gateway.__main__:main" in entry


@pytest.mark.parametrize(
    ("lang", "some"),
    [("python", "tests/test_app.py"), ("node", "tests/app.test.js"), ("go", "plugway-sdk/go.mod")],
)
async def test_the_wheel_writes_new_plugins(lang: str, some: str, unpacked: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway", "new", "orders", "--lang", lang, "--json"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env=environment(PYTHONPATH=str(unpacked)), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    here = await plugway("new", "orders", "--lang", lang, "--in", str(tmp_path / "checkout"), "--json")
    assert json.loads(out)["files"] == here.json["files"]
    assert {some, ".gitignore", ".github/workflows/check.yml"} < set(here.json["files"])
    # What `pip install "$(plugway new --sdk)"` needs.
    sdk = unpacked / "gateway" / "shipped" / "plugin_services" / "sdk"
    assert (sdk / "pyproject.toml").is_file()
    assert (sdk / "plugway" / "plugin" / "v1" / "plugin_pb2.py").is_file()


def test_no_test_and_no_machine_path_travels(unpacked: Path) -> None:
    names = [path.relative_to(unpacked) for path in unpacked.rglob("*") if path.is_file()]
    assert not [name for name in names if "tests" in name.parts or name.name.endswith("_test.go")]
    for name in names:
        assert str(ROOT).encode() not in (unpacked / name).read_bytes(), name
