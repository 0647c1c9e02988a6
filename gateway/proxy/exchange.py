"""Uploads too long for one message: frames in both directions, each as fast as the slower side."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable

from plugway.plugin.v1.http_pb2 import BodyChunk, HttpHeader, HttpRequest, HttpResponse
from plugway.plugin.v1.plugin_pb2 import ExchangeRequest, ExchangeResponse

from gateway.errors import PlugwayError
from gateway.proxy.body import Body, ClientLeft
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.upstream import Upstream
from gateway.proxy.wire.exchanges import ExchangeStream

_PART = 256 * 1024
_MOMENT = 0.05
"""Seconds that a plugin has to refuse an upload before its body is sent."""

_HELD = 512 * 1024
"""Bytes of an upload, beyond its first part, that are kept to begin it anew elsewhere."""


class Upload:
    """One upload and its answer. Use as a context manager: leaving it ends the call."""

    def __init__(self, upstream: Upstream, request: HttpRequest, body: Body) -> None:
        self._upstream = upstream
        self._stream: asyncio.Future[ExchangeStream] = asyncio.get_running_loop().create_future()
        self._request = request
        self._body = body
        self._pump: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._taken: list[bytes] | None = []
        self._room = _HELD
        self.trailers: Iterable[HttpHeader] = ()
        self.refusal: PlugwayError | ClientLeft | CallFailed | None = None

    @property
    def held(self) -> bytes | None:
        """All that was taken of the body; None where it was too much, or the answer has begun."""
        return None if self._taken is None else b"".join(self._taken)

    @property
    def complete(self) -> bool:
        """Whether the whole request body has been read."""
        return self._body.complete

    def start(self, first: bytes, *, wait: bool) -> None:
        """``wait`` says that it could go elsewhere, so a refusal must be understood as one."""
        self._taken = [first]
        self._pump = asyncio.create_task(self._send(first, wait))

    async def _send(self, first: bytes, wait: bool) -> None:
        try:
            stream = await self._upstream.exchange()
            self._stream.set_result(stream)
            await stream.send(ExchangeRequest(http_start=self._request))
            if wait:
                await self._accepted(stream)
            await self._write(stream, first)
            while not self._body.complete:
                part = await self._body.next()
                self._hold(part)
                await self._write(stream, part)
            await stream.send(ExchangeRequest(body=BodyChunk(end=True)))
            stream.send_end()
            self._watcher = asyncio.create_task(self._until_client_leaves())
        except (PlugwayError, ClientLeft) as refusal:
            self._refuse(refusal)
        except TimeoutError:
            words = f"took nothing of the upload for {self._body.pause:g} seconds"
            self._refuse(CallFailed(Failure.TIMED_OUT, words))
        except CallFailed as failed:
            # Where the call has ended, the reading side learns how.
            if not self._stream.done():
                self._refuse(failed)

    async def _accepted(self, stream: ExchangeStream) -> None:
        """Wait for the plugin's headers, which an SDK sends at once, or its refusal.

        What was sent by then is still held, and can be sent elsewhere.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT):
                await stream.accepted()

    def _hold(self, data: bytes) -> None:
        self._room -= len(data)
        if self._room < 0:
            self._taken = None
        elif self._taken is not None:
            self._taken.append(data)

    async def _write(self, stream: ExchangeStream, data: bytes) -> None:
        for start in range(0, len(data), _PART):
            part = data[start : start + _PART]
            async with asyncio.timeout(self._body.pause):
                await stream.send_body(part)

    async def _until_client_leaves(self) -> None:
        await self._body.client_left()
        self._refuse(ClientLeft())

    def _refuse(self, why: PlugwayError | ClientLeft | CallFailed) -> None:
        self.refusal = why
        self._cancel()

    def _cancel(self) -> None:
        if not self._stream.done():
            self._stream.cancel()
        elif not self._stream.cancelled():
            self._stream.result().close()

    async def head(self, within: float) -> HttpResponse:
        """The head of the answer; ``within`` counts from the last part of the upload on."""
        frame = await self._frame(within)
        if frame is None or frame.WhichOneof("frame") != "http_start":
            raise CallFailed(Failure.GARBAGE, "answered an upload without a head")
        self._taken = None
        return frame.http_start

    async def parts(self, idle: float) -> AsyncGenerator[bytes, None]:
        """The body of the answer."""
        while (frame := await self._frame(idle)) is not None:
            if frame.WhichOneof("frame") != "body":
                raise CallFailed(Failure.GARBAGE, "sent a frame that does not belong to a body")
            if frame.body.data:
                yield frame.body.data
            if frame.body.end:
                self.trailers = frame.body.trailers
                return

    async def _frame(self, within: float) -> ExchangeResponse | None:
        reading = asyncio.ensure_future(self._read())
        try:
            await self._until_uploaded_or(reading)
            async with asyncio.timeout(within):
                frame = await reading
        except TimeoutError:
            raise CallFailed(Failure.TIMED_OUT, f"did not go on within {within:g} seconds") from None
        except (CallFailed, asyncio.CancelledError):
            if self.refusal is not None:
                raise self.refusal from None
            raise
        finally:
            reading.cancel()
        if frame is None and self.refusal is not None:
            raise self.refusal
        return frame

    async def _read(self) -> ExchangeResponse | None:
        return await (await asyncio.shield(self._stream)).receive()

    async def _until_uploaded_or(self, reading: asyncio.Future[ExchangeResponse | None]) -> None:
        """As long as the client sends, its own limits count and not the plugin's silence."""
        if self._pump is not None and not self._pump.done():
            await asyncio.wait((self._pump, reading), return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        self._cancel()
        for task in (self._pump, self._watcher):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
