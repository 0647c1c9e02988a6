"""The import layers and the one place that may make a VerifiedRelease."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_imports_point_downward() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]


def test_only_trust_makes_verified_releases() -> None:
    offenders = []
    for file in (ROOT / "gateway").rglob("*.py"):
        if file.is_relative_to(ROOT / "gateway" / "trust"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("VerifiedRelease"):
                offenders.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert offenders == []


STUBS = ROOT / "proto/gen/plugway/plugin/v1"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _floor(project: str, package: str) -> tuple[int, ...]:
    found = re.search(rf'"{package}>=([\d.]+)"', (ROOT / project).read_text())
    assert found, f"{project} sets no floor for {package}"
    return (*_version(found[1]), 0, 0)[:3]


@pytest.mark.parametrize("project", ["pyproject.toml", "plugin_services/sdk/pyproject.toml"])
@pytest.mark.parametrize(
    ("package", "stub", "mark"),
    [
        ("protobuf", "plugin_pb2.py", r"Protobuf Python Version: ([\d.]+)"),
        ("grpcio", "plugin_pb2_grpc.py", r"GRPC_GENERATED_VERSION = '([\d.]+)'"),
    ],
)
def test_stubs_load_with_the_oldest_packages_allowed(
    project: str, package: str, stub: str, mark: str
) -> None:
    """Generated code refuses to load under a package older than the compiler that made it."""
    made_with = re.search(mark, (STUBS / stub).read_text())
    assert made_with
    assert _floor(project, package) >= _version(made_with[1])
