from __future__ import annotations

import hashlib

import pytest

from gateway.replay.answering import Body

MOST = 8 * 2**20


@pytest.mark.parametrize(("beyond", "kept"), [(0, True), (1, False)], ids=["eight-mebibytes", "one-more"])
def test_of_a_long_answer_only_size_and_digest_are_kept(beyond: int, kept: bool) -> None:
    parts = [b"a" * (MOST - 2), b"bc", b"d" * beyond]
    body = Body()
    for part in parts:
        body.add(part)
    answer, whole = body.answer(201, {"etag": "1"}), b"".join(parts)
    assert (answer.status, answer.headers, answer.size) == (201, {"etag": "1"}, MOST + beyond)
    assert answer.sha256 == hashlib.sha256(whole).hexdigest()
    assert answer.content == (whole if kept else None)
