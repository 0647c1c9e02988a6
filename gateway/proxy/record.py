"""Writing a call down while it is carried: for plugins whose calls somebody records, and no others."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable
from typing import Any

from gateway.proxy import unconfigured
from gateway.proxy.call import Call
from gateway.proxy.headers import Pairs
from gateway.registry.recordings import RecordedBody, RecordedCall, RecordingBoard
from gateway.routing import Recording

_ROOM = 32 * 2**20
# What names somebody or opens something; the gateway passes none of it on but the first, on public routes.
_NEVER = frozenset({b"authorization", b"cookie", b"set-cookie", b"proxy-authorization"})
_OURS = frozenset({b"x-request-id"})
# What an answer would be less than whole and readable for.
_CODINGS = frozenset({b"accept-encoding"})
_SHORTER = _CODINGS | {b"if-none-match", b"if-modified-since"}


class Recorders:
    """All calls that are being written down in this process share 32 MiB for their bodies."""

    def __init__(self, board: RecordingBoard) -> None:
        self._board = board
        self.room = _ROOM

    async def follow(self, recording: Recording, call: Call, carried: Awaitable[None]) -> None:
        """Await ``carried``, and write down the call where it is one that is recorded."""
        if recording.user is not None and recording.user != call.message.request.context.user:
            await carried
            return
        recorder = _Recorder(self, recording, call)
        try:
            await carried
        finally:
            recorder.close()
            if recorder.full:
                self._board.miss(recording.id)
            else:
                self._board.put(recorder.result())


class _Recorder:
    """Stands between a call and its client. The plugin is asked for whole, plain answers."""

    def __init__(self, shared: Recorders, recording: Recording, call: Call) -> None:
        self._recording = recording
        self._call = call
        self._at = time.time()
        self._asked, self._answered = _Kept(shared, recording.most), _Kept(shared, recording.most)
        self._headers: Pairs = []
        self._receive, self._send = call.receive, call.send
        # With nothing left even heads are too much: it is counted as missed.
        self.full = shared.room <= 0
        call.receive, call.send, call.accept = self.receive, self.send, b""
        request = call.message.request
        left_out = _SHORTER if call.method in ("GET", "HEAD") else _CODINGS
        plain = [(h.name, h.value) for h in request.headers if h.name not in left_out]
        del request.headers[:]
        for name, value in plain:
            request.headers.add(name=name, value=value)
        self._asked_headers = _clean(plain)

    async def receive(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.request":
            self._asked.add(message.get("body", b""))
        return message

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._headers = message["headers"]
        elif message["type"] == "http.response.body":
            self._answered.add(message.get("body", b""))
        await self._send(message)

    def close(self) -> None:
        """Give the room back: what was kept is small from here on, or dropped."""
        self._asked.release()
        self._answered.release()

    def result(self) -> RecordedCall:
        call = self._call
        request = call.message.request
        return RecordedCall(
            recording=self._recording.id,
            at=self._at,
            took=call.began - call.started,
            user=request.context.user,
            role=request.context.role,
            release=call.target.target.release_id,
            method=call.method,
            path=request.path,
            query=request.query,
            headers=self._asked_headers,
            body=self._asked.result(),
            status=unconfigured.told(call.status),
            answer_headers=_clean(self._headers),
            answer=self._answered.result(),
            broken=call.broken,
        )


class _Kept:
    """A body as it passes: its size, its digest, and itself while it is no longer than ``most`` bytes."""

    def __init__(self, shared: Recorders, most: int) -> None:
        self._shared = shared
        self._most = most
        self._size = 0
        self._held = 0
        self._digest = hashlib.sha256()
        self._parts: list[bytes] | None = []

    def add(self, part: bytes) -> None:
        self._size += len(part)
        self._digest.update(part)
        if self._parts is None:
            return
        if self._size > self._most or len(part) > self._shared.room:
            self._parts = None
            self.release()
            return
        self._parts.append(part)
        self._held += len(part)
        self._shared.room -= len(part)

    def release(self) -> None:
        self._shared.room += self._held
        self._held = 0

    def result(self) -> RecordedBody:
        content = None if self._parts is None else b"".join(self._parts)
        return RecordedBody(size=self._size, sha256=self._digest.hexdigest(), content=content)


def _clean(headers: Pairs) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name, value) for name, value in headers if name not in _NEVER and name not in _OURS)
