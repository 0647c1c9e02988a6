"""``plugway check``: whether a plugin keeps the contract, tried out by calling it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.check_target import Asked, of_gateway, placed, settings_of
from gateway.cli.command import JsonOption, guarded, in_order
from gateway.cli.exits import Exit, failure
from gateway.cli.option_groups import takes_fields
from gateway.cli.output import print_json, progress

if TYPE_CHECKING:
    from gateway.conformance.findings import Finding, Report
    from gateway.conformance.subject import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Routes to try; empty where none was named."""

    call: Annotated[str, typer.Option(help="A route that answers at once: PATH or 'METHOD PATH'.")] = ""
    stream: Annotated[str, typer.Option(help="One that answers in parts over time.")] = ""
    upload: Annotated[str, typer.Option(help="One that takes a body of any length.")] = ""
    websocket: Annotated[str, typer.Option(help="One that accepts a WebSocket.")] = ""
    slow: Annotated[str, typer.Option(help="One that answers after two seconds or more.")] = ""

    def named(self) -> dict[str, str]:
        return {name: route for name, route in asdict(self).items() if route}


@takes_fields("routes", Routes)
def check(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[TARGET]",
            help="A directory with plugway.toml, an image that the engine has, or an endpoint "
            "(grpc://host:port, grpcs://host:port, unix:///path).",
            show_default=False,
        ),
    ] = None,
    *,
    installed: Annotated[
        bool,
        typer.Option("--installed", help="Every plugin of this home, before the gateway is upgraded."),
    ] = False,
    runtime: Annotated[
        str | None,
        typer.Option(help="process, docker or auto. [default: process for a directory, docker for an image]"),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="Settings to give it, as JSON.")
    ] = None,
    routes: Routes,
    plugin: Annotated[str, typer.Option(help="Which plugin is meant at an endpoint with several.")] = "",
    drain: Annotated[bool, typer.Option("--drain", help="End what runs at an endpoint, too.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="What could not be tried counts as failed.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="CHECK", help="This check or group alone; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Try whether a plugin keeps the contract, in any language.

    It is started as the gateway would start it, beside whatever runs. Routes to try are named here or
    under [check] in plugway.toml; 'none' says that there is no such route. Exit code 1 where a check failed.
    """

    def act() -> Exit:
        named, chosen = routes.named(), only or []
        if installed == (target is not None):
            raise failure(Exit.USAGE, "Check what?", "Name a TARGET, or every plugin with --installed.")
        if installed and (named or settings or runtime or plugin or drain):
            raise failure(Exit.USAGE, "A preflight takes no routes, settings or runtime.", "Leave them out.")
        _known(chosen)
        if target is None:
            reports = asyncio.run(in_order(_installed(chosen, as_json)))
        else:
            asked = Asked(
                target=target, runtime=runtime, settings=settings_of(settings), routes=named,
                plugin=plugin, drain=drain,
            )  # fmt: skip
            reports = [asyncio.run(in_order(_target(asked, chosen, as_json)))]
        return _tell(reports, strict=strict, as_json=as_json, several=installed)

    raise typer.Exit(guarded(act, as_json))


def _known(only: list[str]) -> None:
    from gateway.conformance.run import known
    from gateway.conformance.suite import SUITE
    from gateway.hints import near

    names = known(SUITE)
    for name in only:
        if name not in names:
            raise failure(Exit.USAGE, f"There is no check {name!r}.", near(name, names))


async def _target(asked: Asked, only: list[str], as_json: bool) -> Report:
    async with placed(asked, as_json) as (place, plan):
        return await _run(asked, only, place, plan, as_json)


async def _run(asked: Asked, only: list[str], place: Any, plan: Plan, as_json: bool) -> Report:
    from gateway.conformance.run import run_checks
    from gateway.conformance.suite import SUITE

    with progress(f"{asked.target}: starting", as_json) as shown:

        def told(finding: Finding) -> None:
            shown.tell(f"{asked.target}: {finding.id}")

        return await run_checks(asked.target, place, plan, SUITE, only=only, told=told)


async def _installed(only: list[str], as_json: bool) -> list[Report]:
    from gateway.conformance.installed import preflight

    with progress("starting", as_json) as shown:

        def told(plugin: str, finding: Finding) -> None:
            shown.tell(f"{plugin}: {finding.id}")

        return await preflight(of_gateway(), only=only, told=told)


def _tell(reports: list[Report], *, strict: bool, as_json: bool, several: bool) -> Exit:
    from gateway.cli.check_words import print_report

    if as_json:
        documents = [report.document(strict=strict) for report in reports]
        ok = all(document["ok"] for document in documents)
        print_json({"ok": ok, "plugins": documents} if several else documents[0])
    else:
        for report in reports:
            print_report(report, strict=strict)
    return Exit.OK if all(report.holds(strict=strict) for report in reports) else Exit.FAILED
