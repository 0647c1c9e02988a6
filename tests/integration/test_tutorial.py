"""docs/tutorial.md, as a new user follows it: every command, in its order, from an empty directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import Reader


@pytest.mark.timeout(300)
async def test_every_step_of_the_tutorial(tmp_path: Path) -> None:
    # A free port, and only the plugin of the tutorial; all else as for a new user.
    reader = Reader(tmp_path, {"PLUGWAY_PORT": "0", "PLUGWAY_INSTALL": ""})
    try:
        await reader.follow("tutorial.md")
    finally:
        await reader.close()
