"""The nodes of a cluster, or what sentinels watch: who there is, what they do, how they are."""

from __future__ import annotations

from typing import Any

from plugway_sdk.web.connections import ConnectionName
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refused, new_router
from pydantic import Field

from redis_management.cluster import ClusterPools
from redis_management.dependencies import LinksOf
from redis_management.info import pairs_of
from redis_management.link import Reader
from redis_management.pools import SentinelPools
from redis_management.problems import Unreachable, in_words
from redis_management.topology import SLOTS, members_of, state_of, watched

router = new_router("nodes")


class Node(ApiModel):
    """One server."""

    id: str
    address: str
    role: str = Field(description="primary, replica or sentinel.")
    state: str = Field(description="ok, or what is wrong.")
    follows: str = Field(default="", description="The primary of a replica.")
    slots: str = Field(default="", description="As ranges.")
    slot_count: int = 0


class Nodes(ApiModel):
    """All of them, and how they are as a whole."""

    kind: str
    ok: bool
    words: str
    nodes: list[Node]


@router.get("/nodes")
async def list_nodes(links: LinksOf, connection: ConnectionName = "") -> Nodes:
    """Nodes of a cluster, or the primary, replicas and sentinels that a sentinel knows."""
    pools = links.pools(connection)
    if isinstance(pools, ClusterPools):
        return await _of_cluster(pools)
    if isinstance(pools, SentinelPools):
        return await _of_sentinels(pools)
    raise Refused("This connection is one server.", hint="In the settings, say that it is more.")


async def _of_cluster(pools: ClusterPools) -> Nodes:
    text, info = await _asked_of_one(pools)
    facts = pairs_of(info.decode().replace("\r", ""), "\n", ":")
    members = members_of(text.decode())
    served, state = int(facts.get("cluster_slots_ok", 0)), facts.get("cluster_state", "unknown")
    words = f"The cluster's state is {state}; {served:,} of {SLOTS:,} slots are served."
    nodes = [
        Node(
            id=one.id, address=one.address, role=one.role, state=one.state, follows=one.follows,
            slots=one.slots, slot_count=one.slot_count,
        )
        for one in members
    ]  # fmt: skip
    return Nodes(kind="cluster", ok=state == "ok" and served == SLOTS, words=words, nodes=nodes)


async def _of_sentinels(pools: SentinelPools) -> Nodes:
    name = pools.sentinels.name
    with in_words(pools.connection):
        async with pools.sentinels.asking() as ask:
            primary = await ask("SENTINEL", "MASTER", name)
            replicas = watched(await ask("SENTINEL", "REPLICAS", name))
            sentinels = watched(await ask("SENTINEL", "SENTINELS", name))
    (first,) = watched([primary])
    # It does not count itself.
    words = f"{len(sentinels) + 1} sentinels watch it, of which {first.get('quorum', '?')} have to agree."
    nodes = [_watched(first, "primary"), *(_watched(one, "replica") for one in replicas)]
    nodes += [_watched(one, "sentinel") for one in sentinels]
    return Nodes(kind="sentinel", ok=all(node.state == "ok" for node in nodes), words=words, nodes=nodes)


async def _asked_of_one(pools: ClusterPools) -> list[bytes]:
    """CLUSTER NODES and INFO of the first node that answers."""
    *others, last = pools.connection.places
    for place in (*others, last):
        try:
            async with pools.opened(0, place) as client:
                reader = Reader(client, pools.connection)
                return await reader.run_all([("CLUSTER", "NODES"), ("CLUSTER", "INFO")])
        except Unreachable:
            if place is last:
                raise
    raise AssertionError("there is always a last one")


def _watched(facts: dict[str, Any], role: str) -> Node:
    follows = f"{facts['master-host']}:{facts['master-port']}" if "master-host" in facts else ""
    address = f"{facts.get('ip', '?')}:{facts.get('port', '?')}"
    identity = facts.get("runid") or address
    return Node(
        id=identity, address=address, role=role, state=state_of(facts.get("flags", "")), follows=follows
    )
