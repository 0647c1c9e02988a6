"""Calls whose body is too long for one message, or still comes in: passed on while it does."""

from __future__ import annotations

from contextlib import aclosing

from gateway.proxy.answer import announced, open_head
from gateway.proxy.answering import bodiless, send_rest
from gateway.proxy.attempts import Attempts
from gateway.proxy.body import Body
from gateway.proxy.call import Call
from gateway.proxy.exchange import Upload
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.limits.outliers import Outliers


class Uploads:
    """Tells the outliers how each one ended."""

    def __init__(self, attempts: Attempts, outliers: Outliers) -> None:
        self._attempts = attempts
        self._outliers = outliers

    async def carry(self, call: Call, body: Body, first: bytes) -> None:
        """``first`` was read of the body. Raises as :func:`send_answer` does, and what ends the body."""
        limits = call.route.limits
        other = self._attempts.elsewhere(call)
        if call.upstream.retired and other is not None:
            # It was replaced while the body began to come in.
            self._attempts.move(call, other)
        upload = Upload(call.upstream, call.message.request, body)
        try:
            upload.start(first, wait=other is not None)
            try:
                response = await upload.head(limits.timeout)
            except CallFailed as failed:
                upload = await self._elsewhere(call, body, upload, failed)
                response = await upload.head(limits.timeout)
            headers, declared = open_head(response, call.head.request_id)
            if declared is not None:
                headers.append((b"content-length", b"%d" % declared))
            if not upload.complete:
                # What is left of the body must not be taken for the next request.
                headers.append((b"connection", b"close"))
            trailers = call.trailers and not bodiless(call, response.status)
            if trailers:
                headers += announced(response.headers)
            await call.begin_answer(response.status, headers, trailers=trailers)
            call.outlast(headers)
            async with aclosing(upload.parts(limits.stream_idle)) as parts:
                await send_rest(call, headers, parts, declared, limits.stream_idle)
            if trailers:
                await call.end_answer(upload.trailers)
            self._outliers.ok(call.target, call.upstream, call.started)
        except CallFailed as failed:
            self._outliers.failed(call.target, call.upstream, call.started, failed)
            raise
        finally:
            await upload.close()

    async def _elsewhere(self, call: Call, body: Body, upload: Upload, failed: CallFailed) -> Upload:
        """Begin it anew where it was refused and all that was read of it is still held; else raise."""
        await upload.close()
        held = upload.held
        if failed.failure is not Failure.REFUSED or held is None:
            raise failed
        refusing = call.target, call.upstream
        if not self._attempts.go_elsewhere(call, failed):
            raise failed
        self._outliers.failed(*refusing, call.started, failed)
        again = Upload(call.upstream, call.message.request, body)
        again.start(held, wait=False)
        return again
