"""A home directory for the tests of runtimes, with nothing of it left elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home").open()
    assert home.id
    yield home
    home.close()
    # It lies outside the home where the home's path is too long for a socket.
    shutil.rmtree(home.run_root, ignore_errors=True)
