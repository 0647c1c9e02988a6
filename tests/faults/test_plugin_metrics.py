"""An instance that does not answer for its metrics costs the others nothing but its own figures."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from gateway.contract.client import PluginClient
from gateway.model import InstanceId, PluginId, ReleaseId
from gateway.supervisor.plugin_metrics import KEPT, WITHIN, Asked, PluginMetrics
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import endpoint


async def test_a_stopped_instance_is_given_up_and_scrapers_share_one_answer(tmp_path: Path) -> None:
    addresses = {name: f"unix:{tmp_path}/{name}.sock" for name in ("stopped", "good")}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.contract_plugin", addresses["stopped"]),
        stdout=asyncio.subprocess.PIPE,
    )
    server = await serve(addresses["good"], ContractPlugin())
    clients = {name: PluginClient(endpoint(address, name)) for name, address in addresses.items()}
    asked_for = 0

    def whom() -> list[Asked]:
        nonlocal asked_for
        asked_for += 1
        return [
            Asked(plugin=PluginId(name), release=ReleaseId("r"), instance=InstanceId(name), client=client)
            for name, client in clients.items()
        ]

    try:
        assert child.stdout is not None
        assert await asyncio.wait_for(child.stdout.readline(), 60) == b"ready\n"
        child.send_signal(signal.SIGSTOP)
        metrics = PluginMetrics(whom)
        async with asyncio.timeout(WITHIN + 20):
            scrapes = await asyncio.gather(*(metrics.collect() for _ in range(20)))
        assert {scrape.plugin: scrape.problem for scrape in scrapes[0]} == {"stopped": "timeout", "good": ""}
        assert all(scrape == scrapes[0] for scrape in scrapes)
        assert asked_for == 1
        await metrics.collect()
        assert asked_for == 1, f"kept for {KEPT} s"
    finally:
        child.kill()
        await child.wait()
        for client in clients.values():
            await client.close()
        await server.stop(None)
