"""Statements and what they may say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.digests import canonical_json
from gateway.trust.refusal import Refused, Rule
from gateway.trust.statement import PREDICATE_TYPE, STATEMENT_TYPE, make_statement, parse_statement
from gateway.trust.times import read_moment, write_moment
from tests.signing import IMAGE, NOW, OTHER, lock

SUBJECTS = {"plugin/b.py": OTHER, "plugin": IMAGE, "plugin/a b/ä.py": IMAGE}


def test_a_statement_is_in_toto_and_canonical() -> None:
    payload = make_statement(SUBJECTS, lock())
    document = json.loads(payload)
    assert document["_type"] == STATEMENT_TYPE == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == PREDICATE_TYPE
    assert document["subject"][0] == {"name": "plugin", "digest": {"sha256": "1" * 64}}
    assert [one["name"] for one in document["subject"]] == sorted(SUBJECTS)
    assert document["predicate"]["signedAt"] == "2026-05-31T12:00:00Z"
    assert "expires" not in document["predicate"]
    assert canonical_json(document) == payload
    assert make_statement(dict(reversed(SUBJECTS.items())), lock()) == payload


def test_what_was_made_is_read_again() -> None:
    said = lock(expires=NOW, csp={"img-src": ["https://a.example:8443"]}, contract=OTHER)
    statement = parse_statement(make_statement(SUBJECTS, said))
    assert (statement.subjects, statement.lock) == (SUBJECTS, said)


@pytest.mark.parametrize(
    "name",
    ["", "plugin/", "plugin/../a", "plugin/a/./b", "plugin//a", "/etc/passwd", "plugin/a\\b", "plugin/a\0b",
     "plugin/a\nb", "other/a", "imag", "image/a", "archive/a", "ui", "ui/" + "a" * 600],
)  # fmt: skip
def test_names_that_lead_elsewhere(name: str) -> None:
    with pytest.raises(Refused) as caught:
        make_statement({name: IMAGE}, lock())
    assert caught.value.rule is Rule.STATEMENT


def spoil(document: dict[str, Any], *path: Any, value: Any) -> None:
    *way, last = path
    for step in way:
        document = document[step]
    document[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1"),
        (("predicateType",), "https://slsa.dev/provenance/v1"),
        (("subject",), []),
        (("subject",), [{"name": "image", "digest": {"sha256": "1" * 64}}] * 2),
        (("subject",), [{"name": "image", "digest": {"sha256": "1" * 64}}] * 10_001),
        (("subject", 0, "digest"), {"sha1": "1" * 40}),
        (("subject", 0, "digest", "sha256"), "1" * 63),
        (("subject", 0, "digest", "sha256"), "1" * 63 + "G"),
        (("subject", 0, "digest", "sha256"), "1" * 64 + "\n"),
        (("subject", 0, "digest", "sha1"), "1" * 40),
        (("predicate", "verified"), True),
        (("predicate", "lock"), 2),
        (("predicate", "plugin"), "../x"),
        (("predicate", "version"), "latest"),
        (("predicate", "signedAt"), "2026-05-31T12:00:00+00:00"),
        (("predicate", "signedAt"), "2026-02-30T12:00:00Z"),
        (("predicate", "signedAt"), 1780000000),
        (("predicate", "expires"), "never"),
        (("predicate", "contract"), "sha1:0"),
        (("predicate", "permissions", "egress"), ["evil"]),
        (("predicate", "permissions", "volumes"), ["../data"]),
        (("predicate", "csp"), {"script-src": ["https://a.example"]}),
        (("predicate", "csp"), {"img-src": ["*"]}),
        (("predicate", "csp"), {"img-src": ["https://a.example; script-src *"]}),
        (("predicate", "csp"), {"img-src": ["http://a.example"]}),
        (("predicate", "csp"), {"img-src": ["https://a.example/path"]}),
        (("predicate", "csp"), {"img-src": ["https://*.example"]}),
    ],
)
def test_what_a_lock_may_not_say(path: tuple[Any, ...], value: Any) -> None:
    document = json.loads(make_statement({"image": IMAGE}, lock()))
    parse_statement(json.dumps(document).encode())
    spoil(document, *path, value=value)
    with pytest.raises(Refused) as caught:
        parse_statement(json.dumps(document).encode())
    assert caught.value.rule is Rule.STATEMENT


def test_times_have_one_spelling() -> None:
    east = timezone(timedelta(hours=2))
    assert write_moment(datetime(2026, 5, 1, 1, 30, 0, 999_999, tzinfo=east)) == "2026-04-30T23:30:00Z"
    assert write_moment(datetime(987, 1, 2, tzinfo=UTC)) == "0987-01-02T00:00:00Z"
    assert read_moment("2026-04-30T23:30:00Z") == datetime(2026, 4, 30, 23, 30, tzinfo=UTC)
    for other in ("2026-04-30", "2026-04-30T23:30:00", "2026-04-30 23:30:00Z", "٢026-04-30T23:30:00Z"):
        with pytest.raises(ValueError):
            read_moment(other)


def test_a_lock_needs_a_time_of_signing() -> None:
    with pytest.raises(ValidationError):
        lock(signed_at=None)
