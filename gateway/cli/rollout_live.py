"""A rollout drawn in a terminal: the way it went, what it does now, both sides in numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.cli.output import clean
from gateway.cli.rollout_words import SETTLED, Rollout, heading, meaning, median, next_line, phase_name

_WAY = ("starting", "verifying", "canary", "promoting", "baking", "draining", "succeeded")
_STYLES = {"succeeded": "green", "rolled-back": "red", "aborting": "red", "rollback-paused": "bold red"}


class Live:
    """Redraws four times a second, so that the time left runs on between two looks."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._picture = Picture()
        self._live = RichLive(
            self._picture, console=self._console, refresh_per_second=4, redirect_stderr=False
        )

    def __enter__(self) -> Live:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if kind is not None and self._picture.rollout and self._picture.rollout["phase"] not in SETTLED:
            self._console.print("[dim]The rollout goes on without this view.[/]")

    def show(self, rollout: Rollout) -> None:
        self._picture.take(rollout)

    def away(self, why: str) -> None:
        self._picture.away = why

    def told(self, text: str) -> None:
        self._console.print(Text(clean(text)))


class Picture:
    """What is drawn of the last look; numbers stay when the rollout has ended."""

    def __init__(self) -> None:
        self.rollout: Rollout | None = None
        self.away = ""
        self._looked = 0.0
        self._numbers: dict[str, Rollout] = {}

    def take(self, rollout: Rollout) -> None:
        self.rollout, self.away, self._looked = rollout, "", time.monotonic()
        for name in ("candidate", "stable"):
            # Nothing is measured any more once it has ended.
            measured = rollout["live"] or name not in self._numbers
            kept = rollout[name] if measured else {**self._numbers[name], "weight": rollout[name]["weight"]}
            self._numbers[name] = kept

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.rollout is None:
            yield Text("Waiting for the gateway")
            return
        yield Group(*self._parts(self.rollout, ascii_only=options.ascii_only))

    def _parts(self, rollout: Rollout, *, ascii_only: bool) -> Iterator[RenderableType]:
        yield Text.assemble((clean(heading(rollout)), "bold"), (f"  {rollout['id']}", "dim"))
        yield _way(rollout, ascii_only=ascii_only)
        yield from self._now(rollout)
        yield self._sides()
        if rollout["reason"]:
            yield Text(clean(rollout["reason"]), style=_STYLES.get(rollout["phase"], "yellow"))
        for finding in rollout["heldFor"] if rollout["phase"] == "paused" else ():
            yield Text(f"  - {clean(finding)}")
        if todo := next_line(rollout):
            yield Text(clean(todo))
        if self.away:
            yield Text(f"{clean(self.away)} Waiting for it.", style="yellow")
        if rollout["phase"] not in SETTLED:
            yield Text("Ctrl-C ends this view, not the rollout.", style="dim")

    def _now(self, rollout: Rollout) -> Iterator[RenderableType]:
        told = Text(clean(meaning(rollout, rollout["phase"], rollout["step"])))
        left = rollout["secondsLeft"]
        if left is None:
            if told:
                yield told
            return
        left = max(0.0, left - (time.monotonic() - self._looked))
        total = _since(rollout) + left
        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(total, 0.001), completed=total - left, width=30)
        row.add_row(bar, Text(f"{left:.0f} s left"), told)
        yield row

    def _sides(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("version", "", "new sessions", "calls", "errors", "median"):
            table.add_column(name, justify="left" if name in ("version", "") else "right")
        for name, role in (("candidate", "new"), ("stable", "old")):
            side = self._numbers[name]
            errors = Text(str(side["errors"]), style="red" if side["errors"] else "")
            share = f"{side['weight']} %"
            table.add_row(clean(side["version"]), role, share, str(side["calls"]), errors, median(side))
        return table


def _way(rollout: Rollout, *, ascii_only: bool) -> Text:
    """The phases in a row: behind, present, ahead; then whatever the way is not."""
    done, here, ahead = ("x", ">", "-") if ascii_only else ("✓", "●", "·")
    passed = [entry["phase"] for entry in rollout["timeline"]]
    current, place = rollout["phase"], _place(rollout)
    way = [phase for phase in _WAY if phase != "canary" or rollout["steps"]]
    line = Text()
    for phase in way:
        name = phase_name(rollout, phase, rollout["step"])
        if phase == place and current == "paused":
            line.append(f"{here} {name}, paused  ", style="bold yellow")
        elif phase == place:
            line.append(f"{done if phase == 'succeeded' else here} {name}  ", style="bold green")
        elif phase in passed:
            line.append(f"{done} {name}  ", style="green")
        elif current in ("aborting", "rolled-back", "superseded"):
            continue
        else:
            line.append(f"{ahead} {name}  ", style="dim")
    if place not in way:
        line.append(f"{here} {current}", style=_STYLES.get(current, "bold yellow"))
    return line


def _place(rollout: Rollout) -> str:
    """Where on the way it is; a pause is at what it interrupted."""
    if rollout["phase"] != "paused":
        return str(rollout["phase"])
    before = [entry["phase"] for entry in rollout["timeline"] if entry["phase"] != "paused"]
    # A step that waits for someone is a pause from its beginning.
    return "canary" if rollout["candidate"]["weight"] and before[-1] == "verifying" else str(before[-1])


def _since(rollout: Rollout) -> float:
    """Seconds since the last transition; 0 where this machine's clock says otherwise."""
    began = datetime.fromisoformat(rollout["timeline"][-1]["at"])
    return max(0.0, (datetime.now(UTC) - began).total_seconds())
