"""The access table: what a data plane without a database judges by."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import MappingProxyType

from gateway.access.gatekeeper import Gatekeeper
from gateway.access.reader import COARSE, AccessReader
from gateway.access.table import AccessTable
from gateway.model import Token

SECRET = b"plugway_secret"
TOKEN = Token(
    id="t1", name="ci", digest=hashlib.sha256(SECRET).digest(), role="viewer",
    grants=(("notes", "user"),), expires_at=2000.0,
)  # fmt: skip


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def keeper(clock: Clock) -> Gatekeeper:
    return Gatekeeper(token="t" * 30, session_key="k" * 30, session_seconds=600.0, clock=clock)


def test_a_table_survives_the_way_to_another_process() -> None:
    table = AccessTable(
        number=7, tokens=(TOKEN,), ended=MappingProxyType({"s": 5.0}), session_key=b"\x00\xff", asset_key=b"a"
    )
    assert AccessTable.load(table.dump()) == table


def test_a_reader_elsewhere_knows_whom_the_gatekeeper_knows() -> None:
    clock = Clock()
    gate = keeper(clock)
    gate.set_tokens((TOKEN,))
    elsewhere = AccessReader(clock)
    gate.board.subscribe(lambda table: elsewhere.update(AccessTable.load(table.dump())))
    ci = elsewhere.identify(b"Bearer " + SECRET, None)
    assert ci is not None
    assert (ci.user, ci.role, ci.grants, ci.token) == ("ci", "viewer", (("notes", "user"),), "t1")
    cookie = b"plugway_session=" + gate.start_token_session(ci).encode()
    session = elsewhere.identify(None, cookie)
    assert session is not None
    assert (session.user, session.token) == ("ci", "t1")
    assert session.session
    # Revoked: the token and the session are over with the next table, cached or not.
    gate.set_tokens(())
    assert elsewhere.identify(b"Bearer " + SECRET, None) is None
    assert elsewhere.identify(None, cookie) is None


def test_a_session_is_what_its_token_is_now() -> None:
    clock = Clock()
    gate = keeper(clock)
    gate.set_tokens((TOKEN,))
    ci = gate.identify_token(SECRET.decode())
    assert ci is not None
    cookie = b"plugway_session=" + gate.start_token_session(ci).encode()
    gate.set_tokens((replace(TOKEN, role="", grants=()),))
    now = gate.identify(None, cookie)
    assert now is not None
    assert (now.role, now.grants) == ("", ())


def test_a_token_expires_and_takes_its_sessions_with_it() -> None:
    clock = Clock()
    gate = keeper(clock)
    gate.set_tokens((replace(TOKEN, expires_at=1300.0),))
    ci = gate.identify_token(SECRET.decode())
    assert ci is not None
    cookie = b"plugway_session=" + gate.start_token_session(ci).encode()
    clock.now = 1299.0
    assert gate.identify(None, cookie) is not None
    assert gate.identify_token(SECRET.decode()) is not None
    clock.now = 1300.0
    assert gate.identify(None, cookie) is None
    assert gate.identify_token(SECRET.decode()) is None


def test_uses_are_noted_coarsely() -> None:
    clock = Clock()
    gate = keeper(clock)
    gate.set_tokens((replace(TOKEN, expires_at=0.0),))
    for _ in range(3):
        gate.identify_token(SECRET.decode())
        clock.now += 1
    assert gate.reader.take_used() == {"t1": 1000.0}
    assert gate.reader.take_used() == {}
    clock.now = 1000.0 + COARSE
    gate.identify_token(SECRET.decode())
    assert gate.reader.take_used() == {"t1": 1000.0 + COARSE}


def test_an_equal_table_is_not_published_again() -> None:
    gate = keeper(Clock())
    numbers: list[int] = []
    gate.board.subscribe(lambda table: numbers.append(table.number))
    for tokens in ((TOKEN,), (TOKEN,), ()):
        gate.set_tokens(tokens)
    assert numbers == [0, 1, 2]


def test_no_secret_shows() -> None:
    gate = keeper(Clock())
    shown = repr(gate.board.current)
    assert "session_key" not in shown
    assert "digest" not in shown
