"""The server itself, against a real MinIO with four disks."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from tests.shipped.servers import eventually

pytestmark = pytest.mark.minio


async def test_nodes_disks_counts_and_a_disk_that_breaks(
    start_minio: Any, open_plugin: Any, tmp_path: Any
) -> None:
    more = [tmp_path / "minio0" / f"disk{number}" for number in range(3)]
    # It counts once a second then, not once a minute.
    fast = {"MINIO_SCANNER_SPEED": "fastest"}
    server = await asyncio.to_thread(start_minio, *map(str, more), environment=fast)
    async with open_plugin(server) as client:
        found = (await client.get("/server")).raise_for_status().json()
        assert found["state"] == "online"
        assert (found["disksOnline"], found["disksOffline"]) == (4, 0)
        (node,) = found["nodes"]
        assert node["state"] == "online"
        assert [disk["state"] for disk in node["disks"]] == ["ok"] * 4
        assert found["capacity"] == sum(disk["total"] for disk in node["disks"]) > found["free"] > 0

        await asyncio.to_thread(_fill, server.raw)

        async def counted() -> Any:
            usage = (await client.get("/server/usage", params={"limit": 1})).raise_for_status().json()
            return usage if usage["objects"] == 4 and usage["bucketCount"] == 2 else None

        usage = await eventually(counted, 90)
        assert usage["buckets"] == [{"name": "large", "size": 3_000_000, "objects": 1}]
        assert usage["size"] == 3_000_030
        sizes = {(one["atLeast"], one["below"]): one["objects"] for one in usage["sizes"]}
        assert (sizes.pop((0, 1024)), sizes.pop((1 << 20, 10 << 20))) == (3, 1)
        assert set(sizes.values()) == {0}
        assert usage["counted"].startswith("20")

        await asyncio.to_thread(_break, more[0])

        async def broken() -> Any:
            found = (await client.get("/server")).raise_for_status().json()
            return found if found["disksOffline"] else None

        found = await eventually(broken, 90)
        (disk,) = (disk for disk in found["nodes"][0]["disks"] if disk["state"] != "ok")
        assert disk["endpoint"] == str(more[0])
        assert disk["total"] is None
        assert (found["disksOnline"], found["disksOffline"]) == (3, 1)


def _fill(raw: Any) -> None:
    for bucket, count, size in (("small", 3, 10), ("large", 1, 3_000_000)):
        raw.make_bucket(bucket)
        for number in range(count):
            raw.put_object(bucket, f"o{number}", io.BytesIO(bytes(size)), size)


def _break(disk: Path) -> None:
    """A file in the place of what was the disk: nothing that the server could put in order again."""
    disk.rename(disk.with_suffix(".gone"))
    disk.write_bytes(b"")


async def test_an_access_key_that_may_not_see_it_is_told_so(shared: Any, open_plugin: Any) -> None:
    def user() -> None:
        shared.admin.user_add("looker", "looker-secret")
        shared.admin.attach_policy(["readonly"], user="looker")

    await asyncio.to_thread(user)
    async with open_plugin(shared, accessKey="looker", secretKey="looker-secret") as client:
        for path in ("/server", "/server/usage"):
            answer = await client.get(path)
            assert answer.status_code == 403
            assert "'looker' may not do this" in answer.json()["detail"]
