"""Secrets never leave in a text."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from plugway_sdk.logs import JsonFormatter
from plugway_sdk.masking import Mask

SECRET = 'p@ss "wörd"\\/7'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"redis://:{SECRET}@host",
        "redis://:p%40ss%20%22w%C3%B6rd%22%5C%2F7@host",
        json.dumps({"password": SECRET}),
        repr({"password": SECRET}),
        f"{SECRET}{SECRET}",
    ],
)
def test_every_usual_spelling_is_hidden(text: str) -> None:
    masked = Mask([SECRET])(text)
    assert "******" in masked
    for rest in ("p@ss", "wörd", "00f6", "%C3%B6"):
        assert rest not in masked


def test_no_secret_hides_nothing() -> None:
    assert Mask(["", ""])("a text") == "a text"


@example(secret="m", before="", after="")
@given(secret=st.text(min_size=1, max_size=40), before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_line_stays_json_and_holds_no_secret(secret: str, before: str, after: str) -> None:
    record = logging.makeLogRecord(
        {
            "msg": before + secret + after,
            "levelname": "INFO",
            "name": "x",
            "nested": {"list": [secret, 1, None], "key " + secret: object()},
        }
    )
    line = JsonFormatter(Mask([secret])).format(record)
    assert "\n" not in line
    document = json.loads(line)
    assert document["message"].count("******") >= 1
    # Names of extras are masked too, so they are found by their shape.
    [nested] = [value for value in document.values() if isinstance(value, dict)]
    assert ["******", 1, None] in nested.values()


def test_an_error_is_kept_with_its_trace_and_masked() -> None:
    try:
        raise ValueError(f"cannot log in with {SECRET}")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    document = json.loads(JsonFormatter(Mask([SECRET])).format(record))
    assert "ValueError: cannot log in with ******" in document["error"]
    assert "test_masking.py" in document["error"]
