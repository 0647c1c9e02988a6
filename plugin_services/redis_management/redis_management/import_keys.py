"""Keys out of a file into Redis: read and restored a few at a time, each of them whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, Refused, new_router
from pydantic import Field

from redis_management.blobs import Blob, blob
from redis_management.dependencies import Writing
from redis_management.link import Command, Writer
from redis_management.problems import Unreachable
from redis_management.transfer_format import BadLine, Record, check_head, lines_of, read_line

router = new_router("import and export")
TOGETHER, RECORDS = 4 * 1024 * 1024, 500
TOLD = 50
Existing = Annotated[
    Literal["keep", "replace"],
    Query(description="Keys that exist: keep them, or replace them by the file's."),
]


class Failure(ApiModel):
    """A line that was not imported."""

    line: int
    key: Blob | None
    reason: str


class Imported(ApiModel):
    """What was done, or would be."""

    dry_run: bool
    restored: int = Field(description="Keys that were not there before.")
    replaced: int = Field(description="Keys that were there, and are the file's now.")
    kept: int = Field(description="Keys that were there, and stayed as they were.")
    expired: int = Field(description="Keys whose time was over.")
    skipped: int = Field(description="Keys that the export had left out.")
    failed: int
    failures: list[Failure] = Field(description="Some of them.")
    complete: bool = Field(description="Whether the file has its end: a cut one holds only a part.")


class _Import:
    """One file on its way into Redis."""

    def __init__(self, writer: Writer, *, replace: bool, dry_run: bool) -> None:
        self._writer, self._replace = writer, replace
        self.outcome = Imported(
            dry_run=dry_run, restored=0, replaced=0, kept=0, expired=0, skipped=0, failed=0, failures=[],
            complete=False,
        )  # fmt: skip
        self._now = 0
        self._waiting: list[Record] = []
        self._held = 0

    async def run(self, lines: AsyncIterator[bytes]) -> Imported:
        seconds, micros = await self._writer.run("TIME")
        self._now = int(seconds) * 1000 + int(micros) // 1000
        number = 0
        async for text in lines:
            number += 1
            if number == 1:
                check_head(text)
            elif text.strip():
                await self._take(number, text)
        if not number:
            raise Refused("The file is empty.")
        await self._flush()
        return self.outcome

    async def _take(self, number: int, text: bytes) -> None:
        try:
            found = read_line(number, text)
        except BadLine as bad:
            self._fail(number, None, str(bad))
            return
        if not isinstance(found, Record):
            self.outcome.complete |= found.get("end") is True
            self.outcome.skipped += "skipped" in found and "key" in found
        elif found.expires_at is not None and found.expires_at <= self._now:
            self.outcome.expired += 1
        else:
            self._waiting.append(found)
            self._held += len(found.dump)
            if self._held >= TOGETHER or len(self._waiting) >= RECORDS:
                await self._flush()

    async def _flush(self) -> None:
        records, self._waiting, self._held = self._waiting, [], 0
        if not records:
            return
        if self.outcome.dry_run:
            for there in await self._writer.run_all([("EXISTS", record.name) for record in records]):
                self._count(there=bool(there))
            return
        commands: list[Command] = []
        for record in records:
            commands += [("EXISTS", record.name), self._restore(record)]
        try:
            replies = await self._writer.run_each(commands)
        except Unreachable as lost:
            done = self.outcome.restored + self.outcome.replaced
            raise Unreachable(
                f"{lost.detail} At least {done} keys were imported before.",
                hint="Import the file again once Redis is back; keys that are there can be kept.",
                retry_after=2,
            ) from None
        for record, there, reply in zip(records, replies[::2], replies[1::2], strict=True):
            self._judge(record, there, reply)

    def _restore(self, record: Record) -> Command:
        command: Command = ("RESTORE", record.name, record.expires_at or 0, record.dump)
        if record.expires_at is not None:
            command += ("ABSTTL",)
        return (*command, "REPLACE") if self._replace else command

    def _judge(self, record: Record, there: Any, reply: Any) -> None:
        if not isinstance(reply, Refusal):
            self._count(there=bool(there))
        elif "BUSYKEY" in reply.detail:
            self.outcome.kept += 1
        elif "DUMP payload" in reply.detail:
            self._fail(record.line, record.name, "it is damaged, or of a newer Redis than this one")
        else:
            self._fail(record.line, record.name, reply.detail)

    def _count(self, *, there: bool) -> None:
        if not there:
            self.outcome.restored += 1
        elif self._replace:
            self.outcome.replaced += 1
        else:
            self.outcome.kept += 1

    def _fail(self, line: int, name: bytes | None, reason: str) -> None:
        self.outcome.failed += 1
        if len(self.outcome.failures) < TOLD:
            key = None if name is None else blob(name, 256)
            self.outcome.failures.append(Failure(line=line, key=key, reason=reason))


@router.post(
    "/import",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/x-ndjson": {"schema": {"type": "string"}}}}
    },
)
async def import_keys(
    writer: Writing,
    request: Request,
    existing: Existing = "keep",
    dry_run: Annotated[bool, Query(alias="dryRun", description="Only count what would be done.")] = False,
) -> Imported:
    """Restore the keys of an export, which is read as it comes. Importing it again does no harm.

    What was restored stays where the rest cannot be: each key counts by itself.
    """
    work = _Import(writer, replace=existing == "replace", dry_run=dry_run)
    return await work.run(lines_of(request.stream()))
