"""What ``plugway check`` and ``plugway replay`` try: a directory, an image or an endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gateway.cli.exits import Exit, failure
from gateway.cli.output import progress

if TYPE_CHECKING:
    from gateway.conformance.places import Place
    from gateway.conformance.subject import Plan
    from gateway.settings import Settings

_MOST_SETTINGS = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was said on the command line of one target."""

    target: str
    runtime: str | None
    settings: dict[str, Any] | None
    routes: dict[str, str]
    plugin: str
    drain: bool


def settings_of(file: Path | None) -> dict[str, Any] | None:
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


def of_gateway(**changes: Any) -> Settings:
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


@asynccontextmanager
async def placed(asked: Asked, as_json: bool) -> AsyncIterator[tuple[Place, Plan]]:
    """Where it runs, and what may be done to it there. What was started here is ended."""
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
        where = of_gateway()
        place = await endpoint_place(asked.target, asked.plugin, where.home)
        plan = Plan(
            routes=_routes(CheckTable(), asked.routes),
            settings=asked.settings,
            configure=asked.settings is not None,
            drain=asked.drain,
        )
        yield place, plan
        return
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
        settings = of_gateway(runtime=asked.runtime or runtime)
    async with stage(settings) as ground:
        started = await ground.place(release)
        try:
            yield started, plan
        finally:
            await started.close()
