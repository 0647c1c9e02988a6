"""The read-only switch holds on the plugin's side, for every route that changes something."""

from __future__ import annotations

import json
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient
from redis_management.link import Reader, changes
from redis_management.links import Links
from redis_management.plugin import create_plugin
from redis_management.settings import Settings

from plugin_services.redis_management.tests.conftest import only
from tests.shipped.declared import access, changing_routes

text = {"data": "x"}
PAIR = {"field": text, "value": text}
BODIES: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {
    ("DELETE", "/key"): ({"key": "k"}, None),
    ("POST", "/key/rename"): ({"key": "k"}, {"name": text}),
    ("PUT", "/key/ttl"): ({"key": "k"}, {"ttlMs": 5}),
    ("DELETE", "/key/ttl"): ({"key": "k"}, None),
    ("POST", "/keys/delete"): ({}, {"names": [{"data": "k"}]}),
    ("POST", "/keys/delete-matching"): ({}, {"pattern": "*", "confirm": "*", "atMost": 9}),
    ("POST", "/keys"): ({}, {"type": "string", "name": text, "value": text}),
    ("PUT", "/key/string"): ({"key": "k"}, {"value": text}),
    ("PUT", "/key/hash/field"): ({"key": "h"}, PAIR),
    ("POST", "/key/hash/fields/remove"): ({"key": "h"}, {"fields": [{"data": "f"}]}),
    ("POST", "/key/list/items"): ({"key": "l"}, {"values": [text]}),
    ("PUT", "/key/list/item"): ({"key": "l", "index": 0}, {"value": text, "ifTag": ""}),
    ("DELETE", "/key/list/item"): ({"key": "l", "index": 0, "ifTag": ""}, None),
    ("POST", "/key/set/members"): ({"key": "s"}, {"members": [text]}),
    ("POST", "/key/set/members/remove"): ({"key": "s"}, {"members": [{"data": "m"}]}),
    ("PUT", "/key/sorted-set/members"): ({"key": "z"}, {"members": [{"member": text, "score": 1}]}),
    ("POST", "/key/sorted-set/members/remove"): ({"key": "z"}, {"members": [{"data": "m"}]}),
    ("POST", "/key/stream/entries"): ({"key": "x"}, {"fields": [PAIR]}),
    ("DELETE", "/key/stream/entry"): ({"key": "x", "id": "1-1"}, None),
    ("DELETE", "/slow-log"): ({}, None),
    ("POST", "/pubsub/messages"): ({}, {"channel": text, "message": text}),
    ("PUT", "/configuration/settings/{name}"): ({}, {"value": "5000"}),
    ("POST", "/configuration/rewrite"): ({}, None),
    ("POST", "/acl/users"): ({}, {"name": "more", "rules": ["on"]}),
    ("PUT", "/acl/user"): ({"name": "ann"}, {"rules": ["+get"]}),
    ("DELETE", "/acl/user"): ({"name": "ann"}, None),
    ("POST", "/acl/save"): ({}, None),
    ("POST", "/import"): ({}, None),
    ("POST", "/console"): ({}, {"line": "DEL k"}),
    ("DELETE", "/clients/{client}"): ({}, None),
}
HARMLESS = {("POST", "/connection/test"), ("POST", "/acl/dry-run")}


def test_every_changing_route_is_tried_here() -> None:
    assert changing_routes(create_plugin(), HARMLESS) == set(BODIES)


@pytest.mark.redis
async def test_every_changing_route_is_refused_and_nothing_changes(redis: Any, open_plugin: Any) -> None:
    raw = redis.raw
    raw.set("k", "v")
    raw.hset("h", "f", "v")
    raw.rpush("l", "v")
    raw.sadd("s", "m")
    raw.zadd("z", {"m": 1})
    raw.xadd("x", {"f": "v"}, id="1-1")
    before = raw.execute_command("DEBUG", "DIGEST")
    async with open_plugin(redis, readOnly=True) as client:
        mine = raw.client_id()
        for (method, path), (query, body) in BODIES.items():
            answer = await client.request(
                method,
                path.replace("{client}", str(mine)).replace("{name}", "maxclients"),
                params=query,
                json=body,
            )
            assert answer.status_code == 403, (method, path)
            assert answer.json()["type"] == "urn:plugway:redis:read-only"
            assert "settings" in answer.json()["hint"]
        assert (await client.get("/connections")).json()["connections"][0]["readOnly"] is True
        (await client.get("/keys")).raise_for_status()
        (await client.get("/keys/count", params={"pattern": "*"})).raise_for_status()
        assert (await client.post("/connection/test")).json()["ok"] is True
        # Switched off, it writes again.
        assert (await client.configure(only(url=redis.url, readOnly=False))).accepted
        assert raw.execute_command("DEBUG", "DIGEST") == before
        (await client.delete("/key", params={"key": "k"})).raise_for_status()
    assert not raw.exists("k")


@pytest.mark.redis
async def test_routes_with_get_send_reading_commands_only(client: PluginClient, redis: Any) -> None:
    """Second line of defence: what a GET route holds cannot send anything else."""
    links = Links()
    await links.use(Settings.model_validate(only(url=redis.url)))
    async with links.reader("", None) as reader:
        assert type(reader) is Reader
        for command in (
            ("SET", "k", "v"),
            ("FLUSHALL",),
            ("CONFIG", "SET", "dir", "/"),
            ("CLIENT", "KILL", "x"),
        ):
            with pytest.raises(PermissionError):
                await reader.run(*command)
            with pytest.raises(PermissionError):
                await reader.run_each([("PING",), command])
    await links.close()
    assert redis.raw.dbsize() == 0


def test_what_is_not_known_to_read_counts_as_changing() -> None:
    assert not changes(("scan", 0))
    assert not changes(("SLOWLOG", "GET", 5))
    for command in (("SLOWLOG", "RESET"), ("EVAL", "return 1", 0), ("MEMORY", "PURGE"), (b"GET", "x"), ()):
        assert changes(command)


def test_changing_routes_are_for_administrators() -> None:
    plugin = create_plugin()
    for method, path in changing_routes(plugin, HARMLESS):
        assert access(plugin, method, path) == "admin", json.dumps([method, path])
