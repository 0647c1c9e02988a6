"""Configuration and ACL users: changed for real, and no password or hash of one ever shown."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_library
from plugway_sdk.testing import PluginClient
from redis.exceptions import NoPermissionError

pytestmark = pytest.mark.redis
SECRET = "hunter2-9f31c7"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


@pytest.fixture
async def secured(
    start_redis: Any, open_plugin: Any, tmp_path: Path
) -> AsyncIterator[tuple[Any, PluginClient]]:
    """A Redis with a password and a configuration file."""
    file = tmp_path / "redis.conf"
    file.write_text("maxclients 5000\n")
    server = start_redis("--requirepass", SECRET, "--masterauth", SECRET, file=file)
    async with open_plugin(server) as client:
        yield server, client


async def test_settings_are_found_changed_and_written(secured: Any, tmp_path: Path) -> None:
    _, client = secured
    found = (await client.get("/configuration", params={"pattern": "maxmemory*"})).json()["settings"]
    by_name = {one["name"]: one for one in found}
    assert by_name["maxmemory"]["value"] == "0"
    assert by_name["maxmemory"]["risk"]
    change = {"value": "64mb", "ifValue": "0"}
    place = "/configuration/settings/maxmemory"
    assert (await client.put(place, json=change)).raise_for_status().json()["value"] == str(64 << 20)
    # Somebody else was quicker; what Redis does not take; what there is not.
    assert (await client.put(place, json=change)).status_code == 409
    refused = await client.put(place, json={"value": "a lot"})
    assert refused.status_code == 502
    assert "argument must be a memory value" in refused.json()["detail"]
    assert (await client.put("/configuration/settings/no-such", json={"value": "1"})).status_code == 404
    (await client.post("/configuration/rewrite")).raise_for_status()
    assert "maxmemory 64mb" in (tmp_path / "redis.conf").read_text()


async def test_passwords_are_set_and_never_shown(secured: Any) -> None:
    server, client = secured
    everything = await client.get("/configuration")
    assert SECRET not in everything.text
    hidden = {one["name"]: one["isSet"] for one in everything.json()["settings"] if one["secret"]}
    assert hidden["requirepass"] is True
    assert hidden["masterauth"] is True
    assert hidden["tls-key-file-pass"] is False
    answer = await client.put("/configuration/settings/masterauth", json={"value": SECRET + "x"})
    assert (answer.status_code, SECRET in answer.text) == (200, False)
    assert server.raw.config_get("masterauth") == {"masterauth": SECRET + "x"}


async def test_a_redis_without_a_file_is_told(client: PluginClient) -> None:
    answer = await client.post("/configuration/rewrite")
    assert answer.status_code == 422
    assert "without a configuration file" in answer.json()["detail"]
    assert "keeps no ACL file" in (await client.post("/acl/save")).json()["detail"]


async def test_users_are_made_changed_tried_and_deleted(secured: Any) -> None:
    server, client = secured
    new = {"name": "ann", "rules": ["on", "~app:*", "+@read"], "generate": True}
    answer = await client.post("/acl/users", json=new)
    made = answer.json()
    assert answer.status_code == 201
    assert (made["user"]["enabled"], made["user"]["passwords"]) == (True, 1)
    assert (made["user"]["keys"], made["user"]["commands"]) == ("~app:*", "-@all +@read")
    ann = redis_library.Redis(port=server.port, username="ann", password=made["password"], protocol=2)
    assert ann.get("app:1") is None
    assert (await client.post("/acl/users", json=new)).status_code == 409

    change = {"rules": ["+set", "%R~shared:*"], "password": SECRET, "keepPasswords": False}
    changed = await client.put("/acl/user", params={"name": "ann"}, json=change)
    assert changed.json()["user"]["passwords"] == 1
    assert changed.json()["password"] is None
    ann.close()
    with redis_library.Redis(port=server.port, username="ann", password=SECRET, protocol=2) as again:
        assert again.set("app:1", "x")
        with pytest.raises(NoPermissionError):
            again.set("shared:1", "x")

    trials = {("GET", "app:1"): True, ("SET", "other", "x"): False, ("FLUSHALL",): False, ("GET",): False}
    for command, allowed in trials.items():
        verdict = (await client.post("/acl/dry-run", json={"name": "ann", "command": list(command)})).json()
        assert verdict["allowed"] is allowed, command
        assert verdict["message"]
    denied = (await client.get("/acl/log")).json()["entries"]
    assert [(one["user"], one["reason"], one["what"]) for one in denied] == [("ann", "key", "shared:1")]

    listed = await client.get("/acl/users", params={"limit": 1})
    assert [one["name"] for one in listed.json()["users"]] == ["ann"]
    assert (listed.json()["total"], listed.json()["after"], listed.json()["own"]) == (2, "ann", "default")
    rest = await client.get("/acl/users", params={"after": "ann"})
    assert [one["name"] for one in rest.json()["users"]] == ["default"]
    for said in (answer, changed, listed, rest, await client.get("/acl/user", params={"name": "default"})):
        assert SECRET not in said.text
        assert HASH not in said.text

    assert (await client.delete("/acl/user", params={"name": "ann"})).json() == {"deleted": 1}
    assert (await client.delete("/acl/user", params={"name": "ann"})).status_code == 404


async def test_nobody_is_shut_out_by_mistake_and_rules_hold_whole_or_not_at_all(secured: Any) -> None:
    server, client = secured
    assert (await client.delete("/acl/user", params={"name": "default"})).status_code == 422
    off = await client.put("/acl/user", params={"name": "default"}, json={"rules": ["OFF"]})
    assert off.status_code == 422
    assert "logged in as" in off.json()["detail"]
    (await client.post("/acl/users", json={"name": "bob", "rules": ["on", "+get"]})).raise_for_status()
    for rules in (["+set", "+no-such-command"], [f">{SECRET}"], [f"#{HASH}"]):
        refused = await client.put("/acl/user", params={"name": "bob"}, json={"rules": rules})
        assert refused.status_code in (422, 502)
        assert SECRET not in refused.text
    assert "+set" not in server.raw.acl_getuser("bob")["commands"]
    assert (await client.put("/acl/user", params={"name": "eve"}, json={"rules": []})).status_code == 404
