"""Whatever bytes come, the parsers of trust end in an answer or in their one documented error."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.trust.envelope import PAYLOAD_TYPE, Envelope, dump_envelope, parse_envelope
from gateway.trust.judge import judge
from gateway.trust.keys import BadKey, parse_public
from gateway.trust.policy import BadPolicy, Policy, parse_policy
from gateway.trust.refusal import Refused, Rule
from gateway.trust.statement import make_statement, parse_statement
from tests.signing import IMAGE, NOW, ONE, envelope, facts, lock, policy, signed

E = TypeVar("E", bound=BadInput)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
GOOD_STATEMENT = json.loads(make_statement({"image": IMAGE, "ui/a.js": IMAGE}, lock(expires=NOW)))
GOOD_ENVELOPE = json.loads(envelope())


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    parts = document.items() if isinstance(document, dict) else enumerate(document)
    found = [path]
    if isinstance(document, (dict, list)):
        for name, inner in parts:
            found += places(inner, (*path, name)) if isinstance(inner, (dict, list)) else [(*path, name)]
    return found


def with_change(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = with_change(copy[path[0]], path[1:], value)
    return copy


def spoilt(document: Any) -> st.SearchStrategy[bytes]:
    """The document with any JSON in any place, or with more in it."""
    changed = st.builds(with_change, st.just(document), st.sampled_from(places(document)), JSON)
    more = st.builds(lambda name, value: {**document, name: value}, st.text(max_size=8), JSON)
    return (changed | more).map(lambda made: json.dumps(made).encode())


def cut(good: bytes) -> st.SearchStrategy[bytes]:
    """Good bytes with some of them replaced, left out or put in."""
    at = st.integers(0, len(good))
    return st.builds(
        lambda a, b, put: good[: min(a, b)] + put + good[max(a, b) :], at, at, st.binary(max_size=8)
    )


def refusal_of(parse: Any, data: Any, documented: type[E]) -> E | None:
    """The documented error where there is one; any other goes through."""
    try:
        parse(data)
    except documented as error:
        return error
    return None


def only_refused(parse: Any, data: bytes, rule: Rule) -> None:
    error = refusal_of(parse, data, Refused)
    assert error is None or (error.rule is rule and error.hint)


@given(
    st.binary() | JSON.map(lambda made: json.dumps(made).encode()) | spoilt(GOOD_ENVELOPE) | cut(envelope())
)
@settings(max_examples=300, deadline=None)
def test_envelopes(data: bytes) -> None:
    only_refused(parse_envelope, data, Rule.ENVELOPE)


STATEMENT = json.dumps(GOOD_STATEMENT).encode()


@given(
    st.binary() | JSON.map(lambda made: json.dumps(made).encode()) | spoilt(GOOD_STATEMENT) | cut(STATEMENT)
)
@settings(max_examples=300, deadline=None)
def test_statements(data: bytes) -> None:
    only_refused(parse_statement, data, Rule.STATEMENT)


POLICY = b"""policy = 1
revoked_running = "stop"
[signers.acme]
plugins = ["acme-*"]
[[signers.acme.keys]]
public = "%s"
valid_until = 2027-01-01T00:00:00Z
[[revoked_releases]]
release = "acme-notes-0123456789ab"
at = 2026-01-01T00:00:00Z
reason = "x"
""" % ONE.public.line.encode()
WORDS = st.sampled_from(
    [b"policy", b"signers", b"[", b"]", b"[[", b"=", b"\n", b"1", b'"a"', b"{", b"}", b".", b"-inf", b"\x00",
     b"'",     b"9999-99-99T00:00:00Z", b"1979-05-27", b"07:32:00", b"keys", b"0x", b"\\u", b"\xff", b","]
)  # fmt: skip


@given(st.binary() | cut(POLICY) | st.lists(WORDS, max_size=12).map(b"".join))
@settings(max_examples=400, deadline=None)
def test_policies(data: bytes) -> None:
    error = refusal_of(parse_policy, data, BadPolicy)
    assert error is None or ("\n" not in error.detail and error.hint)


@given(st.text() | st.binary(max_size=40).map(lambda raw: "ed25519:" + raw.hex()))
@settings(max_examples=200, deadline=None)
def test_keys(text: str) -> None:
    for made in (text, f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"):
        error = refusal_of(parse_public, made, BadKey)
        assert error is None or error.hint


@given(cut(envelope()))
@settings(max_examples=300, deadline=None)
def test_a_tampered_envelope_never_vouches_for_anything_else(data: bytes) -> None:
    """Whatever still verifies says exactly what was signed."""
    try:
        verdict = judge(policy(), data, facts(), NOW)
    except Refused:
        return
    assert verdict.statement == parse_statement(signed().payload)


@given(
    st.binary(max_size=200),
    st.text(max_size=40),
    st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=80))),
)
@settings(max_examples=100, deadline=None)
def test_what_is_dumped_is_read_as_it_was(
    payload: bytes, kind: str, signatures: list[tuple[str, bytes]]
) -> None:
    from gateway.trust.envelope import Signature

    made = Envelope(payload, kind, tuple(Signature(*one) for one in signatures))
    try:
        again = parse_envelope(dump_envelope(made))
    except (BadInput, UnicodeEncodeError):
        assert (
            not payload
            or not kind
            or not signatures
            or len(signatures) > 16
            or any(not s for _, s in signatures)
        )
        return
    assert again == made


DEEP = 200_000


@pytest.mark.parametrize(
    "data",
    [
        b"[" * DEEP, b'{"a":' * DEEP, b'{"payload":"\\ud800","payloadType":"x","signatures":[]}', b"9" * 5000,
        b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1e999}', b" " * (5 * 2**20), b"\xef\xbb\xbf{}", b"null",
        json.dumps({**GOOD_ENVELOPE, "signatures": GOOD_ENVELOPE["signatures"] * 17}).encode(),
        json.dumps({**GOOD_ENVELOPE, "extra": 1}).encode(),
        json.dumps({**GOOD_ENVELOPE, "payload": "a b"}).encode(),
    ],
)  # fmt: skip
def test_hostile_json(data: bytes) -> None:
    with pytest.raises(Refused):
        parse_envelope(data)
    with pytest.raises(Refused):
        parse_statement(data)


@pytest.mark.parametrize(
    "data", [b"a=" + b"[" * DEEP, b"a=" + b"{a=" * DEEP, b"a=1" + b"0" * 5000, b"#" * 2**21]
)
def test_hostile_toml(data: bytes) -> None:
    with pytest.raises(BadPolicy):
        parse_policy(data)


def test_the_good_ones_are_read() -> None:
    """So that the tests above do not pass by refusing everything."""
    assert parse_envelope(envelope()).payload_type == PAYLOAD_TYPE
    assert parse_statement(STATEMENT).subjects == {"image": IMAGE, "ui/a.js": IMAGE}
    assert parse_policy(POLICY).signers["acme"].keys[0].public == ONE.public
    assert parse_policy(b"") == Policy()
