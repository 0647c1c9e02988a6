"""JSON with one meaning."""

from __future__ import annotations

import pytest

from gateway.trust.refusal import Refused
from gateway.trust.statement import make_statement, parse_statement
from gateway.trust.strict_json import NotStrictJson, read_object
from tests.signing import IMAGE, lock


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1, "a": 1}', "twice"),
        (b'{"a": [{"b": 1, "\\u0062": 2}]}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": "\\ud800"}', "UTF-8"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": ' + b"[" * 100_000, "deeply"),
        (b"[]", "not a JSON object"),
        (b"{}" + b" " * 100, "more than 100 bytes"),
        (b"{", "not JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not JSON"),
    ],
)
def test_what_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(NotStrictJson, match=said):
        read_object(data, limit=100 if data.endswith(b"  ") else 2**20)


def test_what_is_read() -> None:
    assert read_object('{"a": [1, 2.5, "ä", null, {"a": true}]}'.encode(), limit=100) == {
        "a": [1, 2.5, "ä", None, {"a": True}]
    }


def test_a_lock_that_two_readers_would_understand_differently() -> None:
    good = make_statement({"image": IMAGE}, lock())
    parse_statement(good)
    twice = good.replace(b'"plugin":"acme-notes"', b'"plugin":"acme-evil","plugin":"acme-notes"')
    assert twice != good
    with pytest.raises(Refused, match="twice"):
        parse_statement(twice)
