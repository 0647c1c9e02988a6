"""Real sentinels: the primary is found by its name, and a failover is followed without a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import redis as redis_library

from plugin_services.redis_management.tests.conftest import RedisServer
from tests.parts import need_redis
from tests.shipped.servers import eventually, free_port

pytestmark = [pytest.mark.redis, pytest.mark.timeout(180)]
SECRET = "hunter2-sentinel"


class Sentinel(RedisServer):
    """redis-server as a sentinel, with a password of its own."""

    def __init__(self, directory: Path, primary: RedisServer) -> None:
        super().__init__(need_redis(), directory)
        self.password = SECRET
        self.port = free_port()
        self.config = directory / "sentinel.conf"
        self.config.write_text(
            f"port {self.port}\nbind 127.0.0.1\nrequirepass {SECRET}\n"
            f"sentinel monitor main 127.0.0.1 {primary.port} 1\n"
            "sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 10000\n"
        )

    def command(self) -> list[str]:
        return [str(self.program), str(self.config), "--sentinel"]


async def test_the_primary_is_found_and_a_failover_followed(
    start_redis: Any, open_plugin: Any, tmp_path: Path
) -> None:
    primary = await asyncio.to_thread(start_redis)
    replica = await asyncio.to_thread(start_redis, "--replicaof", "127.0.0.1", str(primary.port))
    directory = tmp_path / "sentinel"
    directory.mkdir()
    sentinel = Sentinel(directory, primary)
    await asyncio.to_thread(sentinel.start)
    nobody = free_port()
    settings = {
        # The first is away; the server among the others is no sentinel.
        "url": f"redis://127.0.0.1:{nobody}",
        "kind": "sentinel",
        "nodes": [f"127.0.0.1:{one.port}" for one in (replica, sentinel, primary)],
        "primaryName": "main",
        "sentinelPassword": SECRET,
    }
    try:
        async with open_plugin(**settings) as client:

            async def known() -> bool:
                answer = await client.get("/nodes")
                return {"primary", "replica"} == {one["role"] for one in answer.json().get("nodes", [])}

            await eventually(known, 60)
            found = (await client.get("/nodes")).json()
            assert {one["role"]: one["address"] for one in found["nodes"]} == {
                "primary": f"127.0.0.1:{primary.port}",
                "replica": f"127.0.0.1:{replica.port}",
            }
            body = {"value": {"data": "before"}}
            (await client.put("/key/string", params={"key": "k"}, json=body)).raise_for_status()

            def copied() -> bool:
                with redis_library.Redis(port=replica.port, protocol=2) as raw:
                    return bool(raw.get("k") == b"before")

            await eventually(lambda: asyncio.to_thread(copied), 30)
            await asyncio.to_thread(primary.kill)
            answer = await client.get("/keys")
            assert answer.status_code == 503
            assert "'main' behind the sentinel" in answer.json()["detail"]

            async def followed() -> bool:
                body = {"value": {"data": "after"}}
                answer = await client.put("/key/string", params={"key": "k"}, json=body)
                return answer.is_success

            await eventually(followed, 60)
            with redis_library.Redis(port=replica.port, protocol=2) as raw:
                assert raw.get("k") == b"after"
            assert SECRET not in (await client.get("/connections")).text

            # A name that no sentinel knows, a wrong password, and no sentinel at all.
            for change, words in (
                ({"primaryName": "other"}, "no sentinel knows"),
                ({"sentinelPassword": "wrong"}, "no sentinel answers"),
                ({"nodes": []}, "no sentinel answers"),
            ):
                configured = await client.configure({"connections": {"local": {**settings, **change}}})
                assert configured.accepted
                answer = await client.get("/keys")
                assert answer.status_code == 503
                assert words in answer.json()["detail"]
                assert SECRET not in answer.text
    finally:
        await asyncio.to_thread(sentinel.kill)


async def test_settings_of_a_sentinel_and_of_a_cluster_are_judged(open_plugin: Any) -> None:
    async with open_plugin() as client:
        for bad in (
            {"kind": "sentinel"},
            {"kind": "cluster", "url": "redis://h:1/2"},
            {"nodes": ["no-port"]},
            {"nodes": ["user:pw@h:1"]},
            {"nodes": ["h:1/2"]},
        ):
            one = {"url": "redis://h:1", **bad}
            assert not (await client.configure({"connections": {"one": one}})).accepted, bad
