"""`plugway record` and `plugway replay`: real calls kept, and made again against a new release."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.conformance.targets import directory_release, stage
from gateway.settings import Settings
from tests.command import PROGRAM, environment, plugway
from tests.parts import need_docker
from tests.running import PATIENCE, RunningGateway, gateway, until
from tests.workers import fresh_client, marked, serving

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

_CODE = Path(__file__).parents[1] / "fakes" / "orders" / "orders.py"
SECRET = 'pa"ss wörd/4711'
API = "/plugins/orders/api"


def add_release(shelf: Path, version: str) -> Path:
    target = shelf / f"orders-{version}"
    target.mkdir(parents=True)
    (target / "orders.py").write_text(_CODE.read_text())
    (target / "version.txt").write_text(version)
    (target / "plugway.toml").write_text(
        f'id = "orders"\nversion = "{version}"\nname = "Orders"\ncommand = ["{{python}}", "-m", "orders"]\n'
        'image = "plugway-test/orders"\nrequirements = ["fastapi>=0.130"]\n'
    )
    return target


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("orders")
    for version in ("1.0.0", "2.0.0"):
        add_release(place, version)
    return place


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    home = tmp_path_factory.mktemp("record") / "home"
    async with gateway(home, settings={"PLUGWAY_PLUGIN_PATH": str(shelf)}) as started:
        await installed(started)
        yield started


async def installed(running: RunningGateway) -> None:
    await running.client.post("/api/v1/plugins", json={"id": "orders", "version": "1.0.0"})
    await running.healthy("orders")
    values = {"values": {"url": "http://orders.example", "password": SECRET}}
    answer = await running.client.put("/api/v1/plugins/orders/settings", json=values)
    assert answer.status_code == 200, answer.text


@dataclass
class Recording:
    """A run of ``plugway record --json``."""

    process: asyncio.subprocess.Process
    file: Path
    said: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def begun(self) -> None:
        def probe() -> bool:
            assert self.process.returncode is None, self.errors
            return bool(self.said)

        await until(probe, "it to record", 2 * PATIENCE)

    async def holds(self, calls: int) -> None:
        await until(lambda: len(self.calls()) >= calls, f"{calls} calls to be in the file")

    def calls(self) -> list[dict[str, Any]]:
        lines = self.file.read_text().splitlines(keepends=True)
        return [one for line in lines if line.endswith("\n") and "request" in (one := json.loads(line))]

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def recording(
    running: RunningGateway, file: Path, *words: str, limit: str = "", token: str = ""
) -> AsyncIterator[Recording]:
    """``limit`` is a shell's word that holds for the process."""
    command = (*PROGRAM, "record", "orders", "--json", "--out", str(file), *words)
    if limit:
        command = ("/bin/sh", "-c", f'{limit}; exec "$@"', "sh", *command)
    process = await asyncio.create_subprocess_exec(
        *command, env=environment(**at(running), **({"PLUGWAY_TOKEN": token} if token else {})),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    run = Recording(process, file)

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            run.said.append(json.loads(line))

    async def complain() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            run.errors.append(line.decode())

    reading = asyncio.gather(read(), complain())
    try:
        yield run
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


def at(running: RunningGateway) -> dict[str, str]:
    return {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(running.home)}


async def token(running: RunningGateway, name: str, **rights: Any) -> dict[str, str]:
    made = await running.client.post("/api/v1/tokens", json={"name": name, **rights})
    return {"Authorization": f"Bearer {made.json()['secret']}"}


async def use_it(running: RunningGateway, others: dict[str, str]) -> None:
    """A session: 9 calls of one's own, and one of somebody else."""
    client, bearer = running.client, running.client.headers["authorization"]
    await client.get(f"{API}/items?q=a%20b&plain=1", headers={"X-Request-Id": "mine-12345"})
    await client.post(f"{API}/items", json={"item": "nails"})
    await client.post(f"{API}/items", json={"item": "pins", "password": "typed by somebody"})
    await client.get(f"{API}/leak", headers={"X-Api-Key": "key-of-a-client", "X-Echo": bearer})
    await client.get(f"{API}/leak")
    await client.get(f"{API}/picture")
    answer = await client.get(f"{API}/cached", headers={"If-None-Match": '"1"', "Accept-Encoding": "br"})
    assert answer.status_code == 200
    await client.get(f"{API}/nowhere")
    async with client.stream("GET", f"{API}/events") as events:
        async for _ in events.aiter_lines():
            break
    await client.get(f"{API}/items?of=bob", headers=others)


async def test_a_session_is_kept_without_its_secrets_and_made_again(
    running: RunningGateway, shelf: Path, tmp_path: Path
) -> None:
    bob = await token(running, "bob", grants={"orders": "operator"})
    file = tmp_path / "session.jsonl"
    async with recording(running, file) as run:
        await run.begun()
        assert file.stat().st_mode & 0o777 == 0o600
        assert (await running.plugin("orders"))["recorded"] == "admin"
        again = await plugway("record", "orders", "--out", str(tmp_path / "second"), **at(running))
        assert (again.code, "are being recorded" in again.err) == (1, True), again
        refused = await plugway(
            "record", "orders", "--out", str(tmp_path / "third"),
            **{**at(running), "PLUGWAY_TOKEN": bob["Authorization"].split()[1]},
        )  # fmt: skip
        assert refused.code == 5
        assert not (tmp_path / "second").exists()
        assert not (tmp_path / "third").exists()

        await use_it(running, bob)
        await run.holds(9)
        run.process.send_signal(signal.SIGINT)
        assert await run.ended() == 0
    await until(lambda: _unrecorded(running), "the gateway to have stopped it")

    text = file.read_text()
    bearer = running.client.headers["authorization"].split()[1]
    for secret in (
        bearer,
        SECRET,
        "4711",
        "key-of-a-client",
        "typed by somebody",
        "of another server",
        "bob",
    ):
        assert secret not in text, secret
    assert json.loads(text.splitlines()[-1])["end"] == "You ended it."
    calls = run.calls()
    assert [(call["request"]["method"], call["answer"]["status"]) for call in calls] == [
        ("GET", 200), ("POST", 201), ("POST", 201), ("GET", 200), ("GET", 200), ("GET", 200), ("GET", 200),
        ("GET", 404), ("GET", 200),
    ]  # fmt: skip
    assert calls[0]["request"]["query"] == "q=a%20b&plain=1"
    assert calls[1]["request"]["body"]["text"] == '{"item":"nails"}'
    assert calls[4]["answer"]["body"]["text"].count("[cleared]") == 3
    assert "text" not in calls[5]["answer"]["body"]
    assert calls[5]["answer"]["body"]["size"] == 512_000
    assert "broken" in calls[8]
    entries = (await running.client.get("/api/v1/audit")).json()["entries"]
    assert any(one["act"] == "recordCalls" and one["facts"].get("of") == "admin" for one in entries)
    assert any(one["act"] == "recordCalls" and one["phase"] == "refused" for one in entries)

    same = await replay(running, file, "--ignore", "at")
    assert same.code == 0, same.out
    assert same.json["against"] == {"version": "1.0.0", "what": "installed"}
    assert same.json["skipped"] == {
        "its method may change something": 2,
        "it held a secret, which was cleared": 1,
        "its answer had no end while it was recorded": 1,
    }
    told = await plugway("replay", str(file), **at(running))
    assert told.code == 1
    assert "/at" in told.out
    assert "5 calls were made again: 4 answered the same, 1 differently." in told.out

    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"password": "another one"}))
    new = await replay(
        running, file, str(shelf / "orders-2.0.0"), "--settings", str(settings), "--every-method",
        "--ignore", "/at", "--ignore", "id",
    )  # fmt: skip
    assert new.code == 1, new
    assert new.json["against"]["version"] == "2.0.0"
    assert {one["target"]: [d["where"] for d in one["differences"]] for one in new.json["calls"]} == {
        "/items?q=a%20b&plain=1": ["/items/1/price"],
        "/picture": ["body"],
    }
    assert new.json["calls"][0]["differences"] == [{"where": "/items/1/price", "was": "9.5", "now": '"9.50"'}]
    assert new.json["made"] == 6, "the order without a secret too"
    other = await plugway("replay", str(file), "plugin_services/examples/notes", **at(running))
    assert (other.code, "orders was recorded" in other.err) == (6, True), other


