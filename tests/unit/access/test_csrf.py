"""Forged requests and rebound hosts."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.csrf import WEBSOCKET, forbidden_reason, foreign_reason, host_allowed
from gateway.model import Caller
from gateway.settings import Settings

SESSION = Caller(user="admin", role="admin", session="s")
TOKEN = Caller(user="admin", role="admin")
HOST = (b"host", b"127.0.0.1:8080")
OWN = (b"origin", b"http://127.0.0.1:8080")

ALLOWED: list[list[tuple[bytes, bytes]]] = [
    [HOST, OWN],
    [HOST, OWN, (b"sec-fetch-site", b"same-origin")],
    [HOST, (b"sec-fetch-site", b"same-origin")],
    [(b"host", b"Gate.Example"), (b"origin", b"https://gate.example")],
]
FOREIGN: list[list[tuple[bytes, bytes]]] = [
    [HOST],
    [HOST, (b"origin", b"http://evil.example")],
    [HOST, (b"origin", b"http://127.0.0.1:9999")],
    [HOST, (b"origin", b"null")],
    [HOST, (b"origin", b"")],
    [HOST, (b"origin", b"http://127.0.0.1:8080.evil.example")],
    [HOST, OWN, (b"sec-fetch-site", b"same-site")],
    [HOST, OWN, (b"sec-fetch-site", b"cross-site")],
    [HOST, (b"sec-fetch-site", b"none")],
]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "WHATEVER", WEBSOCKET])
@pytest.mark.parametrize("headers", FOREIGN)
def test_a_session_does_nothing_for_a_foreign_page(method: str, headers: list[tuple[bytes, bytes]]) -> None:
    assert forbidden_reason(method, headers, SESSION)


@pytest.mark.parametrize("headers", ALLOWED)
def test_a_session_works_on_its_own_page(headers: list[tuple[bytes, bytes]]) -> None:
    assert forbidden_reason("POST", headers, SESSION) is None
    assert forbidden_reason(WEBSOCKET, headers, SESSION) is None


@pytest.mark.parametrize("headers", FOREIGN)
def test_reading_and_tokens_and_nobody_are_not_concerned(headers: list[tuple[bytes, bytes]]) -> None:
    assert forbidden_reason("GET", headers, SESSION) is None
    assert forbidden_reason("POST", headers, TOKEN) is None
    assert forbidden_reason("POST", headers, None) is None


def test_the_public_url_is_an_origin_of_ours() -> None:
    behind = [(b"host", b"10.0.0.5:8080"), (b"origin", b"https://plugway.example")]
    assert forbidden_reason("POST", behind, SESSION)
    assert forbidden_reason("POST", behind, SESSION, public_url="https://plugway.example/") is None
    assert forbidden_reason("POST", behind, SESSION, public_url="http://plugway.example/")


def test_without_a_session_only_a_named_foreign_origin_is_refused() -> None:
    assert foreign_reason([HOST]) is None
    assert foreign_reason([HOST, (b"origin", b"http://evil.example")])


def test_a_reason_shows_no_control_characters() -> None:
    reason = forbidden_reason("POST", [HOST, (b"origin", b"http://e\x1b[31m\r\n" + b"x" * 500)], SESSION)
    assert reason is not None
    assert reason.isprintable()
    assert len(reason) < 250


@pytest.mark.parametrize(
    "host",
    [
        b"127.0.0.1:8080", b"localhost", b"LOCALHOST:1", b"notes.localhost:8080", b"[::1]:8080", b"10.1.2.3",
        b"plugway.example", b"gate.lan:8080", b"spare.lan", socket.gethostname().encode(), b"localhost.",
    ],
)  # fmt: skip
def test_own_names_and_addresses_are_taken(host: bytes) -> None:
    assert host_allowed(host, _settings())


@pytest.mark.parametrize(
    "host",
    [
        None, b"", b"evil.example", b"127.0.0.1.evil.example", b"localhost.evil.example", b"evil@localhost",
        b"localhost/evil", b"localhost:port", b"\xff\xfe", b"[::1", b"a b", b":8080",
    ],
)  # fmt: skip
def test_other_names_are_refused(host: bytes | None) -> None:
    assert not host_allowed(host, _settings())


@given(st.binary(max_size=80))
def test_no_host_header_breaks_the_check(host: bytes) -> None:
    host_allowed(host, _settings())


def _settings() -> Settings:
    return Settings.model_validate(
        {"host": "gate.lan", "public_url": "https://plugway.example", "allowed_hosts": "spare.lan, other.lan"}
    )
