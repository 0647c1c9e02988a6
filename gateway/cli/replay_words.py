"""What ``plugway replay`` tells people: each call that is answered differently, then the sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.output import clean, print_line

if TYPE_CHECKING:
    from gateway.replay.recording import Recording
    from gateway.replay.run import Entry, Report

_SHOWN = 20


def print_report(recording: Recording, report: Report, version: str, what: str) -> None:
    for entry in report.entries:
        if entry.differences:
            _print_entry(entry)
    print_line(_sum(report))
    for reason, count in sorted(report.skipped.items()):
        print_line(f"left out: {count}, {reason}")
    if recording.missed:
        print_line(f"{recording.missed} calls were too much to keep when it was recorded.")
    if not recording.end:
        print_line("The recording broke off; what is whole of it was replayed.")
    print_line(
        clean(f"Recorded with {recording.plugin} {recording.version}, answered by {version} ({what}).")
    )


def _print_entry(entry: Entry) -> None:
    call, found = entry.call, entry.differences
    print_line(clean(f"{call.method} {call.target}  (line {call.line})"))
    width = max(len(one.where) for one in found[:_SHOWN])
    for one in found[:_SHOWN]:
        print_line(clean(f"  {one.where:<{width}}  {one.was} -> {one.now}"))
    if len(found) > _SHOWN:
        print_line(f"  and {len(found) - _SHOWN} more")


def _sum(report: Report) -> str:
    if not report.made:
        return "No call was made."
    same = report.made - report.different
    return f"{report.made} calls were made again: {same} answered the same, {report.different} differently."
