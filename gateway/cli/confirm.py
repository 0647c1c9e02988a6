"""Asking before something harmful."""

from __future__ import annotations

import sys

import typer

from gateway.cli.exits import Exit, failure
from gateway.cli.output import clean


def confirm(harm: str, question: str, *, yes: bool) -> None:
    """Return where ``yes`` was given or someone at the terminal agrees; raises a failure otherwise.

    ``harm`` says what would happen, for where nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise failure(Exit.USAGE, harm, "Add --yes to confirm.")
    if not typer.confirm(clean(question), err=True):
        raise failure(Exit.FAILED, "Nothing was changed.")
