"""``plugway replay``: recorded calls against a new release, and how its answers differ."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import JsonOption, guarded, in_order
from gateway.cli.connection import connection
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_json, progress
from gateway.cli.rollout_find import find_rollout

if TYPE_CHECKING:
    from gateway.replay.recording import Recording
    from gateway.replay.run import Ask, Report

    Compare = Callable[[Ask, str, str], Awaitable[Report]]


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'plugway record' wrote.")],
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[TARGET]",
            help="A directory with plugway.toml, an image that the engine has, or an endpoint "
            "(grpc://host:port, grpcs://host:port, unix:///path). [default: the installed plugin]",
            show_default=False,
        ),
    ] = None,
    candidate: Annotated[
        bool, typer.Option("--candidate", help="The candidate of the plugin's rollout under way.")
    ] = False,
    every_method: Annotated[
        bool,
        typer.Option(
            "--every-method", help="Also calls that may change something: not only GET, HEAD and OPTIONS."
        ),
    ] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLACE",
            help="Where answers may differ: a JSON Pointer such as '/items/*/at', a field's name for "
            "anywhere, or 'header NAME'. Repeatable.",
        ),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings for TARGET, as one JSON object.")
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="For TARGET, as for 'plugway check': process, docker or auto.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make recorded calls again, and show where the answers differ from the recorded ones.

    Without TARGET they go through the gateway, with your token, to the installed plugin or with
    --candidate to the new release. TARGET is started beside whatever runs, as 'plugway check' does.
    Exit code 1 where an answer differs, or no call could be made.
    """

    def act() -> Exit:
        if target is not None and candidate:
            raise failure(Exit.USAGE, "A TARGET is no candidate of a rollout.", "Leave out one of the two.")
        if target is None and (settings or runtime):
            raise failure(
                Exit.USAGE, "Settings and runtime are for a TARGET.", "Name one, or leave them out."
            )
        from gateway.replay.recording import read_recording

        recording = read_recording(file)
        compare = _Comparing(recording, every_method, ignore or [], as_json)
        if target is None:
            return asyncio.run(in_order(_installed(recording, candidate, compare)))
        return asyncio.run(in_order(_target(recording, target, settings, runtime, compare)))

    raise typer.Exit(guarded(act, as_json))


class _Comparing:
    def __init__(self, recording: Recording, every_method: bool, ignore: list[str], as_json: bool) -> None:
        self._recording = recording
        self._every_method = every_method
        self._ignore = ignore
        self.as_json = as_json

    async def __call__(self, ask: Ask, version: str, what: str) -> Exit:
        """Make the calls and tell what came of them."""
        from gateway.cli.replay_words import print_report
        from gateway.replay.compare import Ignored
        from gateway.replay.run import Entry, document
        from gateway.replay.run import replay as run

        recording = self._recording
        with progress(f"{recording.plugin}: replaying", self.as_json) as shown:

            def told(entry: Entry) -> None:
                shown.tell(f"{recording.plugin}: {entry.call.method} {entry.call.path}")

            report = await run(
                recording, ask, every_method=self._every_method, ignored=Ignored(self._ignore), told=told
            )
        if self.as_json:
            recorded = {"version": recording.version, "release": recording.release, "end": recording.end}
            print_json(
                {
                    "plugin": recording.plugin,
                    "recorded": {**recorded, "missed": recording.missed},
                    "against": {"version": version, "what": what},
                    **document(report),
                }
            )
        else:
            print_report(recording, report, version, what)
        return Exit.OK if report.holds else Exit.FAILED


async def _installed(recording: Recording, candidate: bool, compare: _Comparing) -> Exit:
    from gateway.cli.replay_gateway import GatewayAsks

    plugin = recording.plugin
    async with GatewayClient(connection()) as client:
        if not candidate:
            version = str((await client.get(plugin_path(plugin)))["version"])
            return await compare(GatewayAsks(client, plugin), version, "installed")
        rollout = await find_rollout(client, plugin)
        side = rollout["candidate"]
        if rollout["changesSettings"]:
            raise failure(
                Exit.REFUSED,
                f"The rollout of {plugin} changes its settings: both sides are the same release.",
                "A call cannot name one of them. Wait until it has ended, and replay without --candidate.",
            )
        asks = GatewayAsks(client, plugin, str(side["releaseId"]))
        return await compare(asks, str(side["version"]), "candidate")


async def _target(
    recording: Recording, target: str, settings: Path | None, runtime: str | None, compare: _Comparing
) -> Exit:
    from gateway.cli.check_target import Asked, placed, settings_of
    from gateway.conformance.opening import Unopened, opened
    from gateway.conformance.subject import Shared
    from gateway.replay.plane import plane

    asked = Asked(
        target=target, runtime=runtime, settings=settings_of(settings), routes={},
        plugin=recording.plugin, drain=False,
    )  # fmt: skip
    async with placed(asked, compare.as_json) as (place, plan):
        _same_plugin(target, place.plugin or recording.plugin, recording)
        with progress(f"{target}: starting", compare.as_json):
            await place.prepare()
            try:
                subject = await opened(place, plan, Shared(), configure=plan.configure)
            except Unopened as error:
                raise failure(Exit.FAILED, f"{target}: {error}", f"Try: plugway check {target}") from None
        try:
            if plan.configure and not subject.configured:
                raise failure(
                    Exit.REFUSED, f"{target} does not take its settings.", "Give some: --settings FILE"
                )
            async with plane(subject.endpoint) as (asks, manifest):
                _same_plugin(target, manifest.plugin_id, recording)
                return await compare(asks, manifest.version, target)
        finally:
            await subject.close()


def _same_plugin(target: str, plugin: str, recording: Recording) -> None:
    if plugin != recording.plugin:
        raise failure(
            Exit.REFUSED,
            f"{target} is the plugin {plugin}; {recording.plugin} was recorded.",
            "Name a release of the same plugin.",
        )
