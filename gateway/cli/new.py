"""``plugway new``: a working plugin to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_json, print_line


def new(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Its id, and its directory's name.", show_default=False),
    ] = None,
    lang: Annotated[str, typer.Option(metavar="LANGUAGE", help="The language it is written in.")] = "python",
    into: Annotated[Path, typer.Option("--in", metavar="DIR", help="Where its directory is made.")] = Path(),
    sdk: Annotated[
        bool, typer.Option("--sdk", help="Only print where this program keeps that language's SDK.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a plugin that works: with tests, a page, a Dockerfile, a README and a check workflow."""

    def act() -> None:
        from gateway.authoring.new import language_named, write_plugin

        if sdk == (name is not None):
            raise failure(Exit.USAGE, "New what?", "Name the plugin, or ask where the SDK is with --sdk.")
        if sdk:
            place = str(language_named(lang).sdk)
            print_json({"sdk": place}) if as_json else print_line(place)
            return
        assert name is not None
        written = write_plugin(name, lang, into)
        where = str(written.directory)
        there = f"cd {into} && " if into != Path() else ""
        steps = {
            "the packages that it needs": there + written.first if written.first else "",
            "run it; it reloads as you save": f"plugway dev {where}",
            "whether it keeps the contract": f"plugway check {where} --strict",
            "its own tests": there + written.tests,
        }
        steps = {why: command for why, command in steps.items() if command}
        if as_json:
            print_json(
                {
                    "id": written.id,
                    "directory": where,
                    "files": list(written.files),
                    "next": list(steps.values()),
                }
            )
            return
        print_line(f"{where} holds the plugin {written.id}, in {written.language}. Next:")
        for why, command in steps.items():
            print_line(f"\n  # {why}\n  {command}")

    raise typer.Exit(guarded(act, as_json))
