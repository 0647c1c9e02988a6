"""One parser under a fuzzer that follows coverage.

``python -m tests.security.guided TARGET [options of libFuzzer]``

A program of its own, as the fuzzer takes the process over and instruments what it imports.
"""

from __future__ import annotations

import contextlib
import socket
import string
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["gateway"]):
    from gateway.page_origins import DIRECTIVES, BadOrigin, check_page_origin, sources
    from gateway.sources.archive import ArchiveRefused, Caps, unpack
    from gateway.trust.envelope import parse_envelope
    from gateway.trust.policy import BadPolicy, parse_policy
    from gateway.trust.refusal import Refused
    from gateway.trust.statement import parse_statement

_HOST = set(string.ascii_lowercase + string.digits + ".-")
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


def origin(data: bytes) -> None:
    """One exact https host under one directive, in the one spelling that it has; or a refusal."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        check_page_origin(text)
    except BadOrigin:
        return
    directive, _, said = text.partition(" ")
    parts = urlsplit(said)
    assert directive in DIRECTIVES
    assert parts.scheme == "https"
    assert parts.hostname is not None
    assert said == f"https://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    assert parts.port != 443
    assert set(parts.hostname) <= _HOST
    assert not _is_address(parts.hostname)
    assert [sources([text], one) for one in DIRECTIVES] == [
        f" {said}" if one == directive else "" for one in DIRECTIVES
    ]


def _is_address(host: str) -> bool:
    """In any spelling that a resolver would take for one."""
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


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
    "origin": origin,
    "control": control,
}

if __name__ == "__main__":
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()
