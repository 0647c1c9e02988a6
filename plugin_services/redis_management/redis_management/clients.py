"""Clients that are connected to Redis."""

from __future__ import annotations

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from redis_management.dependencies import ClientId, Reading, Writing
from redis_management.info import number, pairs_of

router = new_router("clients", "/clients")


class Client(ApiModel):
    """One connection; null where this version of Redis does not tell."""

    id: int
    address: str
    name: str
    user: str | None
    database: int | None
    age_seconds: int | None
    idle_seconds: int | None
    command: str | None = Field(description="The last one.")
    flags: str | None = Field(description="As in CLIENT LIST, e.g. N, b (blocked), S (replica), P (pub/sub).")
    library: str | None
    memory: int | None = Field(description="Bytes.")
    own: bool = Field(description="One of this plugin's connections.")


class Killed(ApiModel):
    """A connection that was closed."""

    killed: int


class NoSuchClient(Refusal):
    key, title, status = "no-such-client", "No such client", 404


def client_of(line: str, own_name: str) -> Client:
    """A line of CLIENT LIST."""
    facts = pairs_of(line)
    library = " ".join(filter(None, (facts.get("lib-name"), facts.get("lib-ver"))))
    return Client(
        id=int(facts["id"]),
        address=facts.get("addr", ""),
        name=facts.get("name", ""),
        user=facts.get("user"),
        database=number(facts.get("db")),
        age_seconds=number(facts.get("age")),
        idle_seconds=number(facts.get("idle")),
        command=facts.get("cmd"),
        flags=facts.get("flags"),
        library=library or None,
        memory=number(facts.get("tot-mem")),
        own=bool(own_name) and facts.get("name") == own_name,
    )


@router.get("")
async def list_clients(reader: Reading) -> list[Client]:
    """Who is connected."""
    text = (await reader.run("CLIENT", "LIST")).decode(errors="replace")
    own_name = reader.connection.connection_name
    return [client_of(line, own_name) for line in text.splitlines() if line.startswith("id=")]


@router.delete("/{client}")
async def kill_client(writer: Writing, client: ClientId) -> Killed:
    """Close a client's connection; most clients connect again by themselves."""
    if not await writer.run("CLIENT", "KILL", "ID", client):
        raise NoSuchClient("This client is not connected any more.", hint="Load the list again.")
    return Killed(killed=client)
