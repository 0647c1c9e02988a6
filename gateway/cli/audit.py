"""``plugway audit``: who did what."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, run
from gateway.cli.exits import Exit
from gateway.cli.output import print_json, print_line, print_table
from gateway.cli.whole_file import writing_whole
from gateway.registry.audit_chain import Checked, check_chain

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def audit(
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Such as 12h or 30d ago, or 2026-01-31.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="Entries shown.")] = 50,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FILE", help="Write all of them to FILE, one a line.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check the chain of all entries.")] = False,
    noted: Annotated[
        str, typer.Option("--noted", metavar="SEQ:HASH", help="With --verify: a head that was noted before.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the acts of management, newest first; export them; check that none was changed."""
    query = {"since": _moment(since)} if since else {}
    known = _noted(noted)

    async def act(client: GatewayClient) -> Exit | None:
        if export is None and not verify:
            answer = await client.get("/api/v1/audit", limit=limit, **query)
            if as_json:
                print_json(answer)
            else:
                print_table(("at", "who", "act", "on", "result", "from"), map(_row, answer["entries"]))
            return None
        entries = await _all(client, query)
        if export is not None:
            with writing_whole(export) as file:
                for entry in entries:
                    file.write(json.dumps(entry).encode() + b"\n")
        checked = check_chain(entries, known) if verify else None
        _tell(checked, len(entries), export, as_json)
        return Exit.FAILED if checked and checked.problem else None

    run(act, as_json)


async def _all(client: GatewayClient, query: dict[str, str]) -> list[dict[str, Any]]:
    stream = client.lines("/api/v1/audit/export", accept="application/x-ndjson", endless=False, query=query)
    async with stream as lines:
        return [json.loads(line) async for line in _full(lines)]


async def _full(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        if line:
            yield line


def _tell(checked: Checked | None, count: int, export: Path | None, as_json: bool) -> None:
    if as_json:
        found = {"holds": not checked.problem, "problem": checked.problem} if checked else {}
        head = {"head": f"{checked.head}:{checked.head_hash}"} if checked else {}
        print_json({"entries": count, **found, **head})
        return
    if export is not None:
        print_line(f"{count} entries are in {export}.")
    if checked is not None and checked.problem:
        print_line(f"The chain does not hold: {checked.problem}")
    elif checked is not None:
        print_line(f"{checked.entries} entries, unchanged. Note the head elsewhere, and give it to --noted:")
        print_line(f"{checked.head}:{checked.head_hash}")


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    status = entry["status"]
    result = entry["phase"] if status is None else f"{entry['phase']} {status or 'without answer'}"
    on = " ".join(entry["on"].values()) or str(entry["facts"].get("name", ""))
    who = entry["user"] or str(entry["facts"].get("user", "")) or "-"
    return entry["at"][:19], who, entry["act"], on or "-", result, entry["from"]


def _moment(text: str) -> str:
    if found := re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", text):
        return (datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})).isoformat()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write 12h, 30d or 2026-01-31", param_hint="--since") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _noted(text: str) -> dict[int, str]:
    if not text:
        return {}
    seq, _, hash_ = text.partition(":")
    if not seq.isdecimal() or not re.fullmatch("[0-9a-f]{64}", hash_):
        raise typer.BadParameter("write SEQ:HASH, as --verify printed it", param_hint="--noted")
    return {int(seq): hash_}
