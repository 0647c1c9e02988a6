"""``make demo`` keeps what it promises."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import pytest

from tests.command import ROOT, environment


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_the_demo_loses_no_call_and_leaves_nothing_behind() -> None:
    # A short name of its own: sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="demo") as temporary:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "scripts/demo.py",
            cwd=ROOT,
            env=environment() | {"TMPDIR": temporary},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        left = [path.name for path in Path(temporary).iterdir()]
    told = out.decode()
    assert process.returncode == 0, told
    assert left == []
    assert "notes is at 2.0.0." in told
    assert "notes is back at 2.0.0. Half of its calls take over" in told
    assert re.search(r"^  failed    0$", told, re.MULTILINE)
    calls = re.search(r"^  calls     (\d+)$", told, re.MULTILINE)
    assert calls
    assert int(calls[1]) > 500
    assert re.search(r"^  served    1\.0\.0 \d+, 2\.0\.0 \d+, 3\.0\.0 \d+$", told, re.MULTILINE)
    written = re.search(r"^  notes     (\d+) written, (\d+) there", told, re.MULTILINE)
    assert written
    assert written[1] == written[2]
