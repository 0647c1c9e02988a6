"""Watching a rollout until it is settled, also over a restart of the gateway."""

from __future__ import annotations

import asyncio
import sys
from types import TracebackType
from typing import Annotated, Protocol

import typer

from gateway.cli.client import GatewayClient, Object
from gateway.cli.exits import Exit, Failure, failure
from gateway.cli.follow import News
from gateway.cli.output import clean, print_json, print_line
from gateway.cli.rollout_find import rollout_path
from gateway.cli.rollout_words import (
    SETTLED,
    Rollout,
    entry_line,
    exit_of,
    heading,
    next_line,
    outcome,
    side_line,
)

# A gateway that is started anew is back within this, in seconds; the rollout goes on without any.
_AWAY = 60.0
_NUMBERS_EVERY = 3.0

WatchOption = Annotated[bool, typer.Option("--watch", "-w", help="Show it live until it has ended.")]
WatchTimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout", min=0.1, help="Longest watch, in seconds; then exit code 7.", show_default=False
    ),
]


class Shown(Protocol):
    """A way to show a rollout while it goes on."""

    def __enter__(self) -> Shown: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, rollout: Rollout) -> None: ...

    def away(self, why: str) -> None: ...

    def told(self, text: str) -> None: ...


class Quiet:
    """Shows nothing: programs read the end."""

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, rollout: Rollout) -> None:
        return None

    def away(self, why: str) -> None:
        return None

    def told(self, text: str) -> None:
        return None


class Plain(Quiet):
    """A line for each transition, and numbers now and then: for logs and pipes."""

    def __init__(self) -> None:
        self._entries = -1
        self._waits = ""
        self._numbers = ""
        self._numbers_at = 0.0
        self._away = False

    def show(self, rollout: Rollout) -> None:
        now = asyncio.get_running_loop().time()
        if self._away:
            print_line("The gateway answers again.")
            self._away = False
        if self._entries < 0:
            print_line(clean(f"{rollout['id']}: {heading(rollout)}"))
            self._entries = 0
        timeline = rollout["timeline"]
        for entry in timeline[self._entries :]:
            print_line(clean(entry_line(rollout, entry)))
            self._numbers_at = now
        self._entries = len(timeline)
        waits = next_line(rollout)
        if waits != self._waits and waits:
            print_line(f"          {waits}")
        self._waits = waits
        numbers = side_line(rollout)
        measured = rollout["live"] and rollout["candidate"]["calls"]
        if measured and numbers != self._numbers and now - self._numbers_at >= _NUMBERS_EVERY:
            print_line(f"          {clean(numbers)}")
            self._numbers, self._numbers_at = numbers, now

    def away(self, why: str) -> None:
        if not self._away:
            print_line(f"{clean(why)} Waiting for it; the rollout goes on when it is back.")
        self._away = True

    def told(self, text: str) -> None:
        print_line(f"          {clean(text)}")


async def watch(
    client: GatewayClient,
    rollout: Object,
    *,
    as_json: bool,
    timeout: float | None = None,  # noqa: ASYNC109  an option of the command
    back: bool = False,
    agreed: bool = False,
) -> Exit:
    """Show ``rollout`` until it is settled; ``back`` says that going back is what was asked for.

    ``agreed``: somebody said yes beforehand, which is given wherever it is held for findings.
    """
    shown = _shown(as_json)
    seen = dict(rollout)
    with shown:
        try:
            async with asyncio.timeout(timeout):
                seen = await _until_settled(client, seen, shown, agreed=agreed)
        except TimeoutError:
            raise failure(
                Exit.TIMED_OUT,
                f"Rollout {rollout['id']} has not ended after {timeout:g} s.",
                f"It goes on. See: plugway status {rollout['plugin']} --watch",
            ) from None
    if as_json:
        print_json(seen)
    else:
        print_line(clean(outcome(seen)))
    return exit_of(seen, back=back)


async def _until_settled(client: GatewayClient, seen: Object, shown: Shown, *, agreed: bool) -> Object:
    loop = asyncio.get_running_loop()
    answered = loop.time()
    async with News(client, str(seen["plugin"])) as news:
        while True:
            try:
                seen = await client.get(rollout_path(str(seen["id"])))
            except Failure as error:
                if not _passing(error) or loop.time() - answered > _AWAY:
                    raise
                shown.away(str(error.problem.get("detail", "The gateway does not answer.")))
                await asyncio.sleep(0.5)
                continue
            answered = loop.time()
            shown.show(seen)
            if seen["phase"] in SETTLED:
                return seen
            if agreed and seen["phase"] == "paused" and seen["heldFor"] and not seen["approved"]:
                await _agree(client, seen, shown)
            await news()


async def _agree(client: GatewayClient, seen: Object, shown: Shown) -> None:
    """Each hold has findings of its own: what a contract takes away is known only once it runs."""
    try:
        await client.call("POST", rollout_path(str(seen["id"]), "promote"), {"yes": True})
    except Failure as error:
        # It moved on meanwhile, or the gateway is away: the next look tells.
        if not _passing(error) and error.problem.get("status") != 409:
            raise
        return
    shown.told(f"Agreed, as --yes says: {'; '.join(seen['heldFor'])}")


def _passing(error: Failure) -> bool:
    """What a gateway on its way down or up gives."""
    return (
        error.code in (Exit.NOT_REACHABLE, Exit.TIMED_OUT) or int(error.problem.get("status", 0) or 0) >= 500
    )


def _shown(as_json: bool) -> Shown:
    if as_json:
        return Quiet()
    if not sys.stdout.isatty():
        return Plain()
    from gateway.cli.rollout_live import Live  # only a terminal needs what it draws with

    return Live()
