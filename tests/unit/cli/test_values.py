"""Settings as words on a command line."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.exits import Exit, Failure
from gateway.cli.values import changed

SCHEMA: dict[str, Any] = {
    "properties": {
        "url": {"type": "string"},
        "readOnly": {"type": "boolean"},
        "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "hosts": {"type": "array"},
        "mode": {"$ref": "#/$defs/Mode"},
        "any": {},
        "password": {"type": "string", "writeOnly": True},
        "key": {"anyOf": [{"type": "string", "writeOnly": True}, {"type": "null"}]},
    },
    "additionalProperties": False,
    "$defs": {"Mode": {"enum": ["fast", "safe"], "type": "string"}},
}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("url=redis://h:1/0?a=b", "redis://h:1/0?a=b"),
        ("url=", ""),
        ("url=5", "5"),
        ("readOnly=true", True),
        ("size=5", 5),
        ("size=null", None),
        ("name=5", "5"),
        ("name=five", "five"),
        ("name=null", None),
        ('hosts=["a","b"]', ["a", "b"]),
        ("mode=fast", "fast"),
        ("any=5", 5),
        ("any=five", "five"),
    ],
)
def test_words_are_read_by_the_schema(word: str, value: object) -> None:
    key = word.partition("=")[0]
    assert changed({"other": 1}, SCHEMA, [word], []) == {"other": 1, key: value}


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("readOnly=yes", Exit.REFUSED, "takes boolean"),
        ("size=big", Exit.REFUSED, "takes integer or null"),
        ("ulr=x", Exit.REFUSED, "no setting 'ulr'"),
        ("url", Exit.USAGE, "not of the form"),
        ("password=hunter2", Exit.USAGE, "is a secret"),
        ("key=hunter2", Exit.USAGE, "is a secret"),
    ],
)
def test_words_that_cannot_hold(word: str, code: Exit, said: str) -> None:
    with pytest.raises(Failure, match=said) as caught:
        changed({}, SCHEMA, [word], [])
    assert caught.value.code == code
    assert "hunter2" not in str(caught.value.problem)


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(Failure) as caught:
        changed({}, SCHEMA, ["readonly=true"], [])
    assert caught.value.problem["hint"] == "Did you mean 'readOnly'?"


def test_unset_takes_out_and_what_was_given_is_not_changed() -> None:
    before = {"url": "x", "size": 5}
    assert changed(before, SCHEMA, ["url=y"], ["size"]) == {"url": "y"}
    assert before == {"url": "x", "size": 5}
    with pytest.raises(Failure):
        changed(before, SCHEMA, [], ["sice"])


def test_a_schema_may_allow_more_than_it_names() -> None:
    assert changed({}, {"properties": {}, "additionalProperties": True}, ["x=1"], []) == {"x": 1}
