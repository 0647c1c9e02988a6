"""The server itself: its nodes and disks, and what lies on them, from the administrative API."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from minio_management.dependencies import Reading
from minio_management.s3 import Clients

router = new_router("server", "/server")
# What the server calls its classes of sizes: from so many bytes on. One more of its sums up others.
_CLASSES = {
    "LESS_THAN_1024_B": 0,
    "BETWEEN_1024_B_AND_64_KB": 1 << 10,
    "BETWEEN_1024_B_AND_1_MB": 1 << 10,  # of older servers, which have no finer ones
    "BETWEEN_64_KB_AND_256_KB": 64 << 10,
    "BETWEEN_256_KB_AND_512_KB": 256 << 10,
    "BETWEEN_512_KB_AND_1_MB": 512 << 10,
    "BETWEEN_1_MB_AND_10_MB": 1 << 20,
    "BETWEEN_10_MB_AND_64_MB": 10 << 20,
    "BETWEEN_64_MB_AND_128_MB": 64 << 20,
    "BETWEEN_128_MB_AND_512_MB": 128 << 20,
    "GREATER_THAN_512_MB": 512 << 20,
}


class Disk(ApiModel):
    """One disk; null where the server does not tell, as of one that is away."""

    endpoint: str
    state: str = Field(description="ok, or what is wrong in the server's own word, such as offline.")
    total: int | None = Field(description="Bytes.")
    used: int | None
    free: int | None
    healing: bool


class Node(ApiModel):
    """One server process."""

    endpoint: str
    state: str
    version: str | None
    uptime_seconds: int | None
    disks: list[Disk]


class Overview(ApiModel):
    """The whole at a glance; counts are from the server's last look through its disks."""

    state: str
    buckets: int | None
    objects: int | None
    versions: int | None
    delete_markers: int | None
    size: int | None = Field(description="Bytes of all objects.")
    disks_online: int | None
    disks_offline: int | None
    capacity: int | None = Field(description="Bytes of all disks that tell.")
    free: int | None
    nodes: list[Node]


class BucketUsage(ApiModel):
    """What one bucket holds."""

    name: str
    size: int = Field(description="Bytes.")
    objects: int


class SizeClass(ApiModel):
    """How many objects are of about one size; older servers have fewer classes."""

    at_least: int = Field(description="Bytes.")
    below: int | None = Field(description="Bytes; null for no limit.")
    objects: int


class Usage(ApiModel):
    """What lies on the server as it last counted; it keeps no history of that."""

    counted: str | None = Field(description="When the server last looked; null if it has not yet.")
    size: int = Field(description="Bytes of all objects.")
    objects: int
    bucket_count: int
    buckets: list[BucketUsage] = Field(description="The largest first.")
    sizes: list[SizeClass] = Field(description="The objects of all buckets; empty where none are counted.")


def _disk(entry: dict[str, Any]) -> Disk:
    return Disk(
        endpoint=entry.get("endpoint", ""),
        state=entry.get("state", "unknown"),
        total=entry.get("totalspace"),
        used=entry.get("usedspace"),
        free=entry.get("availspace"),
        healing=bool(entry.get("healing")),
    )


def _node(entry: dict[str, Any]) -> Node:
    return Node(
        endpoint=entry.get("endpoint", ""),
        state=entry.get("state", "unknown"),
        version=entry.get("version"),
        uptime_seconds=entry.get("uptime"),
        disks=[_disk(disk) for disk in entry.get("drives") or ()],
    )


@router.get("")
async def read_server(link: Reading) -> Overview:
    """Nodes, disks and counts. Needs an access key that may see to the server."""
    found: dict[str, Any] = json.loads(await link.run(lambda clients: clients.admin.info()))
    nodes = [_node(entry) for entry in found.get("servers") or ()]
    disks = [disk for node in nodes for disk in node.disks]
    backend = found.get("backend") or {}

    def counted(name: str, field: str = "count") -> int | None:
        value: int | None = (found.get(name) or {}).get(field)
        return value

    return Overview(
        state=found.get("mode", "unknown"),
        buckets=counted("buckets"),
        objects=counted("objects"),
        versions=counted("versions"),
        delete_markers=counted("deletemarkers"),
        size=counted("usage", "size"),
        disks_online=backend.get("onlineDisks"),
        disks_offline=backend.get("offlineDisks"),
        capacity=sum(disk.total or 0 for disk in disks) or None,
        free=sum(disk.free or 0 for disk in disks) if disks else None,
        nodes=nodes,
    )


def _usage(clients: Clients) -> str:
    return str(clients.admin.get_data_usage_info())  # type: ignore[no-untyped-call] # the library's


@router.get("/usage")
async def read_usage(
    link: Reading,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many buckets.")] = 20,
) -> Usage:
    """What the largest buckets hold, and how large objects are."""
    found: dict[str, Any] = json.loads(await link.run(_usage))
    when = found.get("lastUpdate") or ""
    entries: dict[str, dict[str, Any]] = found.get("bucketsUsageInfo") or {}
    buckets = [
        BucketUsage(name=name, size=entry.get("size") or 0, objects=entry.get("objectsCount") or 0)
        for name, entry in entries.items()
    ]
    buckets.sort(key=lambda bucket: (-bucket.size, bucket.name))
    return Usage(
        counted=None if when.startswith("0001-") or not when else when,
        size=sum(bucket.size for bucket in buckets),
        objects=sum(bucket.objects for bucket in buckets),
        bucket_count=len(buckets),
        buckets=buckets[:limit],
        sizes=_sizes(entry.get("objectsSizesHistogram") or {} for entry in entries.values()),
    )


def _sizes(histograms: Iterable[dict[str, int]]) -> list[SizeClass]:
    counts: Counter[int] = Counter()
    for histogram in histograms:
        for name, number in histogram.items():
            if name in _CLASSES:
                counts[_CLASSES[name]] += number
    starts = sorted(counts)
    return [
        SizeClass(at_least=start, below=below, objects=counts[start])
        for start, below in zip(starts, [*starts[1:], None], strict=False)
    ]
