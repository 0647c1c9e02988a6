"""The parsers that meet strangers' bytes, under a fuzzer that follows coverage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.test_archives import made
from tests.security.test_trust_fuzz import GOOD_STATEMENT, POLICY
from tests.signing import envelope

SEEDS: dict[str, list[bytes]] = {
    "archive": [made(kind, ["package/a.js", "package/d/b.js"]) for kind in ("tar", "tgz", "zip")],
    "envelope": [envelope()],
    "statement": [json.dumps(GOOD_STATEMENT).encode()],
    "policy": [POLICY],
    "origin": [b"img-src https://images.example", b"media-src https://a.b-c.example:8443"],
    "control": [POLICY],
}
RUNS = {"archive": 15_000}
ROOT = Path(__file__).parents[2]


def fuzz(tmp_path: Path, target: str, *options: str) -> subprocess.CompletedProcess[str]:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS[target]):
        (corpus / str(number)).write_bytes(seed)
    # A file system in memory: every archive is written down.
    quick = Path("/dev/shm")
    return subprocess.run(
        [sys.executable, "-m", "tests.security.guided", target, *options, f"{corpus}"],
        cwd=ROOT,
        check=False,
        env=os.environ | {"TMPDIR": str(quick if quick.is_dir() else tmp_path)},
        capture_output=True,
        text=True,
        timeout=150,
    )


@pytest.mark.timeout(180)
@pytest.mark.parametrize("target", [name for name in SEEDS if name != "control"])
def test_a_guided_search_finds_no_way_out(tmp_path: Path, target: str) -> None:
    options = (
        "-seed=7",
        f"-runs={RUNS.get(target, 50_000)}",
        "-max_total_time=60",
        "-rss_limit_mb=1024",
        "-timeout=20",
        "-max_len=20480",
    )
    done = fuzz(tmp_path, target, f"-artifact_prefix={tmp_path}/", *options)
    assert done.returncode == 0, done.stderr[-4000:]
    # It was led by coverage of ours, and found more than it was given.
    assert len(list((tmp_path / "corpus").iterdir())) > len(SEEDS[target]), done.stderr[-2000:]


def test_a_finding_would_end_it(tmp_path: Path) -> None:
    done = fuzz(
        tmp_path, "control", "-seed=7", "-runs=200000", "-max_total_time=60", f"-artifact_prefix={tmp_path}/"
    )
    assert done.returncode != 0
    assert "found, as it should be" in done.stderr + done.stdout
