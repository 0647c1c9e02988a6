"""The server: overview, memory, databases, INFO whole."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field, StringConstraints

from redis_management.dependencies import Reading
from redis_management.info import Sections, decimal, info, number, pairs_of
from redis_management.link import Reader

router = new_router("server")


class DatabaseLine(ApiModel):
    """A database that holds keys."""

    number: int
    keys: int
    expiring: int
    average_ttl_ms: int | None


class Overview(ApiModel):
    """The server at a glance; null where it does not tell."""

    version: str | None
    mode: str | None
    role: str | None
    uptime_seconds: int | None
    clients: int | None
    blocked_clients: int | None
    used_memory: int | None
    memory_limit: int | None = Field(description="Bytes; 0 for none.")
    operations_per_second: int | None
    commands_processed: int | None
    hits: int | None
    misses: int | None
    evicted: int | None
    expired: int | None
    replicas: int | None
    last_save_ok: bool | None
    unsaved_changes: int | None
    append_only: bool | None
    databases: list[DatabaseLine]
    database_count: int | None = Field(description="How many databases the server has; null where unknown.")


class Memory(ApiModel):
    """Memory in bytes; null where the server does not tell."""

    used: int | None
    peak: int | None
    resident: int | None
    dataset: int | None
    overhead: int | None
    scripts: int | None
    limit: int | None = Field(description="0 for none.")
    policy: str | None = Field(description="What happens at the limit.")
    fragmentation: float | None = Field(
        description="Resident to used; far above 1 is waste, below 1 is swap."
    )
    allocator: str | None
    advice: str | None = Field(description="What MEMORY DOCTOR says.")


@router.get("/server")
async def read_server(reader: Reading) -> Overview:
    """The server at a glance."""
    found = await info(
        reader, "server", "clients", "memory", "persistence", "stats", "replication", "keyspace"
    )
    facts = {
        name: value
        for section, part in found.items()
        if section != "keyspace"
        for name, value in part.items()
    }

    def whole(name: str) -> int | None:
        return number(facts.get(name))

    def truth(name: str, yes: str) -> bool | None:
        return facts[name] == yes if name in facts else None

    return Overview(
        version=facts.get("redis_version"),
        mode=facts.get("redis_mode"),
        role=facts.get("role"),
        uptime_seconds=whole("uptime_in_seconds"),
        clients=whole("connected_clients"),
        blocked_clients=whole("blocked_clients"),
        used_memory=whole("used_memory"),
        memory_limit=whole("maxmemory"),
        operations_per_second=whole("instantaneous_ops_per_sec"),
        commands_processed=whole("total_commands_processed"),
        hits=whole("keyspace_hits"),
        misses=whole("keyspace_misses"),
        evicted=whole("evicted_keys"),
        expired=whole("expired_keys"),
        replicas=whole("connected_slaves"),
        last_save_ok=truth("rdb_last_bgsave_status", "ok"),
        unsaved_changes=whole("rdb_changes_since_last_save"),
        append_only=truth("aof_enabled", "1"),
        databases=databases_of(found),
        database_count=await database_count(reader),
    )


def databases_of(found: Sections) -> list[DatabaseLine]:
    databases = []
    for name, text in found.get("keyspace", {}).items():
        facts = pairs_of(text, ",")
        databases.append(
            DatabaseLine(
                number=int(name.removeprefix("db")),
                keys=number(facts.get("keys")) or 0,
                expiring=number(facts.get("expires")) or 0,
                average_ttl_ms=number(facts.get("avg_ttl")) or None,
            )
        )
    return databases


async def database_count(reader: Reader) -> int | None:
    # Hosted servers often refuse CONFIG.
    reply: Any = (await reader.run_each([("CONFIG", "GET", "databases")]))[0]
    return None if isinstance(reply, Refusal) or len(reply) < 2 else number(reply[1].decode())


@router.get("/server/info")
async def read_info(
    reader: Reading,
    section: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,32}$"), Query()] = "default",
) -> dict[str, dict[str, str]]:
    """INFO, section by section, as the server writes it."""
    return await info(reader, section)


@router.get("/memory")
async def read_memory(reader: Reading) -> Memory:
    """Where the memory goes."""
    facts = (await info(reader, "memory")).get("memory", {})
    advice = (await reader.run_each([("MEMORY", "DOCTOR")]))[0]

    def whole(name: str) -> int | None:
        return number(facts.get(name))

    return Memory(
        used=whole("used_memory"),
        peak=whole("used_memory_peak"),
        resident=whole("used_memory_rss"),
        dataset=whole("used_memory_dataset"),
        overhead=whole("used_memory_overhead"),
        scripts=whole("used_memory_scripts"),
        limit=whole("maxmemory"),
        policy=facts.get("maxmemory_policy"),
        fragmentation=decimal(facts.get("mem_fragmentation_ratio")),
        allocator=facts.get("mem_allocator"),
        advice=None if isinstance(advice, Refusal) else advice.decode(errors="replace"),
    )
