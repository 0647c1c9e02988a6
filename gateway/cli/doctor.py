"""``plugway doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from gateway import __version__
from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, guarded
from gateway.cli.connection import Connection, connection, home
from gateway.cli.doctor_check import Check
from gateway.cli.doctor_remotes import own_certificate_checks, remote_checks
from gateway.cli.exits import Exit, Failure
from gateway.cli.output import clean, print_json


def doctor(as_json: JsonOption = False) -> None:
    """Look for what is wrong, and say what to do."""
    raise typer.Exit(guarded(lambda: _run(as_json), as_json))


def _run(as_json: bool) -> Exit:
    where = connection()
    checks, code = asyncio.run(_examine(where))
    if as_json:
        print_json({"ok": code == Exit.OK, "checks": [asdict(check) for check in checks]})
    else:
        _print(checks)
    return code


async def _examine(where: Connection) -> tuple[list[Check], Exit]:
    checks = [_token(where), *await asyncio.to_thread(lambda: list(_files()))]
    async with GatewayClient(where) as client:
        try:
            checks.append(_ready(await client.readiness(), where))
            checks.extend(_system(await client.get("/api/v1/system")))
            plugins = (await client.get("/api/v1/plugins"))["plugins"]
            checks.extend(_plugin(plugin) for plugin in plugins)
            catalog = (await client.get("/api/v1/catalog", catalogue="", limit=1000))["plugins"]
            checks.extend(_broken(entry) for entry in catalog if entry["problem"])
            checks.extend(_catalogues(await client.get("/api/v1/catalogues")))
        except Failure as error:
            problem = error.problem
            checks.append(Check("gateway", False, str(problem.get("detail")), str(problem.get("hint", ""))))
            return checks, error.code
    return checks, Exit.OK if all(check.ok for check in checks) else Exit.FAILED


def _files() -> Iterator[Check]:
    yield from remote_checks(home())
    made = home() / "tls" / "cert.pem"
    if given := os.environ.get("PLUGWAY_TLS_CERTIFICATE"):
        yield from own_certificate_checks(Path(given))
    elif made.exists():
        yield from own_certificate_checks(made)


def _token(where: Connection) -> Check:
    if not where.token:
        hint = f"Set PLUGWAY_TOKEN, or PLUGWAY_HOME to the gateway's state directory (now {home()})."
        return Check("token", False, "There is no token.", hint)
    file = home() / "admin.token"
    if where.origin == str(file) and stat.S_IMODE(file.stat().st_mode) & 0o077:
        return Check("token", False, f"Others can read {file}.", f"Run: chmod 600 {file}")
    return Check("token", True, f"from {where.origin}")


def _ready(readiness: dict[str, object], where: Connection) -> Check:
    if readiness.get("ready"):
        return Check("gateway", True, f"{where.url} serves")
    return Check("gateway", False, str(readiness.get("reason")), "Look at the gateway's own output.")


def _system(system: dict[str, object]) -> list[Check]:
    runtime = system["runtime"]
    assert isinstance(runtime, dict)
    isolation = ", ".join(runtime["isolation"]) or "none: plugins run with the gateway's own rights"
    same = system["version"] == __version__
    version = f"gateway {system['version']}, this program {__version__}"
    return [
        Check("version", same, version, "" if same else "Use the program of the gateway's version."),
        Check("runtime", True, f"{runtime['name']}: {runtime['reason']}"),
        Check("isolation", True, isolation),
    ]


def _plugin(plugin: dict[str, object]) -> Check:
    id_, state = str(plugin["id"]), str(plugin["state"])
    well = state in ("healthy", "disabled", "starting", "updating")
    detail = f"{state}: {plugin['reason']}" if plugin["reason"] else state
    return Check(f"plugin {id_}", well, detail, "" if well else f"See: plugway logs {id_}")


def _broken(entry: dict[str, object]) -> Check:
    return Check(
        f"catalog {entry['id']}", False, str(entry["problem"]), "Correct it; until then it is left out."
    )


def _catalogues(answer: dict[str, Any]) -> Iterator[Check]:
    if answer["problem"]:
        yield Check("catalogues", False, answer["problem"], "Correct the file; those known stay as they are.")
    for one in answer["catalogues"]:
        told = "it has expired, so nothing is installed from it" if one["expired"] else one["problem"]
        hint = one["hint"] or f"Fetch it again: plugway catalogue refresh {one['name']}"
        yield Check(
            f"catalogue {one['name']}", not told, told or f"{one['plugins']} plugins", hint if told else ""
        )


def _print(checks: list[Check]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = ("ok  ", "green") if check.ok else ("FAIL", "bold red")
        console.print(Text.assemble(mark, f" {check.name:<{width}}  {clean(check.detail)}"))
        if check.hint:
            console.print(Text(f"     {'':<{width}}  {check.hint}"))
