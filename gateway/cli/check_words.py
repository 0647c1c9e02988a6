"""A report of ``plugway check`` for people: what was seen, and what to do where it is not well."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from gateway.cli.output import clean, print_line
from gateway.conformance.findings import Finding, Outcome, Report

_MARKS = {
    Outcome.PASS: ("ok   ", "green"),
    Outcome.FAIL: ("FAIL ", "bold red"),
    Outcome.NOT_APPLICABLE: ("-    ", "dim"),
    Outcome.NOT_TRIED: ("?    ", "yellow"),
}


def print_report(report: Report, *, strict: bool) -> None:
    """A line for each check; below those that failed the promise, and what to do."""
    wide = sys.stdout.isatty()
    console = Console(highlight=False, soft_wrap=True) if wide else Console(width=100_000, highlight=False)
    width = max((len(finding.id) for finding in report.findings), default=0)
    named = " ".join(part for part in (report.plugin, report.version) if part)
    console.print(
        Text(clean(f"{report.target}: {named}" if named not in ("", report.target) else report.target))
    )
    for finding in report.findings:
        _print(console, finding, width)
    print_line(summary(report, strict=strict))


def _print(console: Console, finding: Finding, width: int) -> None:
    mark = _MARKS[finding.outcome]
    console.print(Text.assemble(mark, f"{finding.id:<{width}}  {clean(finding.seen)}"))
    if finding.outcome is Outcome.FAIL:
        indent = " " * (len(mark[0]) + width + 2)
        console.print(Text(f"{indent}contract: {clean(finding.promise)}"))
        if finding.hint:
            console.print(Text(f"{indent}to do: {clean(finding.hint)}"))


def summary(report: Report, *, strict: bool) -> str:
    """One line: how many of each, and what that comes to."""
    passed, failed, other, left = (
        len(report.of(outcome))
        for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.NOT_APPLICABLE, Outcome.NOT_TRIED)
    )
    words = f"{passed} passed, {failed} failed, {other} not applicable, {left} not tried"
    if failed:
        return f"{words}: it breaks the contract."
    if left and strict:
        return f"{words}: --strict wants all of them tried."
    return f"{words}: it keeps the contract{' as far as it was tried' if left else ''}."
