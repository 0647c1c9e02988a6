"""Every fault is caused on both runtimes."""

from __future__ import annotations

import pytest

from tests.parts import need_docker


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def runtime(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        need_docker()
    return str(request.param)
