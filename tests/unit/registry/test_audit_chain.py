"""The chain of the audit log: whatever is done to it shows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registry.audit_chain import check_chain, entry_hash, linked


def chain(length: int) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number in range(length):
        made.append(linked({"act": f"act-{number}", "facts": {"é": [1]}}, made[-1] if made else None))
    return made


def test_a_chain_holds_from_any_entry_on() -> None:
    made = chain(5)
    for begin in range(5):
        checked = check_chain(made[begin:])
        assert (checked.problem, checked.entries) == ("", 5 - begin)
        assert (checked.head, checked.head_hash) == (5, made[-1]["hash"])
    assert check_chain([]).problem == ""


@given(st.integers(0, 4), st.sampled_from(["act", "facts", "seq", "previous", "hash", "more"]))
def test_any_change_shows(where: int, what: str) -> None:
    made = chain(5)
    made[where] = {**made[where], what: "other"}
    assert check_chain(made).problem
    # Also where its own hash was made to fit, unless it is the last: that one a noted head shows.
    made[where]["hash"] = entry_hash(made[where])
    if where < 4 and what != "hash":
        assert check_chain(made).problem


@given(st.integers(0, 4), st.integers(0, 4))
def test_what_was_moved_or_taken_out_shows(one: int, other: int) -> None:
    made = chain(5)
    made[one], made[other] = made[other], made[one]
    assert bool(check_chain(made).problem) is (one != other)
    made = chain(5)
    del made[1 + one % 3]
    assert check_chain(made).problem


def test_a_noted_head_shows_an_end_that_was_cut_or_written_anew() -> None:
    made = chain(5)
    noted = {5: made[4]["hash"]}
    assert check_chain(made, noted).problem == ""
    assert "missing" in check_chain(made[:4], noted).problem
    assert "missing" in check_chain([], noted).problem
    anew = [*made[:4], linked({"act": "other"}, made[3])]
    assert check_chain(anew).problem == ""
    assert "not the one that was noted" in check_chain(anew, noted).problem


@pytest.mark.parametrize("seq", [None, "1", 0, 2.5, True])
def test_numbers_are_numbers(seq: Any) -> None:
    entry = {**chain(1)[0], "seq": seq}
    entry["hash"] = entry_hash(entry)
    checked = check_chain([*chain(1), entry])
    assert checked.problem
