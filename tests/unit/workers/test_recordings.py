"""Calls that a worker cannot tell of at once are counted, and told of when it can."""

from __future__ import annotations

from gateway.registry.recordings import RecordedBody, RecordedCall
from gateway.workers.messages import Message, Recorded, Unrecorded
from gateway.workers.recordings import ToldRecordings

NOTHING = RecordedBody(size=0, sha256="", content=b"")


def call(recording: str) -> RecordedCall:
    return RecordedCall(
        recording=recording, at=1.0, took=0.1, user="ann", role="admin", release="r1", method="GET",
        path=b"/", query=b"", headers=(), body=NOTHING, status=200, answer_headers=(), answer=NOTHING,
    )  # fmt: skip


def test_what_is_not_told_is_counted_until_it_can_be() -> None:
    told: list[Message] = []
    away = False

    def tell(message: Message) -> bool:
        if not away:
            told.append(message)
        return not away

    recordings = ToldRecordings(tell)
    recordings.put(call("a"))
    away = True
    recordings.put(call("a"))
    recordings.put(call("a"))
    recordings.miss("a")
    away = False
    recordings.put(call("a"))
    recordings.put(call("a"))
    assert told == [
        Recorded(call=call("a")), Unrecorded(recording="a", calls=3), Recorded(call=call("a")),
        Recorded(call=call("a")),
    ]  # fmt: skip
    away = True
    recordings.put(call("a"))
    recordings.put(call("b"))
    away = False
    recordings.put(call("b"))
    assert told[-2:] == [Unrecorded(recording="b", calls=1), Recorded(call=call("b"))]
