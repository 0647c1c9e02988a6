"""Users, groups, policies and access keys, against a real MinIO; whether they hold is asked of it."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from minio import Minio
from minio.error import S3Error
from plugway_sdk.testing import PluginClient

from plugin_services.minio_management.tests.conftest import SECRET, USER

pytestmark = pytest.mark.minio
READ: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::shelf/*"]}],
}
LIST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": ["arn:aws:s3:::*"]}],
}
ROOT = "/accounts"


@pytest.fixture
def _shelf(shared: Any) -> None:
    if not shared.raw.bucket_exists("shelf"):
        shared.raw.make_bucket("shelf")


async def may(server: Any, name: str, secret: str) -> str:
    """ "" where this login may list buckets, or the code of the refusal."""

    def ask() -> str:
        client = Minio(f"127.0.0.1:{server.port}", name, secret, secure=False, region="us-east-1")
        try:
            client.list_buckets()
        except S3Error as error:
            return error.code or "?"
        return ""

    return await asyncio.to_thread(ask)


async def ok(client: PluginClient, method: str, path: str, body: Any = None, **query: Any) -> Any:
    more = {} if body is None else {"json": body}
    answer = await client.request(method, f"{ROOT}{path}", params=query, **more)
    return answer.raise_for_status().json()


async def refused(
    client: PluginClient, status: int, words: str, method: str, path: str, body: Any = None, **query: Any
) -> None:
    more = {} if body is None else {"json": body}
    answer = await client.request(method, f"{ROOT}{path}", params=query, **more)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"], answer.text


async def test_a_user_from_first_to_last(client: PluginClient, shared: Any) -> None:
    await ok(client, "POST", "/policies", {"name": "list-all", "document": LIST})
    answer = await client.post(f"{ROOT}/users", json={"name": "ann", "policies": ["list-all"]})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    first = answer.json()["secretKey"]
    assert len(first) == 40
    user = {"name": "ann", "enabled": True, "policies": ["list-all"], "groups": []}
    assert await ok(client, "GET", "/user", name="ann") == user
    assert (await ok(client, "GET", "/users", search="ann"))["users"] == [user]
    assert await may(shared, "ann", first) == ""
    # The server would take this as "set its secret key".
    await refused(client, 409, "named 'ann' already", "POST", "/users", {"name": "ann"})
    assert await may(shared, "ann", first) == ""

    await ok(client, "PUT", "/user/status", {"enabled": False}, name="ann")
    assert await may(shared, "ann", first) == "InvalidAccessKeyId"
    await refused(client, 409, "is disabled", "PUT", "/user/secret", {}, name="ann")
    await ok(client, "PUT", "/user/status", {"enabled": True}, name="ann")
    second = (await ok(client, "PUT", "/user/secret", {}, name="ann"))["secretKey"]
    assert await may(shared, "ann", first) == "SignatureDoesNotMatch"
    assert await may(shared, "ann", second) == ""
    own = await ok(client, "PUT", "/user/secret", {"secretKey": "own-secret-1"}, name="ann")
    assert own == {"name": "ann", "secretKey": "own-secret-1"}
    assert await may(shared, "ann", "own-secret-1") == ""

    changed = await ok(client, "PUT", "/user/policies", {"policies": ["diagnostics"]}, name="ann")
    assert changed["policies"] == ["diagnostics"]
    assert await may(shared, "ann", "own-secret-1") == "AccessDenied"
    assert (await ok(client, "PUT", "/user/policies", {"policies": []}, name="ann"))["policies"] == []
    await ok(client, "DELETE", "/user", name="ann")
    assert await may(shared, "ann", "own-secret-1") == "InvalidAccessKeyId"
    await refused(client, 404, "no such user", "GET", "/user", name="ann")


async def test_users_are_refused_in_words(client: PluginClient, shared: Any, open_plugin: Any) -> None:
    for body, status, words in (
        ({"name": "x"}, 422, "between 3 and 20"),
        ({"name": "a=b"}, 422, "reserved characters"),
        ({"name": "bob", "secretKey": "short"}, 422, "between 8 and 40"),
        ({"name": USER}, 409, "root user's name"),
        ({"name": "bob", "policies": ["nowhere"]}, 422, "no policy named 'nowhere'"),
    ):
        await refused(client, status, words, "POST", "/users", body)
    assert (await ok(client, "GET", "/users", search="bob"))["total"] == 0
    for method, path, body in (
        ("PUT", "/user/status", {"enabled": False}),
        ("PUT", "/user/secret", {}),
        ("PUT", "/user/policies", {"policies": ["readonly"]}),
        ("DELETE", "/user", None),
    ):
        await refused(client, 404, "no", method, path, body, name="nobody")
    # The page's own login is not to be lost by a slip.
    await ok(
        client, "POST", "/users", {"name": "boss", "secretKey": "boss-secret", "policies": ["consoleAdmin"]}
    )
    async with open_plugin(shared, accessKey="boss", secretKey="boss-secret") as boss:
        for method, path, body in (
            ("PUT", "/user/status", {"enabled": False}),
            ("PUT", "/user/secret", {}),
            ("DELETE", "/user", None),
        ):
            await refused(boss, 409, "that this connection logs in as", method, path, body, name="boss")
        assert (await ok(boss, "GET", "/user", name="boss"))["enabled"] is True


async def test_users_come_in_pages(client: PluginClient, shared: Any) -> None:
    def arrange() -> None:
        for number in range(7):
            shared.admin.user_add(f"paged-{number}", "paged-secret")

    await asyncio.to_thread(arrange)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await ok(client, "GET", "/users", search="paged", after=after, limit=3)
        assert page["total"] == 7
        seen += [user["name"] for user in page["users"]]
        after = page["after"]
    assert seen == [f"paged-{number}" for number in range(7)]


async def test_a_group_from_first_to_last(client: PluginClient, shared: Any) -> None:
    for name in ("eve", "fay"):
        await ok(client, "POST", "/users", {"name": name, "secretKey": f"{name}-secret"})
    await ok(client, "POST", "/policies", {"name": "for-team", "document": LIST})
    made = await ok(client, "POST", "/groups", {"name": "team a/b", "members": ["eve"]})
    assert made == {"name": "team a/b", "enabled": True, "policies": [], "members": ["eve"]}
    await refused(client, 409, "named 'team a/b' already", "POST", "/groups", {"name": "team a/b"})
    assert await may(shared, "eve", "eve-secret") == "AccessDenied"
    team = {"name": "team a/b"}
    await ok(client, "PUT", "/group/policies", {"policies": ["for-team"]}, **team)
    assert await may(shared, "eve", "eve-secret") == ""
    assert (await ok(client, "GET", "/user", name="eve"))["groups"] == ["team a/b"]
    members = (await ok(client, "PUT", "/group/members", {"members": ["fay"]}, **team))["members"]
    assert members == ["fay"]
    assert await may(shared, "eve", "eve-secret") == "AccessDenied"
    assert await may(shared, "fay", "fay-secret") == ""
    await ok(client, "PUT", "/group/status", {"enabled": False}, **team)
    assert await may(shared, "fay", "fay-secret") == "AccessDenied"
    listed = (await ok(client, "GET", "/groups", search="team"))["groups"]
    assert listed == [{**team, "enabled": False, "policies": None, "members": ["fay"]}]
    await refused(client, 409, "is disabled", "PUT", "/group/policies", {"policies": ["readonly"]}, **team)
    await ok(client, "PUT", "/group/status", {"enabled": True}, **team)
    assert (await ok(client, "GET", "/group", **team))["policies"] == ["for-team"]
    await refused(client, 404, "no such user", "PUT", "/group/members", {"members": ["nobody"]}, **team)
    await refused(client, 409, "not empty", "DELETE", "/group", **team)
    await ok(client, "DELETE", "/group", members=True, **team)
    await refused(client, 404, "no such group", "GET", "/group", **team)
    await refused(client, 404, "no such group", "DELETE", "/group", **team)
    assert (await ok(client, "GET", "/user", name="fay"))["groups"] == []
    await refused(client, 422, "reserved characters", "POST", "/groups", {"name": "a,b"})


async def test_a_policy_from_first_to_last(client: PluginClient, shared: Any) -> None:
    made = await ok(client, "POST", "/policies", {"name": "shelf-read", "document": READ})
    assert made == {"name": "shelf-read", "builtIn": False, "document": READ, "users": [], "groups": []}
    again = {"name": "shelf-read", "document": LIST}
    await refused(client, 409, "named 'shelf-read' already", "POST", "/policies", again)
    named = {"name": "shelf-read"}
    changed = await ok(client, "PUT", "/policy", {"document": LIST}, **named)
    assert changed["document"]["Statement"][0]["Action"] == ["s3:ListAllMyBuckets"]
    await ok(client, "POST", "/users", {"name": "gil", "secretKey": "gil-secret", "policies": ["shelf-read"]})
    await ok(client, "POST", "/groups", {"name": "readers", "policies": ["shelf-read"]})
    found = await ok(client, "GET", "/policy", **named)
    assert (found["users"], found["groups"]) == (["gil"], ["readers"])
    # Changed, it counts at once for those who have it.
    assert await may(shared, "gil", "gil-secret") == ""
    await ok(client, "PUT", "/policy", {"document": READ}, **named)
    assert await may(shared, "gil", "gil-secret") == "AccessDenied"
    await refused(client, 409, "attached to user gil, group readers", "DELETE", "/policy", **named)
    await ok(client, "PUT", "/user/policies", {"policies": []}, name="gil")
    await ok(client, "PUT", "/group/policies", {"policies": []}, name="readers")
    await ok(client, "DELETE", "/policy", **named)
    await refused(client, 404, "no such policy", "GET", "/policy", **named)
    await refused(client, 404, "no policy named", "DELETE", "/policy", **named)
    await refused(client, 404, "no policy named", "PUT", "/policy", {"document": READ}, **named)
    await refused(client, 409, "comes with MinIO", "DELETE", "/policy", name="readonly")
    await refused(client, 409, "comes with MinIO", "PUT", "/policy", {"document": READ}, name="readonly")
    page = await ok(client, "GET", "/policies", limit=2)
    assert [policy["name"] for policy in page["policies"]] == ["consoleAdmin", "diagnostics"]
    assert page["policies"][0]["builtIn"] is True
    following = await ok(client, "GET", "/policies", limit=100, after=page["after"])
    rest = [policy["name"] for policy in following["policies"]]
    assert rest == sorted(rest)
    assert {"readonly", "readwrite", "writeonly"} <= set(rest)
    assert 2 + len(rest) == following["total"]


def spoilt(**change: Any) -> dict[str, Any]:
    return {**READ, "Statement": [{**READ["Statement"][0], **change}]}


async def test_bad_policies_are_refused_in_words(client: PluginClient) -> None:
    for document, words in (
        ({}, "needs a version"),
        ({"Version": "2012-10-17"}, "needs a list of statements"),
        ({**READ, "Statement": ["Allow"]}, "Statement 1 is not an object"),
        ({**READ, "Statements": []}, "field 'Statements'"),
        (spoilt(Effect="Maybe"), "Allow or Deny"),
        (spoilt(Action=[]), "has no action"),
        (spoilt(Actions=["s3:*"]), "Statement 1 has a field 'Actions'"),
        (spoilt(Principal="*"), "only policies of buckets"),
        # What the server itself finds, in its words.
        (spoilt(Action=["s3:Nope"]), "s3:Nope"),
        (spoilt(Resource=["shelf"]), "invalid resource 'shelf'"),
    ):
        await refused(client, 422, words, "POST", "/policies", {"name": "bad", "document": document})
        await refused(client, 422, words, "POST", "/access-keys", {"policy": document})
    await refused(client, 404, "no such policy", "GET", "/policy", name="bad")
    assert (await ok(client, "GET", "/access-keys"))["total"] == 0


@pytest.mark.usefixtures("_shelf")
async def test_an_access_key_from_first_to_last(client: PluginClient, shared: Any) -> None:
    answer = await client.post(f"{ROOT}/access-keys", json={"label": "job", "description": "of a test"})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    free = answer.json()
    assert await may(shared, free["name"], free["secretKey"]) == ""
    bound = await ok(client, "POST", "/access-keys", {"policy": READ, "days": 30})
    assert await may(shared, bound["name"], bound["secretKey"]) == "AccessDenied"
    listed = await ok(client, "GET", "/access-keys")
    assert listed["total"] == 2
    keys = {key["accessKey"]: key for key in listed["accessKeys"]}
    assert keys[free["name"]] == {
        "accessKey": free["name"], "user": USER, "label": "job", "description": "of a test",
        "enabled": True, "expires": None, "bound": False,
    }  # fmt: skip
    ends = datetime.fromisoformat(keys[bound["name"]]["expires"]) - datetime.now(UTC)
    assert timedelta(days=29) < ends <= timedelta(days=30)
    details = await ok(client, "GET", "/access-key", key=bound["name"])
    assert details["policy"] == READ
    assert free["secretKey"] not in str(listed)
    assert bound["secretKey"] not in str(details)
    first = await ok(client, "GET", "/access-keys", limit=1)
    second = await ok(client, "GET", "/access-keys", limit=1, after=first["after"])
    assert {page["accessKeys"][0]["accessKey"] for page in (first, second)} == set(keys)
    assert second["after"] is None
    for name in keys:
        await ok(client, "DELETE", "/access-key", key=name)
    assert await may(shared, free["name"], free["secretKey"]) == "InvalidAccessKeyId"
    await refused(client, 404, "no such access key", "DELETE", "/access-key", key=free["name"])
    await refused(client, 404, "no such access key", "GET", "/access-key", key=free["name"])
    await refused(client, 422, "365", "POST", "/access-keys", {"days": 366})
    await refused(client, 422, "pattern", "POST", "/access-keys", {"label": "ä"})


async def test_access_keys_of_others_are_seen_and_the_own_is_kept(
    client: PluginClient, shared: Any, open_plugin: Any
) -> None:
    await ok(client, "POST", "/users", {"name": "kim", "secretKey": "kim-secret", "policies": ["readwrite"]})
    async with open_plugin(shared, accessKey="kim", secretKey="kim-secret") as kim:
        made = await ok(kim, "POST", "/access-keys", {})
        # Who may not see to the server is told so, of everything that is not its own.
        for path in ("/users", "/groups", "/policies"):
            await refused(kim, 403, "'kim' may not do this", "GET", path)
    login = {"accessKey": made["name"], "secretKey": made["secretKey"]}
    async with open_plugin(shared, **login) as with_key:
        assert [key["user"] for key in (await ok(with_key, "GET", "/access-keys"))["accessKeys"]] == ["kim"]
        await refused(with_key, 409, "logs in with", "DELETE", "/access-key", key=made["name"])
    seen = await ok(client, "GET", "/access-keys", user="kim")
    assert [key["accessKey"] for key in seen["accessKeys"]] == [made["name"]]
    await ok(client, "DELETE", "/user", name="kim")
    assert await may(shared, made["name"], made["secretKey"]) == "InvalidAccessKeyId"


async def test_each_connection_has_its_own_accounts_and_its_own_read_only_switch(
    shared: Any, minio: Any, open_plugin: Any
) -> None:
    both = {"free": shared.connection, "safe": {**minio.connection, "readOnly": True}}
    async with open_plugin(connections=both) as client:
        await ok(client, "POST", "/users", {"name": "one-side"}, connection="free")
        await refused(client, 403, "read only", "POST", "/users", {"name": "other"}, connection="safe")
        free = await ok(client, "GET", "/users", search="one-side", connection="free")
        safe = await ok(client, "GET", "/users", connection="safe")
        assert (free["total"], safe["total"]) == (1, 0)
        nodes = [
            (await client.get("/server", params={"connection": name})).raise_for_status().json()["nodes"]
            for name in both
        ]
        assert [node["endpoint"] for (node,) in nodes] == [
            f"127.0.0.1:{server.port}" for server in (shared, minio)
        ]
        await refused(client, 404, "no connection named", "GET", "/users", connection="gone")


async def test_secret_keys_are_told_once_and_written_nowhere(
    client: PluginClient, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    given = "given-by-somebody-1"
    # What comes in wrong is not repeated, either.
    long = await client.post(f"{ROOT}/users", json={"name": "lea", "secretKey": given * 20, "extra": given})
    assert long.status_code == 422
    told = [
        (await ok(client, "POST", "/users", {"name": "lea"}))["secretKey"],
        (await ok(client, "PUT", "/user/secret", {"secretKey": given}, name="lea"))["secretKey"],
    ]
    key = await ok(client, "POST", "/access-keys", {"label": "once"})
    told.append(key["secretKey"])
    again = await client.post(f"{ROOT}/users", json={"name": "lea", "secretKey": given})
    answers = [long, again]
    for path in ("/users", "/user?name=lea", "/access-keys", f"/access-key?key={key['name']}"):
        answers.append(await client.get(f"{ROOT}{path}"))
    await ok(client, "DELETE", "/access-key", key=key["name"])
    printed = "".join(capfd.readouterr()) + caplog.text
    for secret in (*told, SECRET):
        assert secret not in printed
        assert not [answer.text for answer in answers if secret in answer.text]
