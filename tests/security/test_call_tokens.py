"""What a plugin is told of its caller: signed, for it alone, and nothing that a client says."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from plugway.plugin.v1.plugin_pb2 import CallKey
from plugway_sdk import CallerUnproven
from plugway_sdk.callers import TrustedKeys

from gateway.model import Access, Endpoint, ReleaseId, RouteRule
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import Plane, endpoint, route
from tests.fakes.proxy_fixtures import client, one, plane, plugin
from tests.running import gateway, until
from tests.samples import write_plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures


def trusting(plane: Plane, plugin: str = "notes", release: str = "r1") -> TrustedKeys:
    keys = TrustedKeys()
    public = plane.gatekeeper.call_keys.public
    keys.take(plugin, release, [CallKey(id=id_, public_key=key) for id_, key in public])
    return keys


async def test_a_call_carries_a_proof_for_this_plugin_and_release(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient
) -> None:
    context = (await client.get("/plugins/notes/api/x")).json()["context"]
    found = trusting(plane).check(context["token"])
    assert (found.user, found.role) == (context["user"], context["role"]) == ("admin", "admin")
    with pytest.raises(CallerUnproven, match="another plugin"):
        trusting(plane, plugin="other").check(context["token"])
    with pytest.raises(CallerUnproven, match="another release"):
        trusting(plane, release="r2").check(context["token"])


async def test_a_public_route_without_caller_carries_none(
    plugin: ContractPlugin, plane: Plane, one: Endpoint
) -> None:
    plane.publish(route(one, rules=(RouteRule(path_prefix="/open", access=Access.PUBLIC),)))
    forged = {"x-plugway-token": "a.b.c", "x-plugway-user": "root", "x-plugway-role": "admin"}
    async with httpx.AsyncClient(base_url=plane.url, headers=forged) as stranger:
        seen = (await stranger.get("/plugins/notes/api/open")).json()
    assert (seen["context"]["user"], seen["context"]["role"], seen["context"]["token"]) == ("", "", "")
    assert not [name for name, _ in seen["headers"] if name.startswith("x-plugway")]


@pytest.mark.parametrize("body", [b"small", b"x" * 2_000_000], ids=["unary", "upload"])
async def test_a_call_that_goes_to_another_release_is_proven_to_that_one(
    plugin: ContractPlugin,
    plane: Plane,
    client: httpx.AsyncClient,
    tmp_path: Path,
    one: Endpoint,
    body: bytes,
) -> None:
    other, successor = endpoint(f"unix:{tmp_path}/q.sock", "two"), ContractPlugin()
    server = await serve(other.address, successor)
    base = route(one)
    new = replace(base.targets[0], release_id=ReleaseId("r2"), endpoints=(other,), weight=0, warm=True)
    plane.publish(replace(base, targets=(base.targets[0], new)))
    plugin.draining = True
    answer = await client.post("/plugins/notes/api/echo", content=body)
    assert answer.is_success, answer.text
    assert trusting(plane, release="r2").check(successor.tokens[-1]).user == "admin"
    await server.stop(None)


ASKING = """
import json

from plugway_sdk import CallerUnproven, Plugin, caller, serve


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    try:
        found = caller(scope)
        status, said = 200, [found.user, found.role]
    except CallerUnproven as error:
        status, said = 401, str(error)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


serve(Plugin(id="asking", version="1.0.0", name="Asking", app=app))
"""


@pytest.mark.timeout(180)
async def test_proofs_hold_while_keys_roll_and_over_a_killed_gateway(tmp_path: Path) -> None:
    """A real plugin without settings, that checks each call: keys of two seconds, then another gateway."""
    place = await asyncio.to_thread(write_plugin, tmp_path / "plugins" / "asking", "asking")
    await asyncio.to_thread((place / "asking" / "__main__.py").write_text, ASKING)
    settings = {"PLUGWAY_PLUGIN_PATH": str(tmp_path / "plugins"), "PLUGWAY_CALL_KEY_HOURS": str(2 / 3600)}
    ids: set[str] = set()
    async with gateway(tmp_path / "home", settings=settings) as first:
        await first.client.post("/api/v1/plugins", json={"id": "asking"})
        await first.healthy("asking")

        async def rolled() -> bool:
            answer = await first.client.get("/plugins/asking/api/")
            assert (answer.status_code, answer.text) == (200, '["admin", "admin"]')
            text = await asyncio.to_thread((first.home / "keys" / "call-keys.json").read_text)
            ids.add(text)
            return len(ids) > 4

        await until(rolled, "four changes of the key")
        await first.kill()
    del settings["PLUGWAY_CALL_KEY_HOURS"]
    async with gateway(tmp_path / "home", settings=settings) as second:
        # Adopted: routed at once, and what it was told by the first gateway still holds.
        answer = await second.client.get("/plugins/asking/api/")
        assert (answer.status_code, answer.text) == (200, '["admin", "admin"]')
        assert await second.stop(signal.SIGINT) == 0