async def replay(running: RunningGateway, file: Path, *words: str, **settings: str) -> Any:
    return await plugway("replay", str(file), "--json", *words, **at(running), **settings)


async def _unrecorded(running: RunningGateway) -> bool:
    return bool((await running.plugin("orders"))["recorded"] == "")


async def test_the_candidate_of_a_rollout_answers_for_itself(running: RunningGateway, tmp_path: Path) -> None:
    """And a recording ends by itself when it has what was wanted."""
    file = tmp_path / "two.jsonl"
    async with recording(running, file, "--calls", "2", "--everybody") as run:
        await run.begun()
        for _ in range(4):
            await running.client.get(f"{API}/items")
        assert await run.ended() == 0
    assert run.said[-1] == {"file": str(file), "end": "2 calls are recorded.", "calls": 2, "missed": 0}
    assert len(run.calls()) == 2

    none = await plugway("replay", str(file), "--candidate", **at(running))
    assert (none.code, "No rollout of orders" in none.err) == (4, True)
    wanted = {"version": "2.0.0", "steps": [{"weight": 0}, {"weight": 50}], "minHealthy": 0.1}
    begun = await running.client.post("/api/v1/plugins/orders/rollouts", json=wanted)
    assert begun.is_success, begun.text
    rollout = begun.json()["id"]

    async def ready() -> bool:
        answer = await running.client.get(f"/api/v1/rollouts/{rollout}")
        return bool(answer.json()["effective"] == "canary")

    await until(ready, "the candidate to be ready", 2 * PATIENCE)
    found = await replay(running, file, "--candidate", "--ignore", "at")
    assert found.json["against"] == {"version": "2.0.0", "what": "candidate"}
    differences = [d["where"] for one in found.json["calls"] for d in one["differences"]]
    assert (found.code, differences) == (1, ["/items/1/price"] * 2)
    assert (await replay(running, file, "--ignore", "at")).code == 0, "whoever else calls meets the old one"
    assert (await running.client.post(f"/api/v1/rollouts/{rollout}/abort")).status_code < 300


