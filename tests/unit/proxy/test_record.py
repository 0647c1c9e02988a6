"""What a data plane keeps of the calls that somebody records, and what it does not."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

from plugway.plugin.v1.plugin_pb2 import HandleRequest

from gateway.proxy import record
from gateway.proxy.call import Call
from gateway.proxy.head import Head
from gateway.proxy.record import Recorders
from gateway.registry.recordings import RecordedCall, RecordingBoard
from gateway.routing import Recording
from tests.fakes.data_plane import endpoint, route
from tests.unit.proxy.test_table import Kit

RECORDING = Recording(id="r", user="ann", most=10)


def a_call(user: str = "ann", method: str = "GET", *parts: bytes) -> Call:
    kit = Kit()
    kit.publish(route(endpoint("unix:/a")))
    prepared = kit.table.routes[b"notes"]
    message = HandleRequest()
    message.request.path = b"/x"
    message.request.context.user = user
    for name in (b"accept", b"accept-encoding", b"if-none-match", b"authorization"):
        message.request.headers.add(name=name, value=b"v")
    asked = [{"type": "http.request", "body": part, "more_body": True} for part in parts]

    async def receive() -> Any:
        return asked.pop(0)

    async def send(message: Any) -> None:
        pass

    assert prepared.first is not None
    call = Call(prepared, prepared.first, message, Head(), method, receive, send)
    call.accept = b"br"
    return call


async def carried(call: Call, *answer: bytes) -> None:
    await call.receive()
    await call.begin_answer(200, [(b"set-cookie", b"c"), (b"x-request-id", b"1"), (b"content-type", b"a/b")])
    for part in answer:
        await call.send_part({"type": "http.response.body", "body": part, "more_body": True})


class Kept:
    def __init__(self) -> None:
        self.board = RecordingBoard()
        self.calls: list[RecordedCall] = []
        self.missed = 0
        self.board.open("r", self._take)

    def _take(self, call: RecordedCall | int) -> None:
        if isinstance(call, int):
            self.missed += call
        else:
            self.calls.append(call)


async def test_bodies_are_kept_up_to_their_limit_and_known_by_digest_beyond_it() -> None:
    kept = Kept()
    recorders = Recorders(kept.board)
    room = recorders.room
    call = a_call("ann", "PUT", b"twelve bytes")
    await recorders.follow(RECORDING, call, carried(call, b"12345", b"67890"))
    (found,) = kept.calls
    assert (found.body.size, found.body.content) == (12, None)
    assert found.body.sha256 == hashlib.sha256(b"twelve bytes").hexdigest()
    assert (found.answer.size, found.answer.content) == (10, b"1234567890")
    assert found.answer_headers == ((b"content-type", b"a/b"),)
    assert recorders.room == room, "all of it is given back"


async def test_the_plugin_is_asked_for_whole_plain_answers() -> None:
    kept = Kept()
    for method, left in (("GET", [b"accept"]), ("PUT", [b"accept", b"if-none-match"])):
        call = a_call("ann", method, b"")
        await Recorders(kept.board).follow(RECORDING, call, carried(call))
        assert call.accept == b""
        names = [header.name for header in call.message.request.headers]
        assert names == [*left, b"authorization"], "a plugin still gets what is its own"
        assert [name for name, _ in kept.calls[-1].headers] == left


async def test_the_calls_of_others_are_left_alone() -> None:
    kept = Kept()
    call = a_call("bob", "GET", b"")
    before = call.send, call.receive
    await Recorders(kept.board).follow(RECORDING, call, carried(call, b"x"))
    assert not kept.calls
    assert (call.send, call.receive, call.accept) == (*before, b"br")


async def test_without_room_calls_are_carried_and_counted_as_missed(monkeypatch: Any) -> None:
    monkeypatch.setattr(record, "_ROOM", 8)
    kept = Kept()
    recorders = Recorders(kept.board)
    first = a_call("ann", "PUT", b"12345")

    async def meanwhile() -> None:
        await carried(first, b"123")
        second = a_call("ann", "PUT", b"")
        await recorders.follow(RECORDING, second, carried(second, b"x"))
        assert second.status == 200

    await recorders.follow(RECORDING, first, meanwhile())
    assert (len(kept.calls), kept.missed) == (1, 1)
    assert recorders.room == 8


async def test_a_call_that_fails_is_recorded_with_the_room_given_back() -> None:
    kept = Kept()
    recorders = Recorders(kept.board)
    room = recorders.room
    call = a_call("ann", "PUT", b"12345")

    async def breaks() -> None:
        await call.receive()
        raise RuntimeError

    with contextlib.suppress(RuntimeError):
        await recorders.follow(RECORDING, call, breaks())
    assert [found.status for found in kept.calls] == [0]
    assert recorders.room == room
