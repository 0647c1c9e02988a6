"""What the commands on trust share: keys with passphrases, times, options."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from gateway.cli.exits import Exit, failure
from gateway.trust.keys import (
    BadKey,
    PrivateKey,
    PublicKey,
    is_encrypted,
    parse_public,
    read_private,
    read_public,
)
from gateway.trust.times import read_moment

PASSPHRASE = "PLUGWAY_KEY_PASSPHRASE"  # noqa: S105 the variable's name
SHORTEST = 12
_DAYS = re.compile(r"([1-9][0-9]{0,4})d")


def now() -> datetime:
    """In whole seconds, as locks and policies write times."""
    return datetime.now(UTC).replace(microsecond=0)


def moment(text: str, option: str) -> datetime | None:
    """A time given on the command line, or a number of days from now; None for ""."""
    if not text:
        return None
    if days := _DAYS.fullmatch(text):
        return now() + timedelta(days=int(days[1]))
    try:
        return read_moment(f"{text}T00:00:00Z" if len(text) == 10 else text)
    except ValueError:
        raise failure(
            Exit.USAGE,
            f"{option}: '{text}' is not a time.",
            "Write 2027-01-31, 2027-01-31T12:00:00Z (both UTC), or 90d for days from now.",
        ) from None


def private_key(path: Path) -> PrivateKey:
    """Read a private key, asking for its passphrase where it has one."""
    return read_private(path, _passphrase(f"Passphrase of {path}") if is_encrypted(path) else "")


def new_passphrase() -> str:
    """Ask for a new passphrase twice, or take it from the environment or stdin."""
    given = _passphrase("New passphrase", confirm=True)
    if len(given) < SHORTEST:
        # The format stretches it by 2048 rounds of PBKDF2 only.
        raise failure(Exit.USAGE, f"A passphrase has {SHORTEST} characters at least.", "Take some words.")
    return given


def public_key(text: str) -> PublicKey:
    """A public key by its file or its line."""
    return parse_public(text) if text.startswith("ed25519:") else read_public(Path(text))


def either_key(path: Path) -> PublicKey:
    """The public half of whichever key is in the file."""
    try:
        return read_public(path)
    except BadKey as error:
        if "private key" not in error.detail:
            raise
    return private_key(path).public


def read_csp(words: list[str]) -> dict[str, list[str]]:
    """Origins by directive, from words such as ``img-src=https://host``; raises a failure."""
    found: dict[str, list[str]] = {}
    for word in words:
        directive, equals, origin = word.partition("=")
        if not equals:
            raise failure(
                Exit.USAGE,
                f"--csp: '{word}' is not of the form directive=origin.",
                "As in img-src=https://host",
            )
        found.setdefault(directive, []).append(origin)
    return found


def _passphrase(question: str, *, confirm: bool = False) -> str:
    if given := os.environ.get(PASSPHRASE, ""):
        return given
    if sys.stdin.isatty():
        return str(typer.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))
    if line := sys.stdin.readline().rstrip("\n"):
        return line
    raise failure(
        Exit.USAGE, "The key needs a passphrase, and stdin holds none.", f"Give a line, or set {PASSPHRASE}."
    )
