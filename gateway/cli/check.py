"""``plugway check``: whether a plugin keeps the contract, tried out by calling it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gateway.cli.command import JsonOption, guarded, in_order
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_json, progress

if TYPE_CHECKING:
    from gateway.conformance.findings import Finding, Report
    from gateway.conformance.subject import Plan
    from gateway.settings import Settings

_MOST_SETTINGS = 2**20


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
    call: Annotated[str, typer.Option(help="A route that answers at once: PATH or 'METHOD PATH'.")] = "",
    stream: Annotated[str, typer.Option(help="One that answers in parts over time.")] = "",
    upload: Annotated[str, typer.Option(help="One that takes a body of any length.")] = "",
    websocket: Annotated[str, typer.Option(help="One that accepts a WebSocket.")] = "",
    slow: Annotated[str, typer.Option(help="One that answers after two seconds or more.")] = "",
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
        routes = {
            "call": call, "stream": stream, "upload": upload, "websocket": websocket, "slow": slow
        }  # fmt: skip
        given = {name: route for name, route in routes.items() if route}
        if installed == (target is not None):
            raise failure(Exit.USAGE, "Check what?", "Name a TARGET, or every plugin with --installed.")
        _known(only or [])
        if installed:
            if given or settings or runtime or plugin or drain:
                raise failure(
                    Exit.USAGE, "A preflight takes no routes, settings or runtime.", "Leave them out."
                )
            reports = asyncio.run(in_order(_installed(only or [], as_json)))
        else:
            assert target is not None
            asked = _Asked(
                target=target, runtime=runtime, settings=_settings(settings), routes=given,
                plugin=plugin, drain=drain, only=only or [],
            )  # fmt: skip
            reports = [asyncio.run(in_order(_target(asked, as_json)))]
        return _tell(reports, strict=strict, as_json=as_json, several=installed)

    raise typer.Exit(guarded(act, as_json))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was said on the command line of one target."""

    target: str
    runtime: str | None
    settings: dict[str, Any] | None
    routes: dict[str, str]
    plugin: str
    drain: bool
    only: list[str]


def _known(only: list[str]) -> None:
    from gateway.conformance.run import known
    from gateway.conformance.suite import SUITE
    from gateway.hints import near

    names = known(SUITE)
    for name in only:
        if name not in names:
            raise failure(Exit.USAGE, f"There is no check {name!r}.", near(name, names))


def _settings(file: Path | None) -> dict[str, Any] | None:
    import json

    if file is None:
        return None
    try:
        with file.open("rb") as opened:
            document = json.loads(opened.read(_MOST_SETTINGS))
    except OSError as error:
        raise failure(Exit.USAGE, f"{file} cannot be read: {error.strerror}.") from None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise failure(Exit.REFUSED, f"{file} holds no JSON object.", 'Write settings as {"url": "..."}.')
    return document


def _of_gateway(**changes: Any) -> Settings:
    from pydantic import ValidationError  # takes longer to load than most commands run

    from gateway.settings import Settings

    try:
        return Settings(**changes)
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, issue["loc"]))
        raise failure(
            Exit.USAGE, f"{where}: {issue['msg']}.", "Correct the option, or PLUGWAY_* as named."
        ) from None


def _routes(table: Any, given: dict[str, str]) -> Any:
    from pydantic import ValidationError

    from gateway.sources.check_table import CheckTable

    try:
        return CheckTable.model_validate({**table.model_dump(by_alias=True), **given})
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False)[0]
        words = str(issue["msg"]).removeprefix("Value error, ")
        raise failure(
            Exit.USAGE, f"--{issue['loc'][0]} {words}.", "Write it as /events or 'POST /upload'."
        ) from None


async def _target(asked: _Asked, as_json: bool) -> Report:
    from gateway.conformance.subject import Plan
    from gateway.conformance.targets import (
        ENDPOINTS,
        directory_release,
        endpoint_place,
        image_release,
        stage,
    )
    from gateway.sources.check_table import CheckTable

    if asked.target.startswith(ENDPOINTS):
        where = _of_gateway()
        place = await endpoint_place(asked.target, asked.plugin, where.home)
        plan = Plan(
            routes=_routes(CheckTable(), asked.routes),
            settings=asked.settings,
            configure=asked.settings is not None,
            drain=asked.drain,
        )
        return await _run(asked, place, plan, as_json)
    directory = Path(asked.target)
    is_directory = await asyncio.to_thread(directory.is_dir)
    if not is_directory and asked.target.startswith((".", "/", "~")):
        raise failure(Exit.NOT_FOUND, f"There is no directory {asked.target}.", "Name one with plugway.toml.")
    runtime: Literal["process", "docker"] = "process" if is_directory else "docker"
    if is_directory:
        release, table = await directory_release(directory)
    else:
        release, table = await image_release(asked.target), CheckTable()
    plan = Plan(routes=_routes(table, asked.routes), settings=asked.settings)
    with progress(f"{asked.target}: starting", as_json):
        settings = _of_gateway(runtime=asked.runtime or runtime)
    async with stage(settings) as ground:
        place = await ground.place(release)
        try:
            return await _run(asked, place, plan, as_json)
        finally:
            await place.close()


async def _run(asked: _Asked, place: Any, plan: Plan, as_json: bool) -> Report:
    from gateway.conformance.run import run_checks
    from gateway.conformance.suite import SUITE

    with progress(f"{asked.target}: starting", as_json) as shown:

        def told(finding: Finding) -> None:
            shown.tell(f"{asked.target}: {finding.id}")

        return await run_checks(asked.target, place, plan, SUITE, only=asked.only, told=told)


async def _installed(only: list[str], as_json: bool) -> list[Report]:
    from gateway.conformance.installed import preflight

    with progress("starting", as_json) as shown:

        def told(plugin: str, finding: Finding) -> None:
            shown.tell(f"{plugin}: {finding.id}")

        return await preflight(_of_gateway(), only=only, told=told)


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
