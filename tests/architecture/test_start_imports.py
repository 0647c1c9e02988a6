"""What a start must not import, as each costs it a noticeable part of a second."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = "import sys, {module}; print(*sorted(name for name in sys.argv[1:] if name in sys.modules))"


def imported(module: str, *heavy: str) -> list[str]:
    """Which of ``heavy`` a fresh interpreter has after importing ``module``."""
    program = [sys.executable, "-c", IMPORTED.format(module=module), *heavy]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=50, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        # Up to the start of the plugins: nothing that only callers, engines or old databases need.
        (
            "gateway.__main__, gateway.serving",
            (
                "alembic",
                "docker",
                "fastapi",
                "httpx",
                "jsonschema",
                "prometheus_client",
                "rich",
                "sqlalchemy.orm",
                "uvicorn",
            ),
        ),
        # Later, while the plugins start.
        (
            "gateway.front, gateway.server",
            ("alembic", "docker", "httpx", "jsonschema", "opentelemetry.sdk", "rich", "sqlalchemy.orm"),
        ),
        ("gateway.worker", ("alembic", "docker", "fastapi", "httpx", "opentelemetry.sdk", "rich")),
    ],
)
def test_a_start_imports_no_more_than_it_needs(module: str, heavy: tuple[str, ...]) -> None:
    assert imported(module, *heavy) == []


def test_the_look_sees_what_is_imported() -> None:
    assert imported("gateway.front", "fastapi", "starlette", "alembic") == ["fastapi", "starlette"]


def test_starts_are_measured_with_byte_code_that_is_kept() -> None:
    """Without it the figures of a start are twice what users see, whatever is imported."""
    look = "import os, sys, tests.benchmarks; print(sys.flags.dont_write_bytecode, sys.dont_write_bytecode, "
    look += "'PYTHONDONTWRITEBYTECODE' in os.environ)"
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "False", "False"]
