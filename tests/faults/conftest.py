"""Every fault is caused on both runtimes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from tests.parts import need_docker


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def runtime(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        need_docker()
    return str(request.param)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """For tests that run a supervisor of their own."""
    opened = Home(tmp_path).open()
    yield opened
    opened.close()
