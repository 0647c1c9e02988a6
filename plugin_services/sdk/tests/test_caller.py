"""Who calls: believed where the gateway's signature says so, for this plugin and release."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from plugway.plugin.v1 import plugin_pb2
from plugway_sdk import Caller, CallerUnproven, NoCall, Plugin, caller
from plugway_sdk.callers import LEEWAY, TrustedKeys, trusted_keys
from plugway_sdk.testing import harness
from plugway_sdk.testing.proofs import RELEASE, ProofMaker


class Clock:
    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def maker() -> ProofMaker:
    return ProofMaker("notes")


@pytest.fixture
def trusted(maker: ProofMaker, clock: Clock) -> TrustedKeys:
    keys = TrustedKeys(clock)
    keys.take("notes", RELEASE, [maker.key])
    return keys


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    given = {"/scope": (scope,), "/thread": ()}.get(scope["path"].removeprefix("/plugins/notes/api"), ())
    try:
        if scope["path"].endswith("/thread"):
            found = await asyncio.to_thread(caller)
        else:
            found = caller(*given)
        status, body = 200, json.dumps([found.user, found.role])
    except CallerUnproven as error:
        status, body = 401, str(error)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body.encode()})


@pytest.mark.parametrize("path", ["/scope", "/plain", "/thread"])
async def test_one_line_says_who_calls(path: str) -> None:
    async with harness(Plugin(id="notes", version="1.0.0", app=app), user="bea", role="viewer") as client:
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (200, ["bea", "viewer"])


async def test_nobody_is_proven_on_a_public_route() -> None:
    async with harness(Plugin(id="notes", version="1.0.0", app=app), user="", role="") as client:
        answer = await client.get("/scope")
        assert answer.status_code == 401
        assert "nobody is signed in" in answer.text


async def test_a_name_without_its_proof_is_not_believed() -> None:
    async with harness(Plugin(id="notes", version="1.0.0", app=app)) as client:
        head = client.head_of("GET", "/scope")
        head.context.token = ""
        answer = await client.stub.Handle(plugin_pb2.HandleRequest(request=head))
        assert answer.response.status == 401


async def test_new_keys_are_no_new_settings_and_old_ones_end() -> None:
    async with harness(Plugin(id="notes", version="1.0.0", app=app)) as client:
        other = ProofMaker("notes")
        request = plugin_pb2.ConfigureRequest(call_keys=[other.key], release_id="another", dry_run=True)
        assert (await client.stub.Configure(request)).accepted
        assert (await client.get("/scope")).status_code == 200
        request.dry_run = False
        assert (await client.stub.Configure(request)).accepted
        assert (await client.get("/scope")).status_code == 401


def test_there_is_no_caller_outside_of_a_call() -> None:
    with pytest.raises(NoCall):
        caller()
    with pytest.raises(NoCall):
        caller({"type": "http"})


def test_a_proof_is_believed_until_it_expires(trusted: TrustedKeys, maker: ProofMaker, clock: Clock) -> None:
    token = maker.token("ann", "user", iat=int(clock.now), exp=int(clock.now) + 60)
    assert trusted.check(token) == Caller(user="ann", role="user")
    clock.now += 60 + LEEWAY - 0.1
    assert trusted.check(token) == Caller(user="ann", role="user")
    clock.now += 0.1
    with pytest.raises(CallerUnproven, match="expired"):
        trusted.check(token)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "other"}, "another plugin"),
        ({"iss": "somebody"}, "another plugin"),
        ({"release": "r0"}, "another release"),
        ({"exp": 1}, "expired"),
        ({"iat": 9_999_999_999, "exp": 9_999_999_999}, "future"),
        ({"exp": None}, "lacks"),
        ({"exp": "9999999999"}, "lacks"),
        ({"exp": True}, "lacks"),
        ({"sub": None}, "lacks"),
        ({"aud": ["notes"]}, "lacks"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_what_it_says_must_fit(
    trusted: TrustedKeys, maker: ProofMaker, claims: dict[str, Any], why: str
) -> None:
    with pytest.raises(CallerUnproven, match=why):
        trusted.check(maker.token("ann", "admin", **claims))


def part(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def test_forged_ones(trusted: TrustedKeys, maker: ProofMaker) -> None:
    good = maker.token("ann", "user")
    head, claims, signature = good.split(".")
    stranger = ProofMaker("notes").token("ann", "admin")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    forged = [
        "", ".", "..", "a.b.c", "x" * 5000, f"{head}.{claims}.", f"{head}.{claims}", f"{good}.x", good + "é",
        stranger,
        f"{head}.{part({**said, 'role': 'admin'})}.{signature}",
        f"{part({'alg': 'none', 'typ': 'plugway-call+jwt', 'kid': 'test'})}.{claims}.",
        f"{part({'alg': 'HS256', 'typ': 'plugway-call+jwt', 'kid': 'test'})}.{claims}.{signature}",
        f"{part({'alg': 'EdDSA', 'typ': 'JWT', 'kid': 'test'})}.{claims}.{signature}",
        f"{part({'alg': 'EdDSA', 'typ': 'plugway-call+jwt'})}.{claims}.{signature}",
        f"{part([])}.{claims}.{signature}", f"{part(1)}.{part(2)}.{part(3)}",
    ]  # fmt: skip
    for token in forged:
        with pytest.raises(CallerUnproven):
            trusted.check(token)
    assert trusted.check(good).user == "ann"


def test_nothing_is_believed_before_the_gateway_named_a_key(maker: ProofMaker) -> None:
    with pytest.raises(CallerUnproven, match="did not name"):
        TrustedKeys().check(maker.token("ann", "admin"))
    with pytest.raises(CallerUnproven):
        trusted_keys.check(maker.token("ann", "admin"))
