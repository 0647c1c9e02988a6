"""Native gRPC through a whole gateway: a shipped plugin, TLS and workers, by a client in Go."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.parts import need_grpcurl
from tests.running import gateway, until
from tests.workers import serving

pytestmark = pytest.mark.timeout(240)
SERVICE = "notes.v1.NoteService"


@pytest.mark.parametrize(
    "settings", [{"PLUGWAY_TLS": "dev"}, {"PLUGWAY_WORKERS": "2"}], ids=["tls", "workers"]
)
async def test_a_shipped_plugin_answers_grpc(tmp_path: Path, settings: dict[str, str]) -> None:
    async with gateway(tmp_path / "home", settings={"PLUGWAY_INSTALL": "notes", **settings}) as running:
        await running.healthy("notes", 90)
        if "PLUGWAY_WORKERS" in settings:
            await serving(running, 2)
        scheme, _, at = running.base.partition("://")
        open_ = ["-plaintext"] if scheme == "http" else ["-cacert", str(running.home / "tls" / "ca.pem")]
        common = [*open_, "-H", f"authorization: {running.client.headers['authorization']}"]

        async def grpcurl(*words: str) -> str:
            process = await asyncio.create_subprocess_exec(
                need_grpcurl(), *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            out, _ = await asyncio.wait_for(process.communicate(), 60)
            return out.decode()

        assert SERVICE in (await grpcurl(*common, at, "list")).split()
        note = json.dumps({"note": {"title": "by Go"}})
        made = json.loads(await grpcurl(*common, "-d", note, at, f"{SERVICE}/CreateNote"))
        assert (made["title"], made["author"]) == ("by Go", "admin")
        listed = json.loads(await grpcurl(*common, at, f"{SERVICE}/ListNotes"))
        assert listed["name"] == made["name"]
        assert json.loads(await grpcurl(*common, at, "grpc.health.v1.Health/Check")) == {"status": "SERVING"}
        refused = await grpcurl(*open_, "-d", note, at, f"{SERVICE}/CreateNote")
        assert "token" in refused
        # What JSON callers see is the same.
        answer = await running.client.get(f"/plugins/notes/api/v1/{made['name']}")
        assert answer.json()["title"] == "by Go"
        # It keeps its name while it is off.
        (await running.client.post("/api/v1/plugins/notes/disable")).raise_for_status()
        await running.in_state("notes", "disabled")

        async def is_told() -> bool:
            asked = json.dumps({"service": SERVICE})
            return "NOT_SERVING" in await grpcurl(*common, "-d", asked, at, "grpc.health.v1.Health/Check")

        await until(is_told, "callers to be told of it")
