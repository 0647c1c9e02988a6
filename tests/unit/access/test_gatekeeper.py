"""Tokens, sessions and codes, with a clock that the test moves."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.gatekeeper import TOKEN_FILE, Gatekeeper
from gateway.home import Home
from gateway.settings import Settings


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def opened(path: Path, clock: Clock) -> Gatekeeper:
    return Gatekeeper.open(Home(path), Settings.model_validate({"home": path, "session_hours": 2}), clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(tmp_path: Path, clock: Clock) -> Gatekeeper:
    return opened(tmp_path, clock)


def bearer(path: Path) -> bytes:
    return b"Bearer " + (path / TOKEN_FILE).read_text().strip().encode()


def cookie(session: str) -> bytes:
    return f"theme=dark; plugway_session={session}; other=1".encode()


def test_the_token_in_the_file_is_the_administrator(gate: Gatekeeper, tmp_path: Path) -> None:
    caller = gate.identify(bearer(tmp_path), None)
    assert caller is not None
    assert (caller.user, caller.role, caller.session) == ("admin", "admin", "")
    assert gate.identify(bearer(tmp_path).replace(b"Bearer", b"bEARER"), None) == caller


@pytest.mark.parametrize("header", [b"Bearer ", b"Bearer x", b"Bearer \xff\xfe", b"Basic YTpi", b"", None])
def test_anything_else_is_nobody(gate: Gatekeeper, header: bytes | None) -> None:
    assert gate.identify(header, None) is None


def test_the_token_with_more_or_less_is_nobody(gate: Gatekeeper, tmp_path: Path) -> None:
    right = bearer(tmp_path)
    for wrong in (right + b"x", right[:-1], right[:7] + right[8:], right.replace(b" ", b"")):
        assert gate.identify(wrong, None) is None


def test_a_wrong_token_is_not_made_good_by_a_session(gate: Gatekeeper) -> None:
    session = cookie(gate.start_session())
    assert gate.identify(b"Bearer wrong", session) is None
    assert gate.identify(b"Basic of-a-proxy-in-front", session) is not None


def test_a_code_gives_one_session_once(gate: Gatekeeper) -> None:
    code = gate.new_login_code()
    session = gate.redeem(code)
    assert session is not None
    assert gate.redeem(code) is None
    caller = gate.identify(None, cookie(session))
    assert caller is not None
    assert caller.role == "admin"
    assert caller.session


def test_a_code_expires_after_ten_minutes(gate: Gatekeeper, clock: Clock) -> None:
    code = gate.new_login_code()
    clock.now += 599
    other = gate.new_login_code()
    clock.now += 1
    assert gate.redeem(code) is None
    assert gate.redeem(other) is not None


def test_codes_are_bounded_in_number(gate: Gatekeeper) -> None:
    codes = [gate.new_login_code() for _ in range(150)]
    assert gate.redeem(codes[0]) is None
    assert gate.redeem(codes[-1]) is not None


def test_a_session_ends_by_time_even_where_it_was_seen_before(gate: Gatekeeper, clock: Clock) -> None:
    session = cookie(gate.start_session())
    assert gate.identify(None, session) is not None
    clock.now += 2 * 3600 + 1
    assert gate.identify(None, session) is None


async def test_an_ended_session_stays_ended_over_a_restart(
    gate: Gatekeeper, tmp_path: Path, clock: Clock
) -> None:
    ended, other = gate.start_session(), gate.start_session()
    assert gate.identify(None, cookie(ended)) is not None
    await gate.end_session(ended)
    await gate.end_session("never was one")
    for one in (gate, await asyncio.to_thread(opened, tmp_path, clock)):
        assert one.identify(None, cookie(ended)) is None
        assert one.identify(None, cookie(other)) is not None


def test_a_new_token_ends_all_sessions(gate: Gatekeeper, tmp_path: Path, clock: Clock) -> None:
    session = cookie(gate.start_session())
    (tmp_path / TOKEN_FILE).unlink()
    assert opened(tmp_path, clock).identify(None, session) is None


def test_a_planted_cookie_does_not_hide_the_real_one(gate: Gatekeeper) -> None:
    planted = b"plugway_session=planted; " + cookie(gate.start_session())
    assert gate.identify(None, planted) is not None


def test_keys_differ_by_purpose_and_stay(gate: Gatekeeper, tmp_path: Path, clock: Clock) -> None:
    assert len(gate.asset_key) == 32
    assert gate.asset_key != gate.derive_key("session")
    assert opened(tmp_path, clock).asset_key == gate.asset_key


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_header_is_somebody_by_chance_or_breaks_it(authorization: bytes, cookies: bytes) -> None:
    gate = Gatekeeper(token="t" * 30, session_key="k" * 30, session_seconds=60.0)
    assert gate.identify(authorization, cookies) is None
    assert gate.identify(None, b"plugway_session=" + cookies) is None


@given(st.integers(min_value=0), st.characters(codec="ascii"))
def test_a_changed_session_value_is_refused(where: int, what: str) -> None:
    gate = Gatekeeper(token="t" * 30, session_key="k" * 30, session_seconds=60.0)
    session = gate.start_session()
    at = where % len(session)
    changed = session[:at] + what + session[at + 1 :]
    found = gate.identify(None, b"plugway_session=" + changed.encode())
    assert changed == session or found is None or _same_bits(changed, session)


def _same_bits(changed: str, session: str) -> bool:
    """The last character of base64 without padding has bits that mean nothing."""
    return changed[:-1] == session[:-1]


async def test_who_calls_is_found_in_microseconds(gate: Gatekeeper, tmp_path: Path) -> None:
    token, session = bearer(tmp_path), cookie(gate.start_session())
    await asyncio.sleep(0)
    begun = time.process_time()
    for _ in range(5000):
        gate.identify(token, None)
        gate.identify(None, session)
    assert (time.process_time() - begun) / 10_000 < 50e-6
