"""What several workers know is shown as one, and what they are told holds in all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.running import RunningGateway, until
from tests.workers import Place, get, place

CALLS = 32
SETTINGS = {"call_timeout": "0.5", "failure_threshold": "1000", "restart_after": "600", "figures_step": "0.5"}


@pytest.mark.timeout(240)
async def test_two_workers_are_one_gateway(tmp_path: Path) -> None:
    async with place(tmp_path, 2, **SETTINGS) as here, here.life() as running:
        await here.ready(running, 2)
        await _tokens(here, running)
        await _circuits(here, running)
        await _figures(running)


async def many(here: Place, path: str, secret: str) -> set[int]:
    """Statuses of calls over connections of their own, so many that each worker has some."""
    headers = {"authorization": f"Bearer {secret}"}

    async def one() -> int:
        base = f"http://127.0.0.1:{here.port}"
        async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=30) as client:
            return (await client.get(f"/plugins/mover/api{path}")).status_code

    return set(await asyncio.gather(*(one() for _ in range(CALLS))))


async def _tokens(here: Place, running: RunningGateway) -> None:
    """A worker's use of a token is seen, and a revoked one is refused by all of them."""
    made = await running.client.post("/api/v1/tokens", json={"name": "ci", "grants": {"mover": "user"}})
    assert made.status_code == 201, made.text
    secret, id_ = made.json()["secret"], made.json()["token"]["id"]

    async def let_in() -> bool:
        return await many(here, "/work", secret) == {200}

    await until(let_in, "both workers to know the token")

    async def used() -> bool:
        tokens = (await running.client.get("/api/v1/tokens")).json()["tokens"]
        return any(token["id"] == id_ and token["usedAt"] for token in tokens)

    await until(used, "its use to be seen")
    assert (await running.client.delete(f"/api/v1/tokens/{id_}")).status_code < 300

    async def refused() -> bool:
        return await many(here, "/work", secret) == {401}

    await until(refused, "both workers to refuse it", 10)


async def _circuits(here: Place, running: RunningGateway) -> None:
    """Both hold the only instance for broken: that is one state, of which the worst is shown."""
    secret = running.client.headers["authorization"].removeprefix("Bearer ")

    async def circuit() -> str:
        (instance,) = (await running.plugin("mover"))["instances"]
        return str(instance["circuit"]["state"])

    async def held() -> bool:
        return await circuit() == "held"

    assert await circuit() == "closed"
    assert await many(here, "/sleep", secret) <= {503, 504}
    await until(held, "the circuit to be shown")
    labels = await _series(running, "plugway_instance_circuit")
    assert sorted((one["state"], value) for one, value in labels) == [
        ("half-open", 0.0),
        ("held", 1.0),
        ("open", 0.0),
    ]

    async def closed() -> bool:
        await many(here, "/work", secret)
        return await circuit() == "closed" and not await _series(running, "plugway_instance_circuit")

    await until(closed, "both to find it well again")


async def _series(running: RunningGateway, name: str) -> list[tuple[dict[str, str], float]]:
    """Parsed strictly: a series that comes twice fails."""
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    text = (await running.client.get("/metrics", headers=accept)).text
    families = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    keys = [(sample.name, *sorted(sample.labels.items())) for sample in samples]
    assert len(keys) == len(set(keys))
    return [(dict(sample.labels), sample.value) for sample in samples if sample.name == name]


async def _figures(running: RunningGateway) -> None:
    """The plots count the calls of all workers, as the metrics do."""

    async def counted() -> float:
        said = [value for _, value in await _series(running, "plugway_calls_total")]
        return sum(said)

    async def shown() -> dict[str, Any]:
        return dict((await get(running, "/api/v1/plugins/mover/figures")).raise_for_status().json())

    async def agree() -> bool:
        calls = await counted()
        if calls < 3 * CALLS:
            return False
        points = (await shown())["points"]
        return sum(int(point["calls"]) for point in points) == calls

    await until(agree, "the figures to have every call")
    ((_, memory),) = await _series(running, "plugway_workers_resident_memory_bytes")
    assert memory > 2 * 20 * 2**20, "of both"
    ((_, cpu),) = await _series(running, "plugway_workers_cpu_seconds_total")
    assert cpu > 0