@pytest.mark.docker
async def test_an_image_of_the_next_release_answers_in_the_sandbox(
    running: RunningGateway, shelf: Path, tmp_path: Path
) -> None:
    """And with the settings that it is given here."""
    base, file, given = need_docker(), tmp_path / "three.jsonl", tmp_path / "settings.json"
    given.write_text(json.dumps({"url": "http://orders.example", "password": "another one"}))
    async with recording(running, file, "--calls", "3") as run:
        await run.begun()
        for path in ("/items?page=2", "/picture", "/cached"):
            assert (await running.client.get(API + path)).status_code == 200
        assert await run.ended() == 0
    settings = Settings.model_validate({"home": tmp_path, "runtime": "docker", "base_image": base})
    async with stage(settings) as ground:
        release, _ = await directory_release(shelf / "orders-2.0.0")
        place = await ground.place(release)
        try:
            await place.prepare()
            image = f"plugway-test/orders:2.0.0-{release.artifact.digest[7:19]}"  # type: ignore[union-attr]
            words = ("--settings", str(given), "--ignore", "at")
            found = await replay(running, file, image, *words, PLUGWAY_BASE_IMAGE=base)
        finally:
            await place.close()
    assert found.out, found
    assert found.code == 1
    assert found.json["against"] == {"version": "2.0.0", "what": image}
    assert (found.json["made"], found.json["same"]) == (3, 1)
    assert {one["target"]: [d["where"] for d in one["differences"]] for one in found.json["calls"]} == {
        "/items?page=2": ["/items/1/price"],
        "/picture": ["body"],
    }


async def test_what_a_full_disk_leaves_can_be_replayed(running: RunningGateway, tmp_path: Path) -> None:
    file = tmp_path / "full.jsonl"
    # A limit on the file's size fails a write half done, as a full disk does. In blocks of 512 bytes.
    async with recording(running, file, limit="ulimit -f 8") as run:
        await run.begun()
        for _ in range(12):
            await running.client.get(f"{API}/items")
        assert await run.ended() == 1
    problem = json.loads("".join(run.errors))
    calls = len(run.calls())
    assert 0 < calls < 12
    assert f"{calls} calls are in it" in problem["detail"]
    assert file.read_bytes().endswith(b"\n")
    found = await replay(running, file, "--ignore", "at")
    assert (found.code, found.json["same"], found.json["recorded"]["end"]) == (0, calls, "")
    # An endpoint is met as it is, whoever started it.
    address = (await running.plugin("orders"))["instances"][0]["address"]
    there = await replay(running, file, address, "--ignore", "at")
    assert (there.code, there.json["same"], there.json["against"]["what"]) == (0, calls, address), there
    taken = await plugway("record", "orders", "--out", str(file), **at(running))
    assert (taken.code, "there already" in taken.err) == (2, True)


async def test_workers_record_too_and_what_a_killed_gateway_leaves_is_whole(
    shelf: Path, tmp_path: Path
) -> None:
    file = tmp_path / "workers.jsonl"
    settings = {"PLUGWAY_PLUGIN_PATH": str(shelf), "PLUGWAY_WORKERS": "2"}
    async with gateway(tmp_path / "home", settings=settings) as running:
        await installed(running)
        await serving(running, 2)
        async with recording(running, file) as run:
            await run.begun()
            for _ in range(12):  # Connections of their own, which both workers take.
                async with fresh_client(running) as client:
                    assert (await client.get(f"{API}/leak")).status_code == 200
            await run.holds(12)
            await running.kill()
            # What it leaves running would wait for the next one.
            for process in await asyncio.to_thread(marked, running.home, "PLUGWAY_HOME_ID"):
                process.kill()
            assert await run.ended() == 3
        assert "12 calls are in" in json.loads("".join(run.errors))["detail"]
    assert SECRET not in file.read_text()
    new = str(shelf / "orders-1.0.0")
    home = {"PLUGWAY_HOME": str(tmp_path / "home")}
    found = await plugway("replay", str(file), new, "--json", **home)
    assert (found.code, found.json["same"]) == (0, 12), found
