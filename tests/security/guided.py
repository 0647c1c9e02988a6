"""One parser under a fuzzer that follows coverage.

``python -m tests.security.guided TARGET [options of libFuzzer]``

A program of its own, as the fuzzer takes the process over and instruments what it imports.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["gateway"]):
    from gateway.sources.archive import ArchiveRefused, Caps, unpack
    from gateway.trust.envelope import parse_envelope
    from gateway.trust.policy import BadPolicy, parse_policy
    from gateway.trust.refusal import Refused
    from gateway.trust.statement import parse_statement

_CAPS = Caps(entries=20, size=2**16, ratio=100)


def archive(data: bytes) -> None:
    """Plain files inside the target, or a refusal that leaves nothing."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        (place / "archive").write_bytes(data)
        try:
            unpack(place / "archive", place / "target", _CAPS)
        except ArchiveRefused:
            assert [path.name for path in place.iterdir()] == ["archive"]
            return
        assert sorted(path.name for path in place.iterdir()) == ["archive", "target"]
        found = [path for path in (place / "target").rglob("*") if not path.is_dir()]
        assert all(path.is_file() and not path.is_symlink() for path in found)
        assert sum(path.stat().st_size for path in found) <= _CAPS.size


def _only(parse: Callable[[bytes], object], documented: type[Exception]) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        with contextlib.suppress(documented):
            parse(data)

    return one


def control(data: bytes) -> None:
    """An error that nobody documented: shows that a finding ends the run."""
    if b"]" in data and b"x" in data:
        try:
            parse_policy(data)
        except BadPolicy as refused:
            raise AssertionError("found, as it should be") from refused


TARGETS: dict[str, Callable[[bytes], None]] = {
    "archive": archive,
    "envelope": _only(parse_envelope, Refused),
    "statement": _only(parse_statement, Refused),
    "policy": _only(parse_policy, BadPolicy),
    "control": control,
}

if __name__ == "__main__":
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()
