"""Processes that may each use a part of a processor and no more, by control groups. Linux, as root."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PERIOD_US = 10_000


class CannotLimit(RuntimeError):
    """This system, or this user, has no such groups; the words say which."""


@contextlib.contextmanager
def limited(pids: Sequence[int], processors: float) -> Iterator[None]:
    """Hold each to ``processors`` (0 to 1) until the block is left; raises :class:`CannotLimit`."""
    groups = [_parent() / f"plugway-bench-{os.getpid()}-{pid}" for pid in pids]
    home = {pid: _group_of(pid) for pid in pids}
    try:
        for pid, group in zip(pids, groups, strict=True):
            group.mkdir()
            _limit(group, int(_PERIOD_US * processors))
            (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        _remove(groups, home)
        raise CannotLimit(f"processors cannot be shared out here: {error}") from error
    try:
        yield
    finally:
        _remove(groups, home)


def _parent() -> Path:
    """Where groups are made: of version 1 that of processors, else the one for all."""
    first = _ROOT / "cpu"
    return first if first.is_dir() else _ROOT


def _limit(group: Path, quota_us: int) -> None:
    if (group / "cpu.cfs_quota_us").exists():
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota_us))
    else:
        (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")


def _group_of(pid: int) -> Path:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "" or "cpu" in controllers.split(","):
            return _parent() / path.lstrip("/")
    return _parent()


def _remove(groups: Sequence[Path], home: dict[int, Path]) -> None:
    for pid, before in home.items():
        with contextlib.suppress(OSError):  # It may have ended.
            (before / "cgroup.procs").write_text(str(pid))
    for group in groups:
        with contextlib.suppress(FileNotFoundError):
            group.rmdir()
